import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NonFiniteLossError, TrainingError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
import type { PackedRows } from "../data/packing.js";
import { writeSafetensors } from "../models/weights/safetensors.js";
import type { SaveAdapter } from "./checkpoint.js";
import { type LoopOptions, type LoopTask, trainLoop } from "./loop.js";
import type { TrainingRow } from "./method.js";
import { dpoMethod, type PairRow } from "./methods/dpo-method.js";
import { sftMethod } from "./methods/sft-method.js";
import type { NamedArrays } from "./optimizer.js";
import type { StepRequest, StepRunner } from "./runner.js";

const V = 7;

/** A bigram model on the host: logits of the next token are the current token's row of the factor `w` [V,V]. */
class BigramRunner implements StepRunner {
  private readonly weigh: (
    request: StepRequest,
    logProbs: Float32Array,
  ) => { loss: number; weights: Float64Array };

  constructor(weigh: BigramRunner["weigh"]) {
    this.weigh = weigh;
  }

  async step(request: StepRequest) {
    const { packed, factors } = request;
    const { logProbs, probabilities } = forward(packed, factors);
    const { loss, weights } = this.weigh(request, logProbs);
    const gradient = new Float32Array(V * V);
    packed.labels.forEach((label, m) => {
      const from = Number(packed.inputIds[Number(packed.targetIndex[m])]);
      for (let v = 0; v < V; v++) {
        const i = from * V + v;
        const target = v === Number(label) ? 1 : 0;
        gradient[i] = (gradient[i] ?? 0) + (weights[m] ?? 0) * (target - (probabilities[m]?.[v] ?? 0));
      }
    });
    return { loss, tokens: { logProbs }, gradients: new Map([["w", gradient]]) };
  }

  async score(packed: PackedRows, factors: NamedArrays) {
    return { logProbs: forward(packed, factors).logProbs };
  }
}

function forward(packed: PackedRows, factors: NamedArrays) {
  const w = factors.get("w") ?? new Float32Array(V * V);
  const probabilities = Array.from(packed.labels, (_, m) => {
    const from = Number(packed.inputIds[Number(packed.targetIndex[m])]);
    const row = Array.from(w.subarray(from * V, from * V + V), Math.exp);
    const total = row.reduce((a, b) => a + b, 0);
    return row.map((x) => x / total);
  });
  const logProbs = Float32Array.from(probabilities, (p, m) => Math.log(p[Number(packed.labels[m])] ?? 0));
  return { logProbs, probabilities };
}

const scalar = (request: StepRequest, name: string) => Number(request.inputs[name]?.data[0]);

const sftRunner = new BigramRunner((request, logProbs) => {
  const weights = Float64Array.from(request.packed.sequenceOf, (s) =>
    s < 0 ? 0 : -1 / scalar(request, "normaliser"),
  );
  return { loss: logProbs.reduce((sum, x, m) => sum + x * (weights[m] ?? 0), 0), weights };
});

const BETA = 0.5;
const dpoRunner = new BigramRunner((request, logProbs) => {
  const { packed, inputs } = request;
  const totals = new Float64Array(packed.sequences);
  packed.sequenceOf.forEach((s, m) => {
    if (s >= 0) totals[s] = (totals[s] ?? 0) + (logProbs[m] ?? 0);
  });
  const pairs = packed.sequences / 2;
  const slope = new Float64Array(packed.sequences);
  let loss = 0;
  for (let p = 0; p < pairs; p++) {
    const chosen = (totals[2 * p] ?? 0) - Number(inputs["reference_chosen"]?.data[p]);
    const rejected = (totals[2 * p + 1] ?? 0) - Number(inputs["reference_rejected"]?.data[p]);
    const d = BETA * (chosen - rejected);
    loss += Math.log1p(Math.exp(-d)) / scalar(request, "normaliser");
    slope[2 * p] = -BETA / (1 + Math.exp(d)) / scalar(request, "normaliser");
    slope[2 * p + 1] = -(slope[2 * p] ?? 0);
  }
  return { loss, weights: Float64Array.from(packed.sequenceOf, (s) => (s < 0 ? 0 : (slope[s] ?? 0))) };
});

