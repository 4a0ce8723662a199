/** @file Recipe tests: whole runs on a tiny random Llama with the real tokenizer, in seconds. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { scratchEngine } from "../../test/support/scratch-engine.js";
import { writeTinyChatModel } from "../../test/support/tiny-chat-model.js";
import { ConfigError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
import type { PreferencePair, PromptCompletion } from "../data/examples.js";
import { packSegments, type Segment } from "../data/packing.js";
import { buildScoreGraph } from "../models/decoder/score-graph.js";
import { LOGIT_CHUNKS } from "../models/decoder/token-log-probs.js";
import type { LoadedModel } from "../models/loaded-model.js";
import { readAdapter } from "../models/lora/adapter.js";
import { openModel } from "../models/open.js";
import type { Message } from "../text/messages.js";
import type { Certificate } from "./certificate.js";
import { packRows, stepGradient } from "./gradient.js";
import { freshFactors } from "./lora-init.js";
import { sequenceTotals, type TrainingRow } from "./method.js";
import { trainDpo } from "./methods/dpo.js";
import { dpoMethod } from "./methods/dpo-method.js";
import { trainSft } from "./methods/sft.js";
import { sftMethod } from "./methods/sft-method.js";
import { trainSit } from "./methods/sit.js";
import { SessionRunner } from "./session-runner.js";
import { buildStepGraph, dpoStep, noiseWidth, type StepLoss, sftStep } from "./step-graph.js";

const { root, engine } = await scratchEngine("train");
let model: LoadedModel;

beforeAll(async () => {
  const folder = join(root, "model");
  await writeTinyChatModel(folder, 256);
  model = await openModel(folder);
}, 60_000);

const user = (content: string): Message[] => [{ role: "user", content }];
const assistant = (content: string): Message[] => [{ role: "assistant", content }];
const WORDS = ["red", "green", "blue", "cat", "dog", "house", "tree", "river", "stone", "cloud"];
const random = new SeededRandom("train test");
const words = (count: number) =>
  Array.from({ length: count }, () => WORDS[random.integer(WORDS.length)]).join(" ");
const completions: PromptCompletion[] = Array.from({ length: 10 }, (_, i) => ({
  id: `row-${i}`,
  prompt: user(`Name things number ${i}: ${words(2)}`),
  completion: assistant(words(3 + (i % 5))),
}));
const pairs: PreferencePair[] = Array.from({ length: 8 }, (_, i) => ({
  id: `pair-${i}`,
  prompt: user(`Choose ${i}: ${words(3)}`),
  chosen: assistant(words(2 + (i % 4))),
  rejected: assistant(`${words(3)} no`),
}));

const common = { checkContamination: false, learningRate: 0.01, loraRank: 4, seed: 5, saveSteps: 2 } as const;
const lines = (folder: string) =>
  readFileSync(join(folder, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, number>);
const file = (...parts: string[]) => readFileSync(join(...parts));

describe("trainSft", () => {
  test("lowers the loss, writes a PEFT adapter, a certificate and TRL's metrics", async () => {
    const out = join(root, "sft");
    const evalData = completions
      .slice(0, 3)
      .map((row) => ({ ...row, id: `held-${row.id}`, prompt: user(`Now ${row.id}`) }));
    const result = await trainSft({
      ...common,
      model,
      engine,
      out,
      data: completions,
      evalData,
      maxSteps: 9,
      batchSize: 5,
    });
    const [first, last] = [lines(out)[0], lines(out)[8]];
    expect(last?.["loss"]).toBeLessThan((first?.["loss"] ?? 0) * 0.97);
    expect(Object.keys(last ?? {})).toEqual(
      expect.arrayContaining([
        "entropy",
        "mean_token_accuracy",
        "num_tokens",
        "grad_norm",
        "learning_rate",
        "eval_loss",
      ]),
    );
    expect(last).toHaveProperty("watch/loops");
    const certificate = JSON.parse(file(out, "certificate.json").toString()) as Certificate;
    expect(certificate.train.rowsTrained).toBe(10);
    expect(certificate.train.stopToken).toEqual({ trained: 10, lost: 0, uncutWithout: 0 });
    expect(certificate.examples[0]?.sequences[0]?.tokens.filter(({ loss }) => loss).at(-2)?.text).toBe(
      "<|im_end|>",
    );
    const adapter = await readAdapter(result.adapter, model.config);
    expect(adapter.config.rank).toBe(4);
    expect(JSON.parse(file(out, "run.json").toString())).toMatchObject({
      recipe: { method: "sft", model: { hash: model.hash } },
    });
  });

  test("tells looks at held-out prompts and the steps between them as phases, with what is done", async () => {
    const phases: string[] = [];
    const reached: number[][] = [];
    await trainSft({
      ...common,
      model,
      engine,
      out: join(root, "phases"),
      data: completions.slice(0, 8),
      evalData: completions.slice(8),
      maxSteps: 3,
      batchSize: 4,
      onPhase: (phase, total, unit, done) => {
        phases.push(`${phase} ${done}/${total} ${unit}`);
        reached.push([]);
      },
      onPhaseProgress: (done) => reached.at(-1)?.push(done),
    });
    const look = "watching held-out prompts 0/2 answers";
    expect(phases).toEqual([
      look,
      "training 0/3 steps",
      look,
      "training 2/3 steps",
      look,
      "training 3/3 steps",
    ]);
    expect(reached.map((done) => done.at(-1))).toEqual([2, 2, 2, 3, 2, undefined]);
    expect(reached[0]?.some((done) => done > 0 && done < 1)).toBe(true);
    expect(reached[0]).toEqual([...(reached[0] ?? [])].sort((a, b) => a - b));
  });

  test("resumes bit for bit after a kill", async () => {
    const whole = {
      ...common,
      model,
      engine,
      data: completions,
      maxSteps: 6,
      batchSize: 4,
      loraDropout: 0.1,
    };
    const [out, again] = [join(root, "whole"), join(root, "killed")];
    await trainSft({ ...whole, out });
    const abort = new AbortController();
    const killed = trainSft({
      ...whole,
      out: again,
      signal: abort.signal,
      onStep: ({ step }) => (step === 3 ? abort.abort() : undefined),
    });
    await expect(killed).rejects.toThrow();
    expect(existsSync(join(again, "adapter"))).toBe(false);
    await expect(trainSft({ ...whole, out: again })).rejects.toThrow(ConfigError);
    await expect(trainSft({ ...whole, out: again, resume: true, seed: 6 })).rejects.toThrow(/settings/);
    await trainSft({ ...whole, out: again, resume: true });
    expect(file(again, "metrics.jsonl")).toEqual(file(out, "metrics.jsonl"));
    const weights = ["adapter", "adapter_model.safetensors"] as const;
    expect(file(again, ...weights).equals(file(out, ...weights))).toBe(true);
  });

  test("goes on from an adapter", async () => {
    const out = join(root, "continued");
    const adapter = join(root, "sft", "adapter");
    await trainSft({
      ...common,
      loraRank: 4,
      model,
      engine,
      out,
      adapter,
      data: completions,
      maxSteps: 1,
      batchSize: 10,
    });
    expect(lines(out)[0]?.["loss"]).toBeLessThan(lines(join(root, "sft"))[1]?.["loss"] ?? 0);
    const wrong = {
      ...common,
      loraRank: 3,
      model,
      engine,
      out: join(root, "wrong"),
      adapter,
      data: completions,
    };
    await expect(trainSft(wrong)).rejects.toThrow(/--lora-rank/);
  });
});

describe("trainSit", () => {
  test("mixes the number of safety examples that was asked for", async () => {
    const safetyData = completions.map((row) => ({
      ...row,
      id: `safe-${row.id}`,
      prompt: user(`Unsafe ${row.id}`),
    }));
    const result = await trainSit({
      ...common,
      model,
      engine,
      out: join(root, "sit"),
      data: completions,
      safetyData,
      safetyExamples: { count: 3 },
      maxSteps: 1,
    });
    expect(result.certificate.mix).toEqual({ instructions: 10, safety: 3, safetyAvailable: 10 });
    expect(result.certificate.train.rowsTrained).toBe(13);
  });
});

describe("trainDpo", () => {
  test("starts at ln 2 and widens the margin", async () => {
    const out = join(root, "dpo");
    await trainDpo({
      ...common,
      model,
      engine,
      out,
      data: pairs,
      maxSteps: 8,
      batchSize: 4,
      nllWeight: 0.1,
      beta: 0.5,
    });
    const own = lines(out);
    expect(own[0]?.["rewards/margins"]).toBeCloseTo(0, 4);
    expect(own[7]?.["rewards/margins"]).toBeGreaterThan(0.2);
    expect(own[7]?.["logps/chosen"]).toBeLessThan(0);
    expect(readdirSync(out).filter((name) => name.startsWith("reference-"))).toHaveLength(1);
  });

  test("takes the starting adapter as reference, or the base when asked", async () => {
    const adapter = join(root, "dpo", "adapter");
    const settings = { ...common, model, engine, adapter, data: pairs, maxSteps: 1, batchSize: 8 };
    await trainDpo({ ...settings, out: join(root, "from-start") });
    expect(lines(join(root, "from-start"))[0]?.["loss"]).toBeCloseTo(Math.LN2, 4);
    await trainDpo({ ...settings, out: join(root, "from-base"), reference: "base" });
    expect(lines(join(root, "from-base"))[0]?.["rewards/margins"]).toBeGreaterThan(0.01);
    await trainDpo({ ...settings, out: join(root, "from-path"), reference: adapter });
    expect(lines(join(root, "from-path"))[0]?.["loss"]).toBeCloseTo(Math.LN2, 4);
  });
});

describe("one step", () => {
  const lora = () => ({
    rank: 4,
    alpha: 8,
    dropout: 0,
    modules: ["model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj"],
  });
  const ids = (count: number) => Array.from({ length: count }, () => 100 + random.integer(40000));
  const rows: TrainingRow[] = Array.from({ length: 6 }, (_, i) => {
    const segment: Segment = { id: `s${i}`, prompt: ids(3 + i), branches: [ids(2 + (i % 3)), ids(1 + i)] };
    return { id: segment.id, segment };
  });
  const factors = () => {
    const fresh = freshFactors(model.config, lora(), 1);
    const noise = new SeededRandom("factors");
    return new Map(Array.from(fresh, ([name, { data }]) => [name, data.map(() => (noise.next() - 0.5) / 2)]));
  };
  const runner = (loss: StepLoss) =>
    new SessionRunner({
      engine,
      stepGraph: () => buildStepGraph(model, lora(), loss),
      scoreGraph: () => buildScoreGraph(model, lora()),
      shapes: freshFactors(model.config, lora(), 1),
      noiseWidth: noiseWidth(model, lora()),
    });
  const limits = (batchSize: number, tokenBudget = 10_000) => ({
    batchSize,
    tokenBudget,
    chunks: LOGIT_CHUNKS,
  });

  function expectSame(a: ReadonlyMap<string, Float32Array>, b: ReadonlyMap<string, Float32Array>): void {
    for (const [name, x] of a) {
      const y = b.get(name) ?? new Float32Array();
      const scale = Math.max(...x.map(Math.abs));
      expect(scale).toBeGreaterThan(0);
      x.forEach((value, i) => {
        expect(Math.abs(value - (y[i] ?? Number.NaN))).toBeLessThanOrEqual(1e-5 + 1e-4 * scale);
      });
    }
  }

  test("has the same gradient accumulated, split and packed otherwise (SFT)", async () => {
    const single = rows.map(({ id, segment }) => ({
      id,
      segment: { ...segment, branches: segment.branches.slice(0, 1) },
    }));
    const session = runner(sftStep);
    const task = { method: sftMethod("sft"), runner: session, factors: factors(), seed: 0 };
    const whole = await stepGradient({ ...task, limits: limits(6) }, single, 0);
    for (const other of [limits(1), limits(2), limits(6, 12)]) {
      const split = await stepGradient({ ...task, limits: other }, single, 0);
      expect(split.loss).toBeCloseTo(whole.loss, 5);
      expectSame(whole.gradients, split.gradients);
    }
    expect(task.method.summarise(whole.sums)["loss"]).toBeCloseTo(whole.loss, 5);
    await session.close();
  });

  test("has the same loss and gradient accumulated (DPO), and the loss that the host computes", async () => {
    const options = { loss: "sigmoid", beta: 0.3, labelSmoothing: 0.1, nllWeight: 0.2 } as const;
    const withReference = rows.map((row, i) => ({
      ...row,
      referenceChosen: -20 - i,
      referenceRejected: -25 + i,
    }));
    const session = runner(dpoStep(options));
    const task = { method: dpoMethod(options, false), runner: session, factors: factors(), seed: 0 };
    const whole = await stepGradient({ ...task, limits: limits(6) }, withReference, 0);
    const split = await stepGradient({ ...task, limits: limits(2) }, withReference, 0);
    expect(split.loss).toBeCloseTo(whole.loss, 4);
    expect(task.method.summarise(whole.sums)["loss"]).toBeCloseTo(whole.loss, 4);
    expectSame(whole.gradients, split.gradients);
    await session.close();
  });

  test("scores packed rows with a shared prompt as it scores each answer alone", async () => {
    const session = runner(sftStep);
    const packed = packRows(rows, { chunks: LOGIT_CHUNKS });
    const together = sequenceTotals((await session.score(packed, factors())).logProbs, packed);
    const alone: number[] = [];
    for (const { id, segment } of rows) {
      for (const branch of segment.branches) {
        const one = packSegments([{ id, prompt: segment.prompt, branches: [branch] }], {
          chunks: LOGIT_CHUNKS,
        });
        alone.push(sequenceTotals((await session.score(one, factors())).logProbs, one)[0] ?? Number.NaN);
      }
    }
    alone.forEach((value, i) => {
      expect(together[i]).toBeCloseTo(value, 3);
    });
    await session.close();
  });

  test("has the gradient of its own loss (central differences)", async () => {
    const session = runner(sftStep);
    const task = { method: sftMethod("sft"), runner: session, seed: 0, limits: limits(6) };
    const at = factors();
    const { gradients } = await stepGradient({ ...task, factors: at }, rows, 0);
    for (const [name, gradient] of gradients) {
      const i = gradient.reduce(
        (best, value, j) => (Math.abs(value) > Math.abs(gradient[best] ?? 0) ? j : best),
        0,
      );
      const loss = async (delta: number) => {
        const moved = new Map(at).set(
          name,
          (at.get(name) ?? new Float32Array()).map((x, j) => (j === i ? x + delta : x)),
        );
        return (await stepGradient({ ...task, factors: moved }, rows, 0)).loss;
      };
      const slope = ((await loss(0.02)) - (await loss(-0.02))) / 0.04;
      expect(Math.abs(slope - (gradient[i] ?? 0))).toBeLessThanOrEqual(1e-3 + 0.03 * Math.abs(slope));
    }
    await session.close();
  });
});
