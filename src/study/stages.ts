/**
 * @file The stages of a study: evaluate a model, choose rows, train SIT, build pairs, train DPO. Each keeps to a folder
 * of its own and goes on from what it finds there.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeFileDurably } from "../core/files.js";
import type { Json } from "../core/hash.js";
import { readTextFile } from "../core/read-back.js";
import { ANSWER_LIMIT_COLUMN, toPreferencePairs, toPromptCompletions } from "../data/columns.js";
import type { PreferencePair, PromptCompletion } from "../data/examples.js";
import { readRows } from "../data/readers.js";
import { RESULTS_FILE } from "../evaluate/evaluation-files.js";
import type { EvaluationResults } from "../evaluate/results.js";
import { evaluate } from "../evaluate/run.js";
import { loadTasks } from "../evaluate/tasks/load.js";
import { refusalMatcher } from "../judges/refusal-matcher.js";
import { findLoop } from "../stats/loops.js";
import { trainDpo } from "../train/methods/dpo.js";
import { trainSit } from "../train/methods/sit.js";
import { METHOD_DEFAULTS, type TrainHooks, type TrainOptions } from "../train/options.js";
import type { TrainResult } from "../train/run.js";
import { totalSteps } from "../train/sampler.js";
import { WATCH_PROMPTS } from "../train/watch.js";
import { answerTokens, rowTokens, timeInWords } from "./estimate.js";
import { withOwnAnswers } from "./own-answers.js";
import { buildStudyPairs, HELD_OUT_PAIRS } from "./pairs.js";
import { type SitTrainRecipe, type SuiteChoice, selectionOf } from "./recipe.js";
import { drawRows, hashRows, holdOut, loadSelections, type RowContext } from "./rows.js";
import type { Stage } from "./run.js";
import type { ModelLabel, Workbench } from "./workbench.js";

/** Answers drawn side by side. */
const BATCH = 32;
/** Steps between checkpoints: what an interruption costs at most. */
const SAVE_STEPS = 10;
/** What the watch costs at least: a look before and one after, at so many tokens a prompt. */
const LOOKS = 2;
const WATCH_TOKENS = 64;

/** Asks a suite of a model. @param folder name under `evaluations/` */
export function evaluationStage(
  bench: Workbench,
  label: ModelLabel,
  choice: SuiteChoice,
  folder: string = label,
): Stage {
  const out = bench.path("evaluations", folder);
  const { seed, evaluate: recipe } = bench.recipe;
  return {
    name: `evaluate ${folder}`,
    isDone: () => existsSync(join(out, RESULTS_FILE)),
    plan: async () => {
      const { tasks } = await loadTasks(selectionOf(choice), { limit: null, seed, ...bench.folders });
      const prompts = tasks.reduce((sum, { prompts }) => sum + prompts.length, 0);
      const decoding = answerTokens(prompts, recipe.maxNewTokens);
      const time = timeInWords(await bench.model(), { decoding });
      return `${prompts} prompts (${tasks.map(({ task }) => task.name).join(", ")}), greedy, at most ${recipe.maxNewTokens} new tokens; ${time}`;
    },
    run: async () => evaluationRecord(await evaluateModel(bench, label, choice, out)),
  };
}

/** What an evaluation does, by phase, for the progress line. */
const WORK = {
  answers: "answering",
  questions: "scoring choices",
  references: "scoring references",
  verdicts: "judging",
  bertscores: "comparing with references",
} as const;

async function evaluateModel(
  bench: Workbench,
  label: ModelLabel,
  choice: SuiteChoice,
  out: string,
): Promise<EvaluationResults> {
  const { recipe, observer, signal, folders } = bench;
  const { weights = "f32", maxNewTokens } = recipe.evaluate;
  const model = await bench.chatModel(label, weights);
  const adapter = bench.adapterFolder(label);
  const strength = adapter === null ? null : 1;
  let phase = "";
  try {
    return await evaluate({
      model,
      target: { model: recipe.model, adapter, strength, template: "chat", weights },
      judges: [refusalMatcher()],
      tasks: selectionOf(choice),
      out,
      seed: recipe.seed,
      sampling: { maxNewTokens, temperature: 0, batchSize: BATCH },
      ...folders,
      ...(signal && { signal }),
      onProgress: (state) => {
        const what = WORK[state.phase];
        if (phase !== state.phase) observer.onWork?.(what, "answers", state.total, state.done);
        phase = state.phase;
        observer.onWorkDone?.(state.done, state.task ?? "");
      },
    });
  } finally {
    await model.close();
  }
}

function evaluationRecord({ hashes, tasks, settings }: EvaluationResults): Json {
  const refused = tasks.filter(({ metric }) => metric === "refused");
  return {
    model: hashes.model,
    prompts: settings.sets.reduce((sum, { prompts }) => sum + prompts, 0),
    refused: Object.fromEntries(refused.map(({ name, value, n }) => [name, { n, share: value }])),
  };
}

