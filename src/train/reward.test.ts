/**
 * @file Reward models, cost models and classifiers on a tiny random Llama: against TRL and PyTorch
 * (reference/reward_golden.py), and whole runs that are resumed and opened again.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { scratchEngine } from "../../test/support/scratch-engine.js";
import { worstDifference, writeGolden } from "../../test/support/tiny-model.js";
import { CheckpointError, ConfigError, DatasetError } from "../core/errors.js";
import { toCostPairs, toLabelledAnswers, toRewardPairs } from "../data/label-columns.js";
import type { SourceRow } from "../data/readers.js";
import { openScoreModel } from "../generate/open-score-model.js";
import type { LoadedModel } from "../models/loaded-model.js";
import { readAdapter } from "../models/lora/adapter.js";
import { openModel } from "../models/open.js";
import { withFile } from "../models/weights/byte-source.js";
import { parseSafetensors, readTensor } from "../models/weights/safetensors.js";
import type { Exchange } from "../text/messages.js";
import type { Certificate } from "./certificate.js";
import { trainReward } from "./methods/reward.js";

type Row = Readonly<Record<string, number | string | boolean>>;
type Files = Readonly<Record<string, string>>;

const golden: {
  readonly script: string;
  readonly tolerance: { readonly absolute: number; readonly factors: number };
  readonly options: {
    readonly steps: number;
    readonly batchSize: number;
    readonly learningRate: number;
    readonly classWeights: readonly number[];
  };
  readonly rows: readonly Row[];
  readonly base: Files;
  readonly start: Files;
  readonly startClasses: Files;
  readonly end: string;
  readonly plain: readonly Readonly<Record<string, number>>[];
  readonly marginCentred: readonly Readonly<Record<string, number>>[];
  readonly cost: readonly number[];
  readonly classes: readonly number[];
} = JSON.parse(readFileSync(new URL("../../test/golden/reward-training.json", import.meta.url), "utf8"));

const { root, engine } = await scratchEngine("train-reward");
let model: LoadedModel;
let start: string;
let startClasses: string;
beforeAll(async () => {
  model = await openModel(writeGolden(root, { name: "base", files: golden.base }));
  start = writeGolden(root, { name: "start", files: golden.start });
  startClasses = writeGolden(root, { name: "start-classes", files: golden.startClasses });
});

const sources = (columns: readonly string[]): SourceRow[] =>
  golden.rows.map((row, i) => ({
    file: "rows.jsonl",
    line: i + 1,
    fields: Object.fromEntries(Object.entries(row).filter(([name]) => columns.includes(name))),
  }));
const pairs = toRewardPairs(sources(["prompt", "chosen", "rejected"]));
const margins = toRewardPairs(sources(["prompt", "chosen", "rejected", "margin"]));
const costs = toCostPairs(sources(["prompt", "chosen", "rejected", "is_chosen_safe", "is_rejected_safe"]));
const answers = toLabelledAnswers(
  golden.rows.map(({ prompt, chosen, label }, i) => ({
    file: "rows.jsonl",
    line: i + 1,
    fields: { prompt, response: chosen, label },
  })),
  ["safe", "unsafe"],
  "label",
);

const common = () => ({
  model,
  engine,
  checkContamination: false,
  shuffle: false,
  scheduler: "linear" as const,
  batchSize: golden.options.batchSize,
  learningRate: golden.options.learningRate,
  maxSteps: golden.options.steps,
});
const lines = (folder: string) =>
  readFileSync(join(folder, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, number>);
const factorsOf = (path: string) =>
  withFile(path, (source) => {
    const { entries } = parseSafetensors(source);
    return new Map(Array.from(entries, ([name, entry]) => [name, readTensor(source, entry)]));
  });

test("the script that the golden names writes it", () => {
  expect(readFileSync(new URL(`../../${golden.script}`, import.meta.url), "utf8")).toContain(
    '"reward-training"',
  );
});

describe("8 steps in order are those of TRL's RewardTrainer", () => {
  const expectSteps = (folder: string, expected: typeof golden.plain) => {
    const got = lines(folder);
    expect(got).toHaveLength(expected.length);
    for (const [step, row] of expected.entries())
      for (const [name, value] of Object.entries(row))
        expect(Math.abs((got[step]?.[name] ?? Number.NaN) - value), `step ${step + 1}: ${name}`).toBeLessThan(
          golden.tolerance.absolute,
        );
  };

  test("plain, and the adapter that they end in", async () => {
    const out = join(root, "plain");
    await trainReward({ ...common(), head: "reward", adapter: start, data: pairs, out });
    expectSteps(out, golden.plain);
    const end = join(root, "end.safetensors");
    writeFileSync(end, Buffer.from(golden.end, "base64"));
    const [got, wanted] = [factorsOf(join(out, "adapter", "adapter_model.safetensors")), factorsOf(end)];
    expect([...got.keys()].sort()).toEqual([...wanted.keys()].sort());
    for (const [name, data] of wanted)
      expect(worstDifference(got.get(name) ?? [], data), name).toBeLessThan(golden.tolerance.factors);
  });

  test("with margins and centring, split into micro-batches by the token budget", async () => {
    const out = join(root, "centred");
    const options = { centerRewardsCoefficient: 0.01, tokenBudget: 100 };
    await trainReward({ ...common(), ...options, head: "reward", adapter: start, data: margins, out });
    expectSteps(out, golden.marginCentred);
  });
});

describe("losses of other heads are those of PyTorch", () => {
  const constant = { scheduler: "constant" as const, maxSteps: 4 };
  const losses = (folder: string) => lines(folder).map(({ loss }) => loss ?? Number.NaN);

  test("safe-rlhf's cost loss", async () => {
    const out = join(root, "cost");
    await trainReward({ ...common(), ...constant, head: "cost", adapter: start, data: costs, out });
    expect(worstDifference(losses(out), golden.cost)).toBeLessThan(golden.tolerance.absolute);
    expect(lines(out)[0]).toEqual(
      expect.objectContaining({
        accuracy: expect.any(Number),
        accuracy_sign: expect.any(Number),
        cost_mean: expect.any(Number),
        cost_std: expect.any(Number),
      }),
    );
  });

  test("cross-entropy with a weight a class", async () => {
    const out = join(root, "classes");
    const { classWeights } = golden.options;
    await trainReward({
      ...common(),
      ...constant,
      head: "classifier",
      adapter: startClasses,
      data: answers,
      classWeights,
      out,
    });
    expect(worstDifference(losses(out), golden.classes)).toBeLessThan(golden.tolerance.absolute);
  });
});

describe("a run", () => {
  const exchanges: Exchange[] = pairs.slice(0, 6).map(({ id, prompt, chosen }) => ({
    id,
    messages: prompt,
    response: chosen.at(-1)?.content ?? "",
  }));
  const scoresOf = async (folder: string) => {
    const scores: number[] = [];
    const opened = await openScoreModel(folder, { engine });
    for await (const each of opened.scores(exchanges)) scores.push(...each);
    await opened.close();
    return { hash: opened.hash, labels: opened.labels, scores };
  };

  test("starts from equal rewards, learns, and opens again with the scores that it logged", async () => {
    const out = join(root, "fresh");
    const evalData = pairs.slice(0, 3).map((pair) => ({
      ...pair,
      id: `held-${pair.id}`,
      prompt: [{ role: "user" as const, content: `Other ${pair.id}` }],
    }));
    const { adapter } = await trainReward({
      ...common(),
      head: "reward",
      data: pairs,
      evalData,
      learningRate: 0.02,
      maxSteps: 16,
      shuffle: true,
      out,
    });
    const [first, last] = [lines(out)[0], lines(out).at(-1)];
    expect(first).toMatchObject({ accuracy: 0, margin: 0, min_reward: 0, max_reward: 0 });
    expect(first?.["loss"]).toBeCloseTo(Math.log(2), 6);
    expect(last?.["loss"]).toBeLessThan(0.62);
    const heldOut = evalData.flatMap(({ id, prompt, chosen, rejected }) =>
      [chosen, rejected].map((answer) => ({ id, messages: prompt, response: answer.at(-1)?.content ?? "" })),
    );
    const opened = await openScoreModel(adapter, { engine, base: model });
    const rewards: number[] = [];
    for await (const each of opened.scores(heldOut)) rewards.push(...each);
    await opened.close();
    const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
    expect(mean).toBeCloseTo(last?.["eval_mean_reward"] ?? Number.NaN, 4);
    expect(Math.max(...rewards)).toBeCloseTo(last?.["eval_max_reward"] ?? Number.NaN, 4);
    expect(await scoresOf(out)).toEqual(await scoresOf(adapter));
    expect((await scoresOf(out)).labels).toEqual(["reward"]);
    const certificate = JSON.parse(readFileSync(join(out, "certificate.json"), "utf8")) as Certificate;
    expect(certificate.train.tokens.withLoss).toBe(2 * certificate.train.rowsTrained);
    for (const { tokens } of certificate.examples[0]?.sequences ?? [])
      expect(tokens.findIndex(({ loss }) => loss)).toBe(tokens.length - 1);
  });

  test("resumes bit for bit after a kill, head included", async () => {
    const whole = { ...common(), head: "classifier" as const, data: answers, maxSteps: 6, saveSteps: 2 };
    const options = { ...whole, classWeights: "balanced" as const, loraDropout: 0.1, shuffle: true };
    const [out, again] = [join(root, "whole"), join(root, "killed")];
    await trainReward({ ...options, out });
    const abort = new AbortController();
    const onStep = ({ step }: { readonly step: number }) => step === 3 && abort.abort();
    await expect(trainReward({ ...options, out: again, signal: abort.signal, onStep })).rejects.toThrow();
    await trainReward({ ...options, out: again, resume: true });
    expect(lines(again)).toEqual(lines(out));
    const bytes = (folder: string) => readFileSync(join(folder, "adapter", "adapter_model.safetensors"));
    expect(bytes(again).equals(bytes(out))).toBe(true);
    expect((await scoresOf(again)).scores).toEqual((await scoresOf(out)).scores);
  });

  test("is refused on another base, and where its template has changed", async () => {
    const out = join(root, "plain", "adapter");
    const other = { ...model, hash: "other" };
    await expect(openScoreModel(out, { engine, base: other })).rejects.toThrow(CheckpointError);
    const text = { ...model.text, chatTemplate: `x${model.text.chatTemplate}` };
    await expect(openScoreModel(out, { engine, base: { ...model, text } })).rejects.toThrow(
      /expected template and tokenizer/,
    );
    await expect(openScoreModel(out, { engine, template: "alpaca" })).rejects.toThrow(ConfigError);
  });

  test("leaves an adapter that is no adapter of a language model", async () => {
    const folder = join(root, "plain", "adapter");
    await expect(readAdapter(folder, model.config)).rejects.toThrow(/modules_to_save/);
    const { config } = await readAdapter(folder, model.config, { head: true });
    expect(config.labels).toBe(1);
  });
});

test("what cannot be learnt is refused", async () => {
  const options = { ...common(), head: "reward" as const, data: pairs, out: join(root, "refused") };
  await expect(trainReward({ ...options, overLength: "truncate" })).rejects.toThrow(/over-length/);
  await expect(trainReward({ ...options, maxCompletionLength: 5 })).rejects.toThrow(/max-completion-length/);
  await expect(trainReward({ ...options, centerRewardsCoefficient: -1 })).rejects.toThrow(ConfigError);
  const classes = { ...options, head: "classifier" as const, data: answers };
  await expect(trainReward({ ...classes, classWeights: [1] })).rejects.toThrow(/2 numbers/);
  await expect(trainReward({ ...classes, labels: ["one"] })).rejects.toThrow(/at least two names/);
  const oneClass = answers.map((answer) => ({ ...answer, label: 0 }));
  await expect(trainReward({ ...classes, data: oneClass })).rejects.toThrow(DatasetError);
});
