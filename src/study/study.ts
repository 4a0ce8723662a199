/**
 * @file The study that `demo` runs: base, SIT and DPO, evaluated on the same prompts and compared. The folder holds
 * everything; the same call on the same folder goes on where it stopped.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Json } from "../core/hash.js";
import { benchmarkSets } from "../data/benchmarks.js";
import { compareEvaluations } from "../evaluate/compare.js";
import type { Comparison } from "../evaluate/comparison.js";
import { type Evaluation, readEvaluation } from "../evaluate/read.js";
import { loadTasks } from "../evaluate/tasks/load.js";
import { REFUSAL_MATCHER_HASH } from "../judges/refusal-matcher.js";
import { RECIPE_VERSION, type SuiteChoice, selectionOf } from "./recipe.js";
import { type Identity, readStudy, runStages, type Stage, StudyFile, type StudyState } from "./run.js";
import { dpoStage, evaluationStage, pairsStage, rowsStage, sitStage } from "./stages.js";
import { type ModelLabel, Workbench, type WorkbenchOptions } from "./workbench.js";

/** A finished study. */
export interface StudyResult {
  readonly folder: string;
  /** Base, SIT and DPO on the recipe's suite. */
  readonly comparison: Comparison;
  /** The final model on the sets that only it was asked; null when the recipe names none. */
  readonly final: Evaluation | null;
  /** Folders of all evaluations. */
  readonly evaluations: readonly string[];
  /** PEFT folder of the final model. */
  readonly adapter: string;
  /** What the watch said of the trained models as they ended, in words. */
  readonly warnings: readonly string[];
  readonly state: StudyState;
}

/** The models in the order of training, as folders and reports name them. */
const LABELS: readonly ModelLabel[] = ["base", "sit", "dpo"];
/** Folder of the final model's own sets. */
const FINAL = "dpo-final";

/**
 * Runs a study to its end, or goes on with one that was interrupted.
 * @throws ConfigError when the folder holds another study, or the recipe asks for what there is not; errors of the stages
 */
export async function runStudy(options: WorkbenchOptions): Promise<StudyResult> {
  const threads =
    options.engine?.threads ?? options.threads ?? recordedThreads(options.out) ?? availableParallelism();
  const bench = new Workbench({ ...options, threads });
  try {
    const { identity, notes } = await identify(bench, threads);
    const file = await StudyFile.claim(bench.out, identity, facts());
    for (const note of notes) bench.observer.onWarning?.(note);
    await runStages(studyStages(bench), file, bench.observer, bench.signal);
    return resultOf(bench, file.state);
  } finally {
    await bench.close();
  }
}

/** The stages of base, SIT and DPO, in order. */
export function studyStages(bench: Workbench): Stage[] {
  const { suite, finalSuite } = bench.recipe.evaluate;
  return [
    evaluationStage(bench, "base", suite),
    rowsStage(bench),
    sitStage(bench),
    evaluationStage(bench, "sit", suite),
    pairsStage(bench),
    dpoStage(bench),
    evaluationStage(bench, "dpo", suite),
    ...(finalSuite === undefined ? [] : [evaluationStage(bench, "dpo", finalSuite, FINAL)]),
  ];
}

/** What determines the results, and what of the recipe cannot be had here. */
async function identify(
  bench: Workbench,
  threads: number,
): Promise<{ identity: Identity; notes: readonly string[] }> {
  const { recipe, folders } = bench;
  const suite = await setsOf(bench, recipe.evaluate.suite);
  const final =
    recipe.evaluate.finalSuite === undefined ? null : await setsOf(bench, recipe.evaluate.finalSuite);
  const identity = {
    recipeVersion: RECIPE_VERSION,
    // Through JSON: members that are undefined are left out.
    recipe: JSON.parse(JSON.stringify(recipe)) as Json,
    sets: suite.sets,
    ...(final !== null && { finalSets: final.sets }),
    checkedAgainst: benchmarkSets(folders)
      .present.map(({ name, sha256 }) => `${name} ${sha256.slice(0, 12)}`)
      .join(", "),
    refusalMatcher: REFUSAL_MATCHER_HASH.slice(0, 16),
    threads,
  };
  return { identity, notes: [...suite.notes, ...(final?.notes ?? [])] };
}

async function setsOf(
  bench: Workbench,
  choice: SuiteChoice,
): Promise<{ sets: Json; notes: readonly string[] }> {
  const options = { limit: null, seed: bench.recipe.seed, ...bench.folders };
  const { tasks, notes } = await loadTasks(selectionOf(choice), options);
  const sets = tasks.map(({ record: { name, prompts, of, promptsHash } }) => [
    name,
    `${prompts} of ${of} prompts, ${promptsHash.slice(0, 12)}`,
  ]);
  return { sets: Object.fromEntries(sets) as Json, notes };
}

/** Threads change the last bits of a sum, and with them a trained adapter: a study keeps to those it began with. */
function recordedThreads(folder: string): number | undefined {
  const threads = readStudy(folder)?.identity["threads"];
  return typeof threads === "number" ? threads : undefined;
}

function facts(): Identity {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  return {
    versions: { "safe-to-serve": version, node: process.versions.node },
    machine: `${process.platform} ${process.arch}, ${availableParallelism()} cores`,
  };
}

function resultOf(bench: Workbench, state: StudyState): StudyResult {
  const evaluationFolder = (name: string) => bench.path("evaluations", name);
  const hasFinal = bench.recipe.evaluate.finalSuite !== undefined;
  const evaluations = [...LABELS, ...(hasFinal ? [FINAL] : [])].map(evaluationFolder);
  const compared = LABELS.map((label) => readEvaluation(evaluationFolder(label)));
  return {
    folder: bench.out,
    comparison: compareEvaluations(compared, { labels: LABELS }),
    final: hasFinal ? readEvaluation(evaluationFolder(FINAL)) : null,
    evaluations,
    adapter: bench.path("dpo", "adapter"),
    warnings: ["sit", "dpo"].flatMap((method) =>
      trainWarnings(state.stages[`train ${method}`]?.result).map((warning) => `${method}: ${warning}`),
    ),
    state,
  };
}

function trainWarnings(result: Json | undefined): string[] {
  const members = (result ?? null) as { readonly warnings?: readonly string[] } | null;
  return [...(members?.warnings ?? [])];
}
