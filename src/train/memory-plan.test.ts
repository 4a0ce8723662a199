import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { scratchEngine } from "../../test/support/scratch-engine.js";
import { writeTinyChatModel } from "../../test/support/tiny-chat-model.js";
import { ConfigError } from "../core/errors.js";
import type { LoadedModel, LoraConfig } from "../models/loaded-model.js";
import { makeAdapter } from "../models/lora/adapter.js";
import { loraModules } from "../models/lora/lora.js";
import type { MemoryPlan } from "../models/memory-plan.js";
import { openModel } from "../models/open.js";
import { freshFactors } from "./lora-init.js";
import { TrainingMemory, type TrainingMemoryTask } from "./memory-plan.js";
import type { TrainingRow } from "./method.js";
import { trainSft } from "./methods/sft.js";
import { sftStep } from "./step-graph.js";

const { root, engine } = await scratchEngine("train-memory");
let model: LoadedModel;
beforeAll(async () => {
  const folder = join(root, "model");
  await writeTinyChatModel(folder, 256);
  model = await openModel(folder);
}, 60_000);

const row = (length: number, i: number): TrainingRow => ({
  id: `row-${i}`,
  segment: {
    id: `row-${i}`,
    prompt: [1, i + 5],
    branches: [Array.from({ length: length - 1 }, (_, t) => 10 + t)],
  },
});

function memory(rows: readonly TrainingRow[], change: Partial<TrainingMemoryTask> = {}): TrainingMemory {
  const lora: LoraConfig = {
    rank: 4,
    alpha: 8,
    dropout: 0,
    modules: loraModules(model.config, ["all-linear"]),
  };
  return new TrainingMemory({
    model,
    adapter: makeAdapter(lora, freshFactors(model.config, lora, 1)),
    loss: sftStep,
    rows,
    evaluation: [],
    sampler: {
      rows: rows.length,
      batchSize: 8,
      gradientAccumulation: 1,
      epochs: 1,
      maxSteps: 0,
      seed: 1,
      shuffle: true,
    },
    tokenBudget: 1024,
    watch: null,
    ...change,
  });
}

const part = (plan: MemoryPlan, name: string): number =>
  plan.parts.find((each) => each.name === name)?.bytes ?? 0;

describe("a training plan", () => {
  test("follows the token budget until a row stands alone, and then the row", () => {
    const plans = memory(Array.from({ length: 8 }, (_, i) => row(100, i)));
    const activations = (budget: number) => part(plans.underBudget(budget), "activations");
    expect(activations(400)).toBeGreaterThan(1.8 * activations(200));
    expect(activations(50)).toBe(activations(100));
    expect(activations(100000)).toBe(activations(1024));
  });

  test("counts what stays open beside the step", () => {
    const rows = [row(100, 0)];
    const watch = { sequences: 4, promptTokens: 50, newTokens: 64, prefillTokens: 256 };
    const plan = memory(rows, { evaluation: [row(60, 1)], watch }).underBudget(1024);
    expect(plan.bytes).toBeGreaterThan(memory(rows).underBudget(1024).bytes);
    expect(part(plan, "evaluation")).toBeGreaterThan(0);
    // Four sequences and five prefilled prompts with 128 and 64 positions each.
    const { numHiddenLayers: layers, numKeyValueHeads: groups, headDim } = model.config;
    expect(part(plan, "watch")).toBeGreaterThan(8 * layers * groups * headDim * (4 * 128 + 5 * 64));
  });

  test("is refused with the largest budget, or else length, that fits", () => {
    const short = memory(Array.from({ length: 8 }, (_, i) => row(100, i)));
    const room = short.underBudget(512).bytes;
    expect(short.requireRoom(short.underBudget(1024).bytes)).toEqual(short.underBudget(1024));
    const hint = (plans: TrainingMemory, bytes: number): string | undefined => {
      try {
        plans.requireRoom(bytes);
      } catch (error) {
        if (error instanceof ConfigError) return error.hint;
      }
      return undefined;
    };
    expect(hint(short, room)).toMatch(/^--token-budget 512 fits/);
    const long = memory([row(500, 0)]);
    expect(hint(long, long.ofLength(256).bytes)).toMatch(/^--max-length 256 with --token-budget 256 fits/);
    expect(hint(long, 1)).toMatch(/smaller model/);
  });
});

test("a run says its plan before it writes anything", async () => {
  const out = join(root, "run");
  const told: [number, number, boolean][] = [];
  await trainSft({
    model,
    engine,
    out,
    data: [
      {
        id: "a",
        prompt: [{ role: "user", content: "Name a tree" }],
        completion: [{ role: "assistant", content: "oak" }],
      },
    ],
    maxSteps: 1,
    checkContamination: false,
    onMemory: (plan, room) => told.push([plan.bytes, room, existsSync(out)]),
  });
  expect(told).toEqual([[expect.any(Number), expect.any(Number), false]]);
  expect(told[0]?.[0]).toBeLessThan(told[0]?.[1] ?? 0);
});
