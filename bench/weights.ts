/**
 * @file What `--weights` costs and gives: log-probabilities, greedy tokens and refusals of int8 and int4 against f32, tokens
 * a second, size and memory; a Markdown table. `npx tsx bench/weights.ts [--adapter FOLDER]`, one process a scheme.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Command } from "commander";
import { toPromptCompletions, toPromptRows } from "../src/data/columns.js";
import type { PromptRow } from "../src/data/examples.js";
import { packSegments, type Segment } from "../src/data/packing.js";
import { readRows } from "../src/data/readers.js";
import { createEngine } from "../src/engine/engine.js";
import { loadTasks } from "../src/evaluate/tasks/load.js";
import { taskNamed } from "../src/evaluate/tasks/suites.js";
import { emptyStatistics } from "../src/generate/decoder.js";
import { LocalChatModel } from "../src/generate/local-chat-model.js";
import { conversationEncoder } from "../src/generate/open-local-chat-model.js";
import { ResidentAdapter } from "../src/generate/resident-adapter.js";
import { packedFeeds } from "../src/generate/score.js";
import { matchRefusal } from "../src/judges/refusal-matcher.js";
import { buildScoreGraph } from "../src/models/decoder/score-graph.js";
import { LOGIT_CHUNKS } from "../src/models/decoder/token-log-probs.js";
import type { LoadedModel, WeightScheme } from "../src/models/loaded-model.js";
import { readAdapter } from "../src/models/lora/adapter.js";
import { openModel } from "../src/models/open.js";

const SCHEMES: readonly WeightScheme[] = ["f32", "int8", "int4"];
/** Two harmful and two harmless sets, a seeded part of each. */
const SETS = ["I-MaliciousInstructions", "I-CoNa", "I-Alpaca", "xstest-safe"] as const;
const HARMFUL_SETS = 2;
const PROMPTS_A_SET = 20;
const SCORED_ROWS = 32;
const GREEDY_PROMPTS = 16;
const NEW_TOKENS = 48;

interface Flags {
  readonly model: string;
  readonly adapter?: string;
  readonly threads: string;
  /** Of a process of its own, which prints its findings. */
  readonly weights?: WeightScheme;
  /** Findings of f32. */
  readonly reference?: string;
}

/** What one process finds out. */
interface Findings {
  /** Of given answers, nats. */
  readonly logProbs: readonly number[];
  readonly tokens: number;
  /** Tokens of greedy answers by prompt. */
  readonly greedy: readonly (readonly number[])[];
  /** Share of f32's greedy tokens that are the likeliest ones here, too, given the same tokens before. */
  readonly agreement: number;
  /** By prompt, harmful ones first. */
  readonly refused: readonly boolean[];
  /** Tokens a second of one sequence, and of 32 side by side. */
  readonly speed: readonly [one: number, many: number];
  readonly fileMiB: number;
  /** After the first answers of one sequence. */
  readonly peakMiB: number;
}

