/** @file Whole RAFT runs on a tiny Llama that speaks ten words, with mock reward models, in seconds. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { scratchEngine } from "../../../test/support/scratch-engine.js";
import { writeTinyChatModel } from "../../../test/support/tiny-chat-model.js";
import { ConfigError, JudgeError, TrainingError } from "../../core/errors.js";
import type { LoadedModel } from "../../models/loaded-model.js";
import { openModel } from "../../models/open.js";
import { TINY_CONFIG, tinyConfig, tinyTensors } from "../../models/tiny-checkpoint.test-data.js";
import { writeSafetensors } from "../../models/weights/safetensors.js";
import type { ScoreModel } from "../../text/chat-model.js";
import type { Exchange } from "../../text/messages.js";
import { Tokenizer } from "../../text/tokenizer.js";
import { trainRaft } from "../methods/raft.js";
import type { RaftOptions } from "./options.js";

const { root, engine } = await scratchEngine("raft");
const WORDS = [" red", " green", " blue", " cat", " dog", " house", " tree", " river", " stone"];
let model: LoadedModel;

beforeAll(async () => {
  const folder = join(root, "model");
  await writeTinyChatModel(folder, 256);
  const tokenizer = new Tokenizer((await openModel(folder)).text);
  const spoken = WORDS.map((word) => tokenizer.encodeText(word, { continued: true }));
  expect(spoken.every((ids) => ids.length === 1)).toBe(true);
  await speakOnly(folder, [2, ...spoken.flat()]);
  model = await openModel(folder);
});

/** Of all tokens only a few get any probability: one hidden dimension is large for all, and those few read it. */
async function speakOnly(folder: string, tokens: readonly number[]): Promise<void> {
  const config = {
    ...TINY_CONFIG,
    vocab_size: 49152,
    max_position_embeddings: 256,
    eos_token_id: 2,
    tie_word_embeddings: false,
  };
  const tensors = tinyTensors(tinyConfig(config));
  const dataOf = (name: string) => tensors.get(name)?.data ?? new Float32Array();
  const [embedding, head, norm] = ["model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"].map(
    dataOf,
  );
  for (let token = 0; token < 49152; token++) {
    if (embedding) embedding[token * 32] = 3;
    if (head) head[token * 32] = tokens.includes(token) ? 6 : 0;
  }
  // The end of turn, so that most answers end.
  if (head) head[2 * 32] = 6.3;
  norm?.fill(1);
  for (const [name, { data }] of tensors) {
    if (!/o_proj|down_proj/.test(name)) continue;
    const width = data.length / 32;
    for (let i = 0; i < data.length; i++) data[i] = i < width ? 0 : (data[i] ?? 0) * 0.5;
  }
  await writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
}

function scoreModel(
  id: string,
  labels: readonly string[],
  score: (exchange: Exchange) => readonly number[],
): ScoreModel {
  return {
    id,
    hash: id,
    labels,
    async *scores(exchanges) {
      for (const exchange of exchanges) yield score(exchange);
    },
  };
}

const words = ({ response }: Exchange) => response.trim().split(/\s+/);
const count = (exchange: Exchange, word: string) => words(exchange).filter((each) => each === word).length;
const cats = scoreModel("cats", ["reward"], (exchange) => [count(exchange, "cat")]);
const brief = scoreModel("brief", ["reward"], (exchange) => [-Math.abs(words(exchange).length - 6)]);
const noDogs = scoreModel("no dogs", ["safe", "unsafe"], (exchange) => {
  const logit = count(exchange, "dog") > 1 ? Math.log(9) : -Math.log(9);
  return [0, logit];
});

const prompts = Array.from({ length: 30 }, (_, i) => ({
  id: `p${i}`,
  messages: [{ role: "user" as const, content: `Question ${i}` }],
}));

const options = (out: string, changes: Partial<RaftOptions> = {}): RaftOptions => ({
  model,
  engine,
  out: join(root, out),
  prompts,
  rewards: [{ model: cats, weight: 1 }],
  checkContamination: false,
  samples: 4,
  stagePrompts: 6,
  stages: 2,
  heldOut: 6,
  temperature: 1,
  maxNewTokens: 16,
  learningRate: 0.01,
  loraRank: 4,
  batchSize: 4,
  sampleBatchSize: 16,
  seed: 3,
  ...changes,
});