/** Chooses the rows of SIT and writes them to `data/`, for training and for the reader. */
export function rowsStage(bench: Workbench): Stage {
  const { data, safety } = bench.recipe.sit;
  return {
    name: "choose rows",
    isDone: () => SIT_FILES.every((name) => existsSync(bench.path("data", name))),
    plan: () =>
      `rows for safety instruction tuning from ${[...new Set([...data, ...safety].map(({ name }) => name))].join(", ")}, none with an evaluation prompt`,
    run: async () => chooseRows(bench, await rowContext(bench)),
  };
}

const [INSTRUCTIONS, SAFETY, HELD_OUT] = ["sit.jsonl", "sit-safety.jsonl", "sit-held-out.jsonl"] as const;
const SIT_FILES = [INSTRUCTIONS, SAFETY, HELD_OUT] as const;

async function rowContext(bench: Workbench): Promise<RowContext> {
  const benchmarks = await bench.benchmarkPrompts();
  return { seed: bench.recipe.seed, benchmarks, ...bench.folders };
}

async function chooseRows(bench: Workbench, context: RowContext): Promise<Json> {
  const { data, safety } = bench.recipe.sit;
  const drawAll = async (selections: typeof data) =>
    (await loadSelections(selections, context)).map(({ selection, fit }) => ({
      ...drawRows(fit, selection.rows),
      isOwn: selection.ownAnswers === true,
      record: fit.record,
    }));
  const instructions = await drawAll(data);
  const safe = await drawAll(safety);
  const harmless = holdOut(instructions, WATCH_PROMPTS.harmless);
  const heldOut = [...harmless, ...holdOut(safe, WATCH_PROMPTS.others)];
  const own = instructions.flatMap(({ drawn, isOwn }) => (isOwn ? drawn : []));
  const answered = await withOwnAnswers(bench, own, (limit) =>
    bench.path("data", `own-answers-${limit}.jsonl`),
  );
  const rows = {
    [INSTRUCTIONS]: [...instructions.flatMap(({ drawn, isOwn }) => (isOwn ? [] : drawn)), ...answered],
    [SAFETY]: safe.flatMap(({ drawn }) => drawn),
    [HELD_OUT]: heldOut,
  };
  for (const [name, content] of Object.entries(rows))
    await writeLines(bench.path("data", name), content.map(asColumns));
  return {
    benchmarkPrompts: context.benchmarks.length,
    files: Object.fromEntries(
      Object.entries(rows).map(([name, content]) => [
        name,
        { rows: content.length, sha256: hashRows(content) },
      ]),
    ),
    ownAnswers: { asked: own.length, kept: answered.length },
    sources: [...instructions, ...safe].map(({ record, drawn }) => ({ ...record, drawn: drawn.length })),
  };
}

function asColumns({ maxCompletionLength, ...row }: PromptCompletion): object {
  return maxCompletionLength === undefined ? row : { ...row, [ANSWER_LIMIT_COLUMN]: maxCompletionLength };
}

/** Safety instruction tuning from the base. */
export function sitStage(bench: Workbench): Stage {
  const { train } = bench.recipe.sit;
  const out = bench.path("sit");
  return {
    name: "train sit",
    isDone: () => existsSync(join(out, "adapter", "adapter_config.json")),
    plan: async () => {
      const rows = [...(await completions(bench, INSTRUCTIONS)), ...(await completions(bench, SAFETY))];
      const tokens = rows.map((row) => {
        const { maxCompletionLength = train.maxCompletionLength ?? 0 } = row;
        return rowTokens(textOf(row.prompt), [textOf(row.completion)], { ...train, maxCompletionLength });
      });
      return trainingPlan(bench, "sit", train, tokens);
    },
    run: async () => {
      const [instructions, safety] = [
        await completions(bench, INSTRUCTIONS),
        await completions(bench, SAFETY),
      ];
      const heldOut = await completions(bench, HELD_OUT);
      const result = await trainSit({
        ...(await trainOptions<PromptCompletion>(bench, out, instructions, heldOut)),
        ...train,
        safetyData: safety,
        safetyExamples: { count: safety.length },
      });
      return trainRecord(result);
    },
  };
}

/** Preference pairs with own answers of the base or of SIT, in `pairs/`. */
export function pairsStage(bench: Workbench): Stage {
  const recipe = bench.recipe.dpo.pairs;
  const out = bench.path("pairs");
  const asked = recipe.count + HELD_OUT_PAIRS;
  return {
    name: "build pairs",
    isDone: () => [PAIRS, HELD_OUT_FILE].every((name) => existsSync(join(out, name))),
    plan: async () => {
      const decoding = answerTokens(asked, recipe.maxNewTokens);
      const time = timeInWords(await bench.model(), { decoding });
      return `${recipe.count} preference pairs, ${percent(recipe.share)} with unsafe prompts, against answers of ${recipe.answersFrom}; ${time}`;
    },
    run: async () => {
      const model = await bench.chatModel(recipe.answersFrom);
      try {
        const trained =
          recipe.answersFrom === "sit"
            ? [...(await completions(bench, INSTRUCTIONS)), ...(await completions(bench, SAFETY))]
            : [];
        const context = await rowContext(bench);
        const built = await buildStudyPairs({
          bench,
          context,
          model,
          trained,
          journal: join(out, "answers.jsonl"),
          baseJournal: join(out, "base-answers.jsonl"),
        });
        await writeLines(join(out, HELD_OUT_FILE), built.heldOut);
        await writeLines(join(out, PAIRS), built.pairs);
        return built.record;
      } finally {
        await model.close();
      }
    },
  };
}