async function main(flags: Flags): Promise<void> {
  if (flags.weights !== undefined) {
    process.stdout.write(JSON.stringify(await findings(flags, flags.weights)));
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "safe-to-serve-weights-"));
  try {
    const reference = join(folder, "f32.json");
    const found = new Map<WeightScheme, Findings>();
    for (const scheme of SCHEMES) {
      found.set(scheme, await inProcess(flags, scheme, reference));
      if (scheme === "f32") writeFileSync(reference, JSON.stringify(found.get(scheme)));
    }
    process.stdout.write(table(found));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function inProcess(flags: Flags, scheme: WeightScheme, reference: string): Promise<Findings> {
  // Made beforehand: quantising would count into memory.
  await openModel(flags.model, { weights: scheme });
  const adapter = flags.adapter === undefined ? [] : ["--adapter", flags.adapter];
  const known = scheme === "f32" ? [] : ["--reference", reference];
  const given = ["--model", flags.model, "--threads", flags.threads, "--weights", scheme];
  const command = ["tsx", import.meta.filename, ...given, ...adapter, ...known];
  const { stdout } = await promisify(execFile)("npx", command, { maxBuffer: 1 << 26 });
  return JSON.parse(stdout) as Findings;
}

async function findings(flags: Flags, weights: WeightScheme): Promise<Findings> {
  const loaded = await openModel(flags.model, { weights });
  const adapter = flags.adapter === undefined ? null : await readAdapter(flags.adapter, loaded.config);
  const engine = await createEngine({ threads: Number(flags.threads), inProcess: true });
  const encoder = conversationEncoder(loaded);
  const model = new LocalChatModel({ engine, loaded, encoder, adapter });
  const prompts = toPromptRows(await readRows(join(import.meta.dirname, "data", "prompts-64.jsonl")));
  const one = await speedOf(model, prompts.slice(0, 2), 1);
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  const many = await speedOf(model, prompts.slice(0, 32), 32);
  const asked = prompts.slice(0, GREEDY_PROMPTS);
  const greedy = (await answersOf(model, asked)).map(({ tokenIds }) => tokenIds);
  const scored = await scoresOf(model);
  const refused = (await answersOf(model, await judgedPrompts())).map(
    ({ response }) => matchRefusal(response) !== undefined,
  );
  await model.close();
  const segments = referenceAnswers(flags).map((answer, i): Segment => {
    const { id, messages } = asked[i] as PromptRow;
    return { id, prompt: encoder.encodePrompt(messages), branches: [answer] };
  });
  const resident = adapter && (await ResidentAdapter.allocate(engine, adapter, 1));
  const session = await engine.open(buildScoreGraph(loaded, adapter?.config ?? null));
  const packed = segments.length === 0 ? null : packSegments(segments, { chunks: LOGIT_CHUNKS });
  const feeds = packed && { ...packedFeeds(packed), ...resident?.feeds() };
  const outputs = feeds === null ? {} : await session.run(feeds, { fetch: ["is_correct"] });
  const correct = (outputs["is_correct"]?.data ?? new Float32Array()) as Float32Array;
  const own = correct.filter((_, m) => (packed?.sequenceOf[m] ?? -1) >= 0);
  await engine.close();
  return {
    ...scored,
    greedy,
    agreement: segments.length === 0 ? 1 : mean(own),
    refused,
    speed: [one, many],
    fileMiB: fileMiB(loaded),
    peakMiB,
  };
}

function referenceAnswers({ reference }: Flags): readonly (readonly number[])[] {
  return reference === undefined ? [] : (JSON.parse(readFileSync(reference, "utf8")) as Findings).greedy;
}

/** New tokens a second, prefill included, session open. */
async function speedOf(model: LocalChatModel, prompts: readonly PromptRow[], batchSize: number) {
  const options = { maxNewTokens: NEW_TOKENS, minNewTokens: NEW_TOKENS, temperature: 0, batchSize };
  const [first] = prompts;
  for await (const _ of model.generate([first as PromptRow], {
    ...options,
    minNewTokens: 0,
    maxNewTokens: 2,
  }));
  const statistics = emptyStatistics();
  const startMs = performance.now();
  for await (const _ of model.generate(prompts, { ...options, statistics }));
  return (1000 * statistics.newTokens) / (performance.now() - startMs);
}

/** Greedy answers in the order of their prompts. */
async function answersOf(model: LocalChatModel, prompts: readonly PromptRow[]) {
  const answers = new Map<string, { readonly response: string; readonly tokenIds: readonly number[] }>();
  const options = { maxNewTokens: NEW_TOKENS, temperature: 0, batchSize: 16 };
  for await (const answer of model.generate(prompts, options)) answers.set(answer.id, answer);
  return prompts.map(({ id }) => answers.get(id) ?? { response: "", tokenIds: [] });
}

async function scoresOf(model: LocalChatModel): Promise<Pick<Findings, "logProbs" | "tokens">> {
  const rows = toPromptCompletions(await readRows(join(import.meta.dirname, "data", "sft-256.jsonl")));
  const exchanges = rows
    .slice(0, SCORED_ROWS)
    .map(({ id, prompt, completion }) => ({ id, messages: prompt, response: completion[0]?.content ?? "" }));
  const scored = new Map<string, number>();
  let tokens = 0;
  for await (const { id, logProb, tokenLogProbs } of model.score(exchanges)) {
    scored.set(id, logProb);
    tokens += tokenLogProbs.length;
  }
  return { logProbs: exchanges.map(({ id }) => scored.get(id) ?? Number.NaN), tokens };
}

/** The same prompts for every scheme, harmful ones first. */
async function judgedPrompts(): Promise<PromptRow[]> {
  const selection = SETS.map((name) => ({ task: taskNamed(name), limit: PROMPTS_A_SET }));
  const { tasks } = await loadTasks(selection, { limit: null, seed: 0 });
  return tasks.flatMap(({ task, prompts }) =>
    prompts.map(({ id, messages }) => ({ id: `${task.name}/${id}`, messages })),
  );
}

function fileMiB({ folder }: LoadedModel): number {
  return statSync(join(folder, "model.safetensors")).size / 2 ** 20;
}

function table(found: ReadonlyMap<WeightScheme, Findings>): string {
  const f32 = found.get("f32") as Findings;
  const lines = Array.from(found, ([scheme, its]) => {
    const differences = its.logProbs.map((x, i) => x - (f32.logProbs[i] as number));
    const sum = differences.reduce((a, b) => a + b, 0);
    const cells = [
      scheme,
      sum.toFixed(2),
      (sum / its.tokens).toFixed(4),
      mean(differences.map(Math.abs)).toFixed(2),
      `${(100 * its.agreement).toFixed(1)} %`,
      ...refusals(its, f32),
      ...its.speed.map((rate) => rate.toFixed(1)),
      its.fileMiB.toFixed(0),
      its.peakMiB.toFixed(0),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const heads = [
    "weights",
    `Σ Δ log-prob (${f32.logProbs.length} rows, ${f32.tokens} tokens)`,
    "Δ a token",
    "mean |Δ| a row",
    "greedy tokens that agree",
    "refused, harmful",
    "refused, harmless",
    "verdicts that differ",
    "tokens/s, 1",
    "tokens/s, 32",
    "file, MiB",
    "peak, MiB",
  ];
  return `| ${heads.join(" | ")} |\n| --- |${" ---: |".repeat(heads.length - 1)}\n${lines.join("\n")}\n`;
}

function refusals(its: Findings, f32: Findings): string[] {
  const harmful = HARMFUL_SETS * PROMPTS_A_SET;
  const share = (list: readonly boolean[]) => `${list.filter(Boolean).length} of ${list.length}`;
  const differing = its.refused.filter((refused, i) => refused !== f32.refused[i]).length;
  return [share(its.refused.slice(0, harmful)), share(its.refused.slice(harmful)), `${differing}`];
}

function mean(values: readonly number[] | Float32Array): number {
  return Array.from(values).reduce((a, b) => a + b, 0) / values.length;
}

await new Command("weights")
  .option("--model <name>", "registry name, folder, file or hub id", "smollm2-135m-instruct")
  .option("--adapter <folder>", "PEFT adapter on top")
  .option("--threads <n>", "threads of one operation", "2")
  .option("--weights <scheme>", "measure one scheme in this process and print it as JSON")
  .option("--reference <file>", "findings of f32, for agreement")
  .action(main)
  .parseAsync();