const rows = (...path: string[]) =>
  readFileSync(join(root, ...path), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const bytes = (...path: string[]) => readFileSync(join(root, ...path));

describe("trainRaft", () => {
  test("raises the reward of fresh samples over the stages, and selects better than it draws", async () => {
    const result = await trainRaft(
      options("rising", {
        vetoes: [{ model: noDogs, threshold: 0.5 }],
        secondReward: brief,
        stages: 4,
        patience: 9,
      }),
    );
    const [start, ...stages] = rows("rising", "metrics.jsonl");
    const all = stages.map((line) => Number(line["reward/all"]));
    expect(all[3]).toBeGreaterThan((all[0] ?? 0) + 0.4);
    for (const line of stages) {
      expect(line["reward/selected"]).toBeGreaterThan(Number(line["reward/all"]));
      expect(line["reward/selected"]).toBeGreaterThanOrEqual(Number(line["reward/eligible"]));
    }
    expect(start).toMatchObject({ global_step: 0, stage: 0, "held_out/gain": 0, "held_out/kl": 0 });
    expect(stages[0]).toMatchObject({ kl: 0, "samples/drawn": 24 });
    expect(stages[3]?.["kl"]).toBeGreaterThan(0.5);
    expect(stages[3]?.["held_out/gain"]).toBeGreaterThan(0);
    expect(stages[3]).toHaveProperty("held_out/second_gain");
    const { train } = result.certificate;
    expect(train.rowsRead).toBe(4 * 24);
    expect(train.stopToken).toEqual({ trained: train.rowsTrained, lost: 0, uncutWithout: 0 });
  });

  test("keeps the selected set to be read, and none that was vetoed or cut off in it", () => {
    const samples = rows("rising", "stages", "0001", "samples.jsonl");
    expect(samples).toHaveLength(24);
    for (const line of rows("rising", "stages", "0002", "selected.jsonl")) {
      expect(line).toMatchObject({ finish_reason: "stop" });
      expect((line["unsafe"] as number[])[0]).toBeCloseTo(0.1, 6);
      expect(line["prompt"]).toEqual([{ role: "user", content: `Question ${String(line["id"]).slice(1)}` }]);
      const same = rows("rising", "stages", "0002", "samples.jsonl").filter(
        (sample) =>
          sample["id"] === line["id"] &&
          isLongEnough(sample) &&
          Number((sample["unsafe"] as number[])[0]) < 0.5,
      );
      const best = Math.max(...same.map((sample) => (sample["rewards"] as number[])[0] ?? 0));
      expect(line["reward"]).toBe(best);
    }
  });

  test("trains on by the optimiser of the stage before", () => {
    const state = JSON.parse(
      bytes("rising", "stages", "0004", "checkpoints", lastCheckpoint(4), "state.json").toString(),
    );
    const steps = rows("rising", "stages", "0004", "metrics.jsonl").length;
    expect(state).toMatchObject({
      step: steps,
      optimizerStep: rows("rising", "metrics.jsonl")[4]?.["global_step"],
    });
    expect(existsSync(join(root, "rising", "stages", "0002", "checkpoints"))).toBe(false);
  });
});

/** Three words and the end of turn. */
const isLongEnough = (sample: Record<string, unknown>) =>
  sample["finish_reason"] === "stop" && (sample["token_ids"] as number[]).length > 3;
const lastCheckpoint = (stage: number) =>
  readdirSync(join(root, "rising", "stages", `000${stage}`, "checkpoints"))
    .sort()
    .at(-1) ?? "";

describe("a killed run", () => {
  const whole = (out: string, changes: Partial<RaftOptions> = {}) =>
    options(out, {
      klWeight: 0.02,
      vetoes: [{ model: noDogs, threshold: 0.5 }],
      saveSteps: 1,
      loraDropout: 0.1,
      ...changes,
    });

  // Killed runs share their first stage; the second is killed, and compared with that of a run in one piece.
  const begun = (out: string) => cpSync(join(root, "begun"), join(root, out), { recursive: true });

  beforeAll(async () => {
    await trainRaft(whole("whole"));
    await trainRaft(whole("begun", { stages: 1 }));
  });

  test.each([
    ["sampling", "stage 2: sampling", 5],
    ["scoring", "stage 2: scoring", 0],
    ["training", "stage 2: training", 2],
    ["looking at held-out prompts", "stage 2, held-out: sampling", 3],
  ])("while %s goes on with what is finished, to the same bits", async (name, phase, after) => {
    const out = `killed-${name.split(" ")[0]}`;
    begun(out);
    rmSync(join(root, out, "adapter"), { recursive: true });
    const abort = new AbortController();
    let current = "";
    const killed = trainRaft(
      whole(out, {
        resume: true,
        signal: abort.signal,
        onPhase: (label) => {
          current = label;
          if (label === phase && after === 0) abort.abort();
        },
        onPhaseProgress: (done) => current === phase && done >= after && abort.abort(),
        onStep: ({ step }) => current === phase && step >= after && abort.abort(),
      }),
    );
    await expect(killed).rejects.toThrow();
    expect(current).toBe(phase);
    expect(existsSync(join(root, out, "adapter"))).toBe(false);
    const path = [out, "stages", "0002", "samples.jsonl"];
    const kept = rows(...path);
    const drawn: string[] = [];
    await trainRaft(
      whole(out, {
        resume: true,
        onPhase: (label, total, _, done) => drawn.push(`${label} ${done}/${total}`),
      }),
    );
    const sampled = drawn.filter((each) => each.startsWith("stage 2: sampling"));
    expect(sampled).toEqual(kept.length < 24 ? [`stage 2: sampling ${kept.length}/24`] : []);
    expect(drawn.some((each) => each.startsWith("stage 1"))).toBe(false);
    for (const file of ["metrics.jsonl", "certificate.json", "adapter/adapter_model.safetensors"])
      expect(bytes(out, file).equals(bytes("whole", file)), file).toBe(true);
    for (const file of [
      "samples.jsonl",
      "selected.jsonl",
      "metrics.jsonl",
      "adapter/adapter_model.safetensors",
    ])
      expect(bytes(out, "stages", "0002", file).equals(bytes("whole", "stages", "0002", file)), file).toBe(
        true,
      );
  });

  test("is not mixed with another: other rewards are refused, more stages are not", async () => {
    await expect(trainRaft(whole("whole"))).rejects.toThrow(ConfigError);
    const others = { resume: true, rewards: [{ model: cats, weight: 2 }] };
    await expect(trainRaft(whole("whole", others))).rejects.toThrow(/another rewards/);
    expect((await trainRaft(whole("whole", { resume: true, stages: 3 }))).stages).toBe(3);
  });
});

describe("a run that cannot be", () => {
  const small = (out: string, changes: Partial<RaftOptions>) =>
    options(out, { heldOut: 0, stagePrompts: 2, samples: 2, ...changes });
  const broken = (id: string, score: () => readonly number[], labels = ["reward"]) =>
    scoreModel(id, labels, score);

  test("says what every sample lacked when a reward model gives no numbers", async () => {
    const rewards = [{ model: broken("nan", () => [Number.NaN]), weight: 1 }];
    await expect(trainRaft(small("nan", { rewards }))).rejects.toThrow(/got none of 4: 4 not scored/);
  });

  test("trains on nothing that a veto has not called safe", async () => {
    const vetoes = (logit: number) => [
      { model: broken(`logit ${logit}`, () => [0, logit], ["safe", "unsafe"]), threshold: 0.5 },
    ];
    await expect(trainRaft(small("unsafe", { vetoes: vetoes(0) }))).rejects.toThrow(/4 vetoed/);
    const nothing = trainRaft(small("nothing", { vetoes: vetoes(Number.NaN) }));
    await expect(nothing).rejects.toThrow(TrainingError);
    await expect(nothing).rejects.toThrow(/4 not scored/);
  });

  test("takes no score of a sample that a reward model read only in part", async () => {
    const partly: ScoreModel = {
      ...cats,
      async *scores(exchanges, onCut) {
        for (const i of exchanges.keys()) onCut?.(i);
        for (const _ of exchanges) yield [1];
      },
    };
    const rewards = [{ model: partly, weight: 1 }];
    await expect(trainRaft(small("partly", { rewards }))).rejects.toThrow(/4 not scored/);
  });

  test("refuses a reward model that leaves answers out", async () => {
    const silent: ScoreModel = { ...cats, async *scores() {} };
    await expect(trainRaft(small("silent", { rewards: [{ model: silent, weight: 1 }] }))).rejects.toThrow(
      JudgeError,
    );
  });

  test("is refused before anything is opened", async () => {
    const refused = (changes: Partial<RaftOptions>) => expect(trainRaft(options("refused", changes))).rejects;
    await refused({ rewards: [] }).toThrow(/--reward: expected at least one/);
    await refused({ rewards: [{ model: noDogs, weight: 1 }] }).toThrow(/one score/);
    await refused({ vetoes: [{ model: cats, threshold: 0.5 }] }).toThrow(/"unsafe"/);
    await refused({ vetoes: [{ model: noDogs, threshold: 0 }] }).toThrow(/--veto/);
    await refused({ temperature: 0 }).toThrow(/--temperature/);
    await refused({ stagePrompts: 25 }).toThrow(/--prompts: expected at least 25 prompts a stage, got 24/);
    expect(existsSync(join(root, "refused"))).toBe(false);
  });
});

test("global ranking takes one answer of many prompts and keeps the best of all", async () => {
  await trainRaft(
    options("global", { ranking: "global", samples: 4, stagePrompts: 4, stages: 1, heldOut: 0 }),
  );
  const samples = rows("global", "stages", "0001", "samples.jsonl");
  const selected = rows("global", "stages", "0001", "selected.jsonl");
  expect(new Set(samples.map((line) => line["id"])).size).toBe(16);
  expect(selected.length).toBeLessThanOrEqual(4);
  const worst = Math.min(...selected.map((line) => Number(line["reward"])));
  const left = samples.filter(
    (sample) => isLongEnough(sample) && selected.every((line) => line["id"] !== sample["id"]),
  );
  for (const { rewards } of left) expect((rewards as number[])[0]).toBeLessThanOrEqual(worst);
});
