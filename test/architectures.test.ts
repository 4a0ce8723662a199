// Every architecture against transformers and PEFT: a tiny random checkpoint each, from reference/architectures_golden.py.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { TensorData } from "../src/engine/types.js";
import { type DecodeModel, runRows } from "../src/generate/decode-graph-run.js";
import { decodeSequences } from "../src/generate/decoder.js";
import { ResidentKvCache } from "../src/generate/kv-cache.js";
import { resolveSampling } from "../src/generate/sampling-options.js";
import { ARCHITECTURES } from "../src/models/architectures.js";
import { buildDecodeGraph } from "../src/models/decoder/decode-graph.js";
import { buildScoreGraph } from "../src/models/decoder/score-graph.js";
import type { LoadedModel, LoraConfig } from "../src/models/loaded-model.js";
import { loraModules } from "../src/models/lora/lora.js";
import { buildStepGraph, sftStep } from "../src/train/step-graph.js";
import { scratchEngine } from "./support/scratch-engine.js";
import {
  bySequence,
  floats,
  type GoldenModel,
  goldenLogits,
  logSoftmax,
  openGolden,
  packed,
  runPacked,
  worstDifference,
} from "./support/tiny-model.js";

interface GoldenArchitecture extends GoldenModel {
  readonly greedy: readonly { readonly prompt: readonly number[]; readonly answer: readonly number[] }[];
  readonly sft: {
    readonly rank: number;
    readonly alpha: number;
    readonly prompt: readonly number[];
    readonly answers: readonly (readonly number[])[];
    readonly loss: number;
    readonly logProbs: readonly number[];
    readonly factors: Readonly<
      Record<string, { readonly shape: readonly number[]; readonly data: string; readonly gradient: string }>
    >;
  };
}

const golden: {
  readonly script: string;
  readonly tolerance: { readonly absolute: number };
  readonly variants: readonly GoldenArchitecture[];
} = JSON.parse(readFileSync(new URL("golden/architectures.json", import.meta.url), "utf8"));
const TOLERANCE = golden.tolerance.absolute;

const { root, engine } = await scratchEngine("architectures");
const decoded = (base64: string) => new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
const scalar = (value: number) => floats([1], Float32Array.of(value));

async function decodeModel(loaded: LoadedModel): Promise<DecodeModel> {
  return {
    session: await engine.open(buildDecodeGraph(loaded, null)),
    shape: loaded.config,
    vocabSize: loaded.config.vocabSize,
    maxPositionEmbeddings: loaded.config.maxPositionEmbeddings,
    adapterFeeds: {},
  };
}

/** Worst difference of the logits at the end of every chunk. */
async function worstLogits(model: DecodeModel, known: GoldenModel["sequences"][number], chunk: number) {
  const { ids } = known;
  const expected = goldenLogits(known.logits, model.vocabSize);
  const cache = await ResidentKvCache.allocate(engine, model.shape, 1, 64);
  let worst = 0;
  for (let start = 0; start < ids.length; start += chunk) {
    const row = { ids: ids.slice(start, start + chunk), pastLength: start, slot: 0 };
    const places = { past: start === 0 ? null : cache, present: cache };
    const logits = (await runRows(model, [row], places, true)) ?? [];
    worst = Math.max(worst, worstDifference(logits, expected[start + row.ids.length - 1] ?? []));
  }
  await cache.free();
  return worst;
}

async function greedyAnswers(model: DecodeModel, known: GoldenArchitecture, batch: number, prefill: number) {
  const maxNewTokens = known.greedy[0]?.answer.length ?? 0;
  const options = {
    sampling: resolveSampling({ temperature: 0, maxNewTokens, batchSize: batch }),
    stopIds: [],
    text: { decode: () => "", stream: () => ({ push: () => "", end: () => "" }) },
    onToken: null,
    prefillTokens: prefill,
  };
  const requests = known.greedy.map(({ prompt }, n) => ({
    id: `${n}`,
    promptIds: prompt,
    sampleIndices: [0],
  }));
  const allocate = (slots: number, capacity: number) =>
    ResidentKvCache.allocate(engine, model.shape, slots, capacity);
  const answers: (readonly number[])[] = [];
  for await (const { id, tokenIds } of decodeSequences(model, allocate, requests, options))
    answers[Number(id)] = tokenIds;
  return answers;
}