const [PAIRS, HELD_OUT_FILE] = ["pairs.jsonl", "held-out.jsonl"] as const;

/** Direct Preference Optimization from the SIT adapter. */
export function dpoStage(bench: Workbench): Stage {
  const { train } = bench.recipe.dpo;
  const out = bench.path("dpo");
  return {
    name: "train dpo",
    isDone: () => existsSync(join(out, "adapter", "adapter_config.json")),
    plan: async () => {
      const pairs = await preferencePairs(bench, PAIRS);
      const tokens = pairs.map(({ prompt, chosen, rejected }) =>
        rowTokens(textOf(prompt), [textOf(chosen), textOf(rejected)], train),
      );
      return trainingPlan(bench, "dpo", train, tokens);
    },
    run: async () => {
      const pairs = await preferencePairs(bench, PAIRS);
      const heldOut = await preferencePairs(bench, HELD_OUT_FILE);
      const common = await trainOptions<PreferencePair>(bench, out, pairs, heldOut);
      return trainRecord(await trainDpo({ ...common, ...train, adapter: bench.path("sit", "adapter") }));
    },
  };
}

async function trainingPlan(
  bench: Workbench,
  method: "sit" | "dpo",
  train: SitTrainRecipe,
  tokens: readonly number[],
): Promise<string> {
  const rows = tokens.length;
  const { epochs, maxSteps, batchSize, gradientAccumulation, shuffle } = {
    ...METHOD_DEFAULTS[method],
    ...train,
  };
  const { seed } = bench.recipe;
  const steps = totalSteps({ rows, epochs, maxSteps, batchSize, gradientAccumulation, shuffle, seed });
  const each = batchSize * gradientAccumulation;
  const work = {
    [method]: (tokens.reduce((a, b) => a + b, 0) / rows) * each * steps,
    decoding: LOOKS * HELD_OUT_PAIRS * WATCH_TOKENS,
  };
  const time = timeInWords(await bench.model(), work);
  return `${rows} ${method === "dpo" ? "pairs" : "rows"}, ${steps} steps of ${each}; ${time}`;
}

async function trainOptions<Row>(
  bench: Workbench,
  out: string,
  data: readonly Row[],
  heldOut: readonly Row[],
): Promise<TrainOptions<Row>> {
  return {
    model: await bench.model(),
    engine: await bench.engine(),
    data,
    ...(heldOut.length > 0 && { evalData: heldOut }),
    out,
    resume: existsSync(join(out, "run.json")),
    seed: bench.recipe.seed,
    saveSteps: SAVE_STEPS,
    ...bench.folders,
    ...trainHooks(bench),
  };
}

function trainHooks({ observer, signal }: Workbench): TrainHooks {
  return {
    onPhase: (label, total, unit, done) => observer.onWork?.(label, unit, total, done),
    onPhaseProgress: (done) => observer.onWorkDone?.(done),
    onStep: ({ step, metrics }) => observer.onWorkDone?.(step, `loss ${Number(metrics["loss"]).toFixed(3)}`),
    onWarning: (message) => observer.onWarning?.(message),
    onMemory: (plan, room) => observer.onMemory?.(plan, room),
    isLoop: (tokenIds) => findLoop(tokenIds) !== undefined,
    ...(signal && { signal }),
  };
}

function trainRecord({ adapter, steps, numTokens, lastMetrics, certificate }: TrainResult): Json {
  const { rowsRead, rowsTrained } = certificate.train;
  return {
    adapter,
    steps,
    numTokens,
    loss: Number(lastMetrics?.["loss"]),
    rowsRead,
    rowsTrained,
    warnings: warningsOf(lastMetrics?.["warnings"]),
  };
}

function warningsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

async function completions(bench: Workbench, name: (typeof SIT_FILES)[number]): Promise<PromptCompletion[]> {
  return readIfAny(bench.path("data", name), async (path) => toPromptCompletions(await readRows(path)));
}

async function preferencePairs(bench: Workbench, name: string): Promise<PreferencePair[]> {
  return readIfAny(bench.path("pairs", name), async (path) => toPreferencePairs(await readRows(path)));
}

/** A file of ours may have no row: nothing was left to hold out. */
function readIfAny<Row>(path: string, read: (path: string) => Promise<Row[]>): Promise<Row[]> {
  return readTextFile(path, "rows of this study") === "" ? Promise.resolve([]) : read(path);
}

async function writeLines(path: string, rows: readonly object[]): Promise<void> {
  await writeFileDurably(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

function textOf(turns: readonly { readonly content: string }[]): string {
  return turns.map(({ content }) => content).join("\n");
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
