/**
 * @file Our side of a comparison: runs one job with the built library (`dist/`) and prints the result as its last line.
 * Timed: from the first opened session to the end, the opening of sessions (loading, as on the other side) taken out; the
 * building of graphs, packing, reference, optimiser and the last checkpoint stay in. Run by run.ts: tsx ours.ts JOB.json
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "../src/core/hash.js";
import type { Engine } from "../src/engine/types.js";
import type { SampleRow } from "../src/evaluate/results.js";
import type { LocalChatModel } from "../src/generate/local-chat-model.js";
import type { TrainOptions } from "../src/train/options.js";
import type { TrainResult } from "../src/train/run.js";
import type { ChoiceJob, Job, JobResult, SampleJob, ScoredQuestion, TrainJob } from "./job.js";

type Outcome = Omit<JobResult, "versions" | "seconds">;

/** Imports a built module under the type of its source: the engine's worker runs as JavaScript only. */
function built<Module>(path: string): Promise<Module> {
  return import(new URL(`../dist/${path}`, import.meta.url).href) as Promise<Module>;
}

async function main(): Promise<void> {
  const job = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as Job;
  const { createEngine } = await built<typeof import("../src/engine/engine.js")>("engine/engine.js");
  const engine = await createEngine({ threads: job.threads });
  const { watched, seconds } = stopwatch(engine);
  const outcome = await run(job, watched);
  const result: JobResult = { ...outcome, seconds: seconds(), versions: versions() };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  await engine.close();
}

async function run(job: Job, engine: Engine): Promise<Outcome> {
  if (job.task === "sample") return sample(job as SampleJob, engine);
  return job.task === "choices" ? choices(job as ChoiceJob, engine) : train(job as TrainJob, engine);
}

/** An engine whose clock starts with the first session and stands still while sessions open. */
function stopwatch(engine: Engine): { readonly watched: Engine; readonly seconds: () => number } {
  let startMs: number | null = null;
  let openingMs = 0;
  const watched: Engine = {
    ...engine,
    async open(model) {
      const beganMs = performance.now();
      startMs ??= beganMs;
      const session = await engine.open(model);
      openingMs += performance.now() - beganMs;
      return session;
    },
  };
  return { watched, seconds: () => (performance.now() - (startMs ?? Number.NaN) - openingMs) / 1000 };
}

/** Alpha is twice the rank, as in `peers/common.py`. */
async function train(job: TrainJob, engine: Engine): Promise<Outcome> {
  const { seed, data, modelFolder, batchSize, maxLength, learningRate, loraRank, loraTargets } = job;
  const out = mkdtempSync(join(tmpdir(), "safe-to-serve-bench-"));
  const numbers = { seed, batchSize, maxLength, learningRate, loraRank, loraAlpha: 2 * loraRank, epochs: 1 };
  const switches = { shuffle: false, watch: false, checkContamination: false, scheduler: "linear" } as const;
  const options = { ...numbers, ...switches, loraTargets, model: modelFolder, data, out, engine };
  try {
    const { certificate, numTokens } = await trainBy(job.task, options);
    return { items: certificate.train.rowsTrained, tokens: numTokens };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** What SFT and DPO both take, rows by file name. */
type TrainingOptions = TrainOptions<never> & { readonly data: string };

async function trainBy(task: Job["task"], options: TrainingOptions): Promise<TrainResult> {
  if (task === "sft") {
    const { trainSft } = await built<typeof import("../src/train/methods/sft.js")>("train/methods/sft.js");
    return trainSft(options);
  }
  const { trainDpo } = await built<typeof import("../src/train/methods/dpo.js")>("train/methods/dpo.js");
  return trainDpo(options);
}

async function sample(job: SampleJob, engine: Engine): Promise<Outcome> {
  const model = await openChatModel(job, engine);
  const { maxNewTokens, temperature, batchSize, seed } = job;
  const sampling = { maxNewTokens, minNewTokens: maxNewTokens, temperature, batchSize, seed };
  let [items, tokens] = [0, 0];
  for await (const { tokenIds } of model.generate(requests(job.data), sampling)) {
    items++;
    tokens += tokenIds.length;
  }
  return { items, tokens };
}

/** The set's questions as `evaluate` asks them, journalled. */
async function choices(job: ChoiceJob, engine: Engine): Promise<Outcome> {
  const { taskNamed } =
    await built<typeof import("../src/evaluate/tasks/suites.js")>("evaluate/tasks/suites.js");
  const { loadTask } = await built<typeof import("../src/evaluate/tasks/load.js")>("evaluate/tasks/load.js");
  const { scoreChoices } = await built<typeof import("../src/evaluate/multiple-choice.js")>(
    "evaluate/multiple-choice.js",
  );
  const { Journal } = await built<typeof import("../src/core/files.js")>("core/files.js");
  const { set, seed, questions, out } = job;
  const task = await loadTask(taskNamed(set), { limit: questions, seed });
  const journal = new Journal<SampleRow>(`${out}.journal`);
  await scoreChoices(journal, { model: await openChatModel(job, engine), tasks: [task], seed });
  journal.close();
  const { rows } = journal;
  writeFileSync(out, rows.map((row) => `${JSON.stringify(scoredQuestion(row))}\n`).join(""));
  const tokens = rows.flatMap((row) => row.choices?.tokenCounts ?? []);
  return { items: rows.length, tokens: tokens.reduce((sum, count) => sum + count, 0) };
}

function scoredQuestion({ promptId, messages, choices }: SampleRow): ScoredQuestion {
  const { texts = [], logProbs = [], predicted = { acc: -1, acc_norm: -1 } } = choices ?? {};
  const isRight = (metric: "acc" | "acc_norm"): number => Number(predicted[metric] === choices?.gold);
  return {
    id: promptId,
    contextSha256: sha256(messages.map(({ content }) => content).join("")),
    logProbs,
    lengths: texts.map((text) => [...text].length),
    predicted: { acc: predicted.acc, acc_norm: predicted.acc_norm },
    right: { acc: isRight("acc"), acc_norm: isRight("acc_norm") },
  };
}

async function openChatModel(job: Job, engine: Engine): Promise<LocalChatModel> {
  const { openModel } = await built<typeof import("../src/models/open.js")>("models/open.js");
  const { conversationEncoder } = await built<typeof import("../src/generate/open-local-chat-model.js")>(
    "generate/open-local-chat-model.js",
  );
  const parts = await built<typeof import("../src/generate/local-chat-model.js")>(
    "generate/local-chat-model.js",
  );
  const { weights = "f32" } = job;
  const loaded = await openModel(job.modelFolder, { weights });
  return new parts.LocalChatModel({ engine, loaded, encoder: conversationEncoder(loaded), adapter: null });
}

function requests(file: string) {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  const rows = lines.map((line) => JSON.parse(line) as { readonly id: string; readonly prompt: string });
  return rows.map(({ id, prompt }) => ({ id, messages: [{ role: "user", content: prompt } as const] }));
}

function versions(): Readonly<Record<string, string>> {
  const version = (path: string) =>
    (JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as { version: string }).version;
  return {
    node: process.versions.node,
    "safe-to-serve": version("../package.json"),
    "onnxruntime-node": version("../node_modules/onnxruntime-node/package.json"),
  };
}

await main();
