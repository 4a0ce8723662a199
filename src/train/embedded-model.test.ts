/** @file Eight steps of SFT and DPO on the embedded model against TRL; skipped where the model has not been fetched. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEngine } from "../engine/engine.js";
import type { Engine } from "../engine/types.js";
import type { Adapter, LoadedModel } from "../models/loaded-model.js";
import { makeAdapter, readAdapter, writeAdapter } from "../models/lora/adapter.js";
import { factorName, loraFactors, loraModules } from "../models/lora/lora.js";
import { isOnThisMachine, openModel } from "../models/open.js";
import { registryEntry } from "../models/registry.js";
import type { Message } from "../text/messages.js";
import { trainDpo } from "./methods/dpo.js";
import { trainSft } from "./methods/sft.js";

interface Golden {
  readonly model: string;
  readonly tolerance: {
    readonly absolute: number;
    readonly relative: number;
    readonly productRelative: number;
  };
  readonly startingA: {
    readonly module: string;
    readonly first: readonly number[];
    readonly last: readonly number[];
  };
  readonly options: Readonly<Record<string, string>>;
  readonly rows: readonly {
    readonly id: string;
    readonly prompt: string;
    readonly [answer: string]: string;
  }[];
  readonly metrics: readonly Readonly<Record<string, number>>[];
  readonly productNorms: Readonly<Record<string, number>>;
}

const SLOW_MS = 1_800_000;
const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../test/golden/${name}.json`, import.meta.url), "utf8")) as Golden;
const [sft, dpo] = [read("trl-sft"), read("trl-dpo")];
const entry = registryEntry(sft.model);
const isHere = entry !== undefined && isOnThisMachine(entry);

const user = (content: string): Message[] => [{ role: "user", content }];
const assistant = (content = ""): Message[] => [{ role: "assistant", content }];

/** A of a module as reference/adapters.py makes it: mulberry32 seeded with FNV-1a of the module's name. */
function reproducibleA(module: string, length: number, width: number): Float32Array {
  let state = Array.from(module).reduce((h, c) => Math.imul(h ^ c.charCodeAt(0), 0x01000193), 0x811c9dc5);
  return Float32Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((2 * ((t ^ (t >>> 14)) >>> 0)) / 4294967296 - 1) / Math.sqrt(width);
  });
}

describe.skipIf(!isHere)("the embedded model (run `safe-to-serve models fetch` to have this tested)", () => {
  let engine: Engine;
  let model: LoadedModel;
  const root = mkdtempSync(join(tmpdir(), "safe-to-serve-trl-"));

  beforeAll(async () => {
    engine = await createEngine({ threads: 2, inProcess: true });
    model = await openModel(sft.model, { offline: true });
  }, SLOW_MS);
  afterAll(async () => {
    await engine.close();
    rmSync(root, { recursive: true, force: true });
  });

  async function startingAdapter(golden: Golden, folder: string): Promise<string> {
    const { lora_rank, lora_alpha, lora_targets } = golden.options;
    const modules = loraModules(model.config, lora_targets?.split(",") ?? []);
    const config = { rank: Number(lora_rank), alpha: Number(lora_alpha), dropout: 0, modules };
    const factors = loraFactors(model.config, config).map(({ name, shape }) => {
      const length = shape[0] * shape[1];
      const module = modules.find((m) => name === factorName(m, "A"));
      const data = module === undefined ? new Float32Array(length) : reproducibleA(module, length, shape[1]);
      return [name, { shape, data }] as const;
    });
    const adapter = makeAdapter(config, new Map(factors));
    const probe = adapter.factors.get(factorName(golden.startingA.module, "A"))?.data ?? new Float32Array();
    expect(Array.from(probe.subarray(0, 4))).toEqual(golden.startingA.first);
    expect(Array.from(probe.subarray(-4))).toEqual(golden.startingA.last);
    await writeAdapter(folder, adapter, { baseModelId: model.id, baseConfig: model.config });
    return folder;
  }

  const common = (golden: Golden) => ({
    model,
    engine,
    maxSteps: 8,
    batchSize: 4,
    learningRate: Number(golden.options["learning_rate"]),
    scheduler: "linear" as const,
    maxLength: Number(golden.options["max_length"]),
    shuffle: false,
    checkContamination: false,
    saveSteps: 0,
  });

  function expectMetrics(folder: string, golden: Golden): void {
    const text = readFileSync(join(folder, "metrics.jsonl"), "utf8").trim();
    const lines = text.split("\n").map((line) => JSON.parse(line) as Record<string, number>);
    expect(lines).toHaveLength(golden.metrics.length);
    golden.metrics.forEach(({ step, ...expected }, i) => {
      for (const [name, value] of Object.entries(expected)) {
        const difference = Math.abs((lines[i]?.[name] ?? Number.NaN) - value);
        const allowed = golden.tolerance.absolute + golden.tolerance.relative * Math.abs(value);
        expect(difference, `${name} of step ${step}`).toBeLessThanOrEqual(allowed);
      }
    });
  }

  /** ‖B·A‖ of each module, by row: (B·A)(B·A)ᵀ needs no product of full width. */
  function productNorm(adapter: Adapter, module: string): number {
    const [a, b] = [
      adapter.factors.get(factorName(module, "A")),
      adapter.factors.get(factorName(module, "B")),
    ];
    const rank = adapter.config.rank;
    const [width, out] = [a?.shape[1] ?? 0, b?.shape[0] ?? 0];
    let sum = 0;
    for (let o = 0; o < out; o++) {
      for (let w = 0; w < width; w++) {
        let dot = 0;
        for (let r = 0; r < rank; r++) dot += (b?.data[o * rank + r] ?? 0) * (a?.data[r * width + w] ?? 0);
        sum += dot * dot;
      }
    }
    return Math.sqrt(sum);
  }

  async function expectProducts(folder: string, golden: Golden): Promise<void> {
    const adapter = await readAdapter(folder, model.config);
    // The golden norms are those of (alpha / rank) B A.
    const scale = adapter.config.alpha / adapter.config.rank;
    for (const [module, norm] of Object.entries(golden.productNorms)) {
      const ratio = (scale * productNorm(adapter, module)) / norm;
      expect(Math.abs(ratio - 1), module).toBeLessThanOrEqual(golden.tolerance.productRelative);
    }
  }

  test(
    "trains SFT as TRL does",
    async () => {
      const data = sft.rows.map(({ id, prompt, completion }) => ({
        id,
        prompt: user(prompt),
        completion: assistant(completion),
      }));
      const adapter = await startingAdapter(sft, join(root, "sft-start"));
      const result = await trainSft({ ...common(sft), adapter, data, out: join(root, "sft") });
      expectMetrics(result.folder, sft);
      await expectProducts(result.adapter, sft);
    },
    SLOW_MS,
  );

  test(
    "trains DPO as TRL does",
    async () => {
      const data = dpo.rows.map(({ id, prompt, chosen, rejected }) => ({
        id,
        prompt: user(prompt),
        chosen: assistant(chosen),
        rejected: assistant(rejected),
      }));
      const adapter = await startingAdapter(dpo, join(root, "dpo-start"));
      const result = await trainDpo({ ...common(dpo), adapter, data, out: join(root, "dpo") });
      expectMetrics(result.folder, dpo);
      await expectProducts(result.adapter, dpo);
    },
    SLOW_MS,
  );
});