test("the golden has a checkpoint of every architecture, from the script it names", () => {
  const types = golden.variants.map(({ files }) => JSON.parse(files["config.json"] ?? "{}").model_type);
  expect(new Set(types)).toEqual(new Set(Object.keys(ARCHITECTURES)));
  expect(readFileSync(new URL(`../${golden.script}`, import.meta.url), "utf8")).toContain('"architectures"');
});

describe.each(golden.variants)("$name", (variant) => {
  let model: LoadedModel;
  beforeAll(async () => {
    model = await openGolden(root, variant);
  });

  test("scores packed rows as transformers does", async () => {
    const session = await engine.open(buildScoreGraph(model, null));
    const segments = variant.sequences.map(({ ids }, n) => ({
      id: `${n}`,
      prompt: ids.slice(0, 1),
      branches: [ids.slice(1)],
    }));
    const rows = packed(segments, 64);
    expect(rows.rows).toBe(1);
    const got = bySequence(rows, (await runPacked(session, rows))["log_probs"] as Float32Array).flat();
    const expected = variant.sequences.flatMap(({ ids, logits }) =>
      goldenLogits(logits, model.config.vocabSize)
        .slice(0, -1)
        .map((row, t) => logSoftmax(row)[ids[t + 1] as number] as number),
    );
    expect(worstDifference(got, expected)).toBeLessThan(TOLERANCE);
    await session.close();
  });

  test("decodes over a cache as transformers does without one, in chunks of any size", async () => {
    const decoder = await decodeModel(model);
    for (const known of variant.sequences)
      for (const chunk of [1, 3, 16, 64])
        expect(await worstLogits(decoder, known, chunk)).toBeLessThan(TOLERANCE);
    await decoder.session.close();
  });

  test.each([
    { batch: 1, prefill: 256 },
    { batch: 2, prefill: 5 },
    { batch: 3, prefill: 64 },
  ])("answers greedily as transformers does over its cache: %o", async ({ batch, prefill }) => {
    const decoder = await decodeModel(model);
    const answers = await greedyAnswers(decoder, variant, batch, prefill);
    expect(answers).toEqual(variant.greedy.map(({ answer }) => answer));
    await decoder.session.close();
  });

  test.each(["of one segment", "of two segments"])(
    "has PEFT's loss and gradients in an SFT step on two answers %s",
    async (layout) => {
      const { rank, alpha, prompt, answers, loss, logProbs, factors } = variant.sft;
      const lora: LoraConfig = {
        rank,
        alpha,
        dropout: 0,
        modules: loraModules(model.config, ["all-linear"]),
      };
      const session = await engine.open(buildStepGraph(model, lora, sftStep));
      const branches = layout === "of one segment" ? [answers] : answers.map((answer) => [answer]);
      const rows = packed(branches.map((some, n) => ({ id: `${n}`, prompt, branches: some })));
      expect(rows.rows).toBe(1);
      const sequenceIds: TensorData = {
        dtype: "int64",
        shape: [rows.labels.length],
        data: BigInt64Array.from(rows.sequenceOf, BigInt),
      };
      const feeds = Object.entries(factors).map(([name, { shape, data }]) => [
        name,
        floats(shape, decoded(data)),
      ]);
      const outputs = await runPacked(session, rows, {
        ...Object.fromEntries(feeds),
        normaliser: scalar(logProbs.length),
        sequence_ids: sequenceIds,
      });
      expect(worstDifference(outputs["loss"] ?? [], [loss])).toBeLessThan(TOLERANCE);
      const scored = bySequence(rows, outputs["log_probs"] as Float32Array).flat();
      expect(worstDifference(scored, logProbs)).toBeLessThan(TOLERANCE);
      expect(Object.keys(factors)).toHaveLength(2 * lora.modules.length);
      for (const [name, { gradient }] of Object.entries(factors)) {
        const expected = decoded(gradient);
        expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(1e-4);
        expect(worstDifference(outputs[`grad.${name}`] ?? [], expected)).toBeLessThan(TOLERANCE);
      }
      await session.close();
    },
  );
});