const random = new SeededRandom("loop test");
const draw = (length: number) => Array.from({ length }, () => random.integer(V));
const rows: TrainingRow[] = Array.from({ length: 11 }, (_, i) => {
  const segment = { id: `row-${i}`, prompt: draw(2 + (i % 3)), branches: [draw(1 + (i % 4))] };
  return { id: segment.id, segment };
});
const pairs: PairRow[] = Array.from({ length: 9 }, (_, i) => {
  const branches = [draw(1 + (i % 3)), draw(1 + (i % 4))];
  const [chosen = 0, rejected = 0] = branches.map((branch) => -branch.length * Math.log(V));
  const segment = { id: `pair-${i}`, prompt: draw(3), branches };
  return { id: segment.id, segment, referenceChosen: chosen, referenceRejected: rejected };
});

const saveAdapter: SaveAdapter = (folder, factors) =>
  writeSafetensors(
    join(folder, "adapter_model.safetensors"),
    new Map(Array.from(factors, ([name, data]) => [name, { shape: [data.length], data }])),
  );

const options = (
  over: Partial<LoopOptions> = {},
  sampler: Partial<LoopOptions["sampler"]> = {},
): LoopOptions => ({
  sampler: {
    rows: rows.length,
    batchSize: 4,
    gradientAccumulation: 1,
    epochs: 3,
    seed: 3,
    shuffle: true,
    ...sampler,
  },
  learningRate: 0.1,
  scheduler: "cosine",
  warmupSteps: 2,
  weightDecay: 0.01,
  maxGradNorm: 1,
  tokenBudget: 1000,
  chunks: 8,
  evalSteps: 0,
  saveSteps: 2,
  ...over,
});

const root = mkdtempSync(join(tmpdir(), "safe-to-serve-loop-"));
let folder = root;
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sftTask = (over: Partial<LoopTask<TrainingRow>> = {}): LoopTask<TrainingRow> => ({
  folder,
  method: sftMethod("sft"),
  rows,
  evaluation: rows.slice(0, 3),
  start: new Map([["w", new Float32Array(V * V)]]),
  runner: sftRunner,
  saveAdapter,
  options: options(),
  ...over,
});
const dpoTask = (over: Partial<LoopTask<PairRow>> = {}): LoopTask<PairRow> => ({
  ...sftTask(),
  method: dpoMethod({ loss: "sigmoid", beta: BETA, labelSmoothing: 0, nllWeight: 0 }, true),
  rows: pairs,
  evaluation: [],
  runner: dpoRunner,
  options: options({ evalSteps: 3 }, { rows: pairs.length, batchSize: 3 }),
  ...over,
});
const metricsText = () => readFileSync(join(folder, "metrics.jsonl"), "utf8");
const lines = () =>
  metricsText()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, number>);

describe("trainLoop", () => {
  test("lowers the loss and logs TRL's names once a step", async () => {
    const result = await trainLoop(sftTask());
    expect(lines().map((line) => line["global_step"])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(Object.keys(lines()[0] ?? {})).toEqual(
      expect.arrayContaining(["loss", "grad_norm", "learning_rate", "epoch", "num_tokens", "global_step"]),
    );
    expect(lines()[0]?.["loss"]).toBeCloseTo(Math.log(V), 5);
    expect(lines()[8]?.["eval_loss"]).toBeLessThan(lines()[2]?.["eval_loss"] ?? 0);
    expect(lines()[8]?.["num_tokens"]).toBe(result.numTokens);
    expect(lines()[8]?.["epoch"]).toBe(3);
  });

  test("keeps the last two checkpoints and the adapter", async () => {
    await trainLoop(sftTask());
    expect(readdirSync(join(folder, "checkpoints")).sort()).toEqual(["step-0000008", "step-0000009"]);
    expect(readdirSync(join(folder, "adapter"))).toEqual(["adapter_model.safetensors"]);
  });

  test.each([
    ["accumulated", options({}, { batchSize: 2, gradientAccumulation: 2 })],
    ["split by the token budget", options({ tokenBudget: 6 })],
  ])("gives the same run when a step is %s", async (_, other) => {
    const whole = await trainLoop(sftTask());
    const wholeLines = lines();
    folder = join(root, `${count++}`);
    const split = await trainLoop(sftTask({ options: other }));
    lines().forEach((line, i) => {
      expect(line["loss"]).toBeCloseTo(wholeLines[i]?.["loss"] ?? Number.NaN, 6);
      expect(line["grad_norm"]).toBeCloseTo(wholeLines[i]?.["grad_norm"] ?? Number.NaN, 6);
    });
    split.factors.get("w")?.forEach((x, i) => {
      expect(x).toBeCloseTo(whole.factors.get("w")?.[i] ?? Number.NaN, 4);
    });
  });

  test.each([3, 4, 5, 8])("resumes bit for bit after a kill in step %i", async (step) => {
    const whole = await trainLoop(sftTask());
    const expected = metricsText();
    folder = join(root, `${count++}`);
    let calls = 0;
    const killed: StepRunner = {
      step: (request) =>
        calls++ === step ? Promise.reject(new RangeError("killed")) : sftRunner.step(request),
      score: (packed, factors) => sftRunner.score(packed, factors),
    };
    await expect(trainLoop(sftTask({ runner: killed }))).rejects.toThrow("killed");
    const resumed = await trainLoop(sftTask());
    expect(metricsText()).toBe(expected);
    expect(resumed.factors).toEqual(whole.factors);
    expect((await trainLoop(sftTask())).factors).toEqual(whole.factors);
    expect(metricsText()).toBe(expected);
  });

  test("stops at a loss that is not finite, names the row and updates nothing", async () => {
    const broken: StepRunner = {
      score: (packed, factors) => sftRunner.score(packed, factors),
      step: async (request) => {
        const result = await sftRunner.step(request);
        if (request.noiseKey[1] === 3) result.tokens.logProbs.fill(Number.NaN, 0, 1);
        return request.noiseKey[1] === 3 ? { ...result, loss: Number.NaN } : result;
      },
    };
    const failure = trainLoop(sftTask({ runner: broken, options: options({}, { shuffle: false }) }));
    await expect(failure).rejects.toThrow(NonFiniteLossError);
    await expect(failure).rejects.toThrow(/step 4: .* rows row-0$/);
    expect(lines()).toHaveLength(3);
  });
});

describe("trainLoop with DPO", () => {
  test("starts at ln 2 with margin 0 and raises the margin", async () => {
    await trainLoop(dpoTask());
    expect(lines()[0]?.["loss"]).toBeCloseTo(Math.LN2, 6);
    expect(lines()[0]?.["rewards/margins"]).toBeCloseTo(0, 6);
    expect(lines()[8]?.["rewards/margins"]).toBeGreaterThan(0.5);
    expect(lines()[8]?.["rewards/accuracies"]).toBeGreaterThan(0.5);
  });

  test("agrees with its own loss on the host", async () => {
    await trainLoop(
      dpoTask({ evaluation: pairs, options: options({ evalSteps: 1 }, { rows: 9, batchSize: 9 }) }),
    );
    const own = lines();
    expect(own[1]?.["loss"]).toBeCloseTo(own[0]?.["eval_loss"] ?? Number.NaN, 6);
  });

  test("refuses reference log-probabilities that do not belong to the start", async () => {
    const wrong = pairs.map((row) => ({ ...row, referenceRejected: row.referenceRejected - 3 }));
    await expect(trainLoop(dpoTask({ rows: wrong }))).rejects.toThrow(TrainingError);
  });
});
