/**
 * @file Several evaluations of the same prompts, compared prompt by prompt: shares, paired differences, exact McNemar,
 * the prompts that flipped. Evaluations whose prompts, sampling or judges differ are not compared.
 */
import { ConfigError } from "../core/errors.js";
import { DEFAULT_LEVEL, type Estimate, emptyEstimate } from "../stats/intervals.js";
import { pairedDifference } from "../stats/paired.js";
import type { Verdict } from "../text/judge.js";
import { isLoop, perToken, referenceLogProb } from "./aggregate.js";
import type { BertScores } from "./bert-scores.js";
import { compareChoices } from "./compare-choices.js";
import {
  type AnswerSide,
  type ComparingJudges,
  categoryScopes,
  compareTasks,
  keyOf,
  makeScopes,
  pairsOf,
} from "./compare-tasks.js";
import { compareTexts } from "./compare-texts.js";
import type {
  ComparedAnswer,
  ComparedModel,
  ComparedResponse,
  Comparison,
  ReferenceComparison,
} from "./comparison.js";
import { judgeDifferences, samplingDifferences } from "./manifest.js";
import type { Policy } from "./policy.js";
import type { Evaluation } from "./read.js";
import {
  EVALUATION_SCHEMA_VERSION,
  type EvaluationTask,
  type ReferenceRow,
  type SampleRow,
} from "./results.js";
import { decide } from "./verdict.js";

/** How a comparison is made. */
export interface CompareOptions {
  /** One a model; default the folders' names, numbered where two are equal. */
  readonly labels?: readonly string[];
  readonly level?: number;
  /** What every model must show; without one nothing is decided. */
  readonly policy?: Policy;
}

/** One model's rows by task and prompt. */
interface Side extends AnswerSide {
  /** The first answer to each prompt. */
  readonly samples: ReadonlyMap<string, SampleRow>;
  readonly bertScores: BertScores;
  readonly references: ReadonlyMap<string, ReferenceRow>;
}

/**
 * Compares evaluations; the first is the base. Every model is set against the base and against the one before it.
 * Tasks that not all have are left out with a note.
 * @throws ConfigError when there are fewer than two, no common task, or prompts, sampling or judges differ
 */
export function compareEvaluations(
  evaluations: readonly Evaluation[],
  options: CompareOptions = {},
): Comparison {
  const [base] = evaluations;
  if (base === undefined || evaluations.length < 2)
    throw new ConfigError(`compare: expected at least two evaluations, got ${evaluations.length}`);
  for (const other of evaluations.slice(1)) requireComparable(base, other);
  const { level = DEFAULT_LEVEL, policy } = options;
  const labels = uniqueLabels(evaluations, options.labels);
  const tasks = commonTasks(evaluations);
  const sides = evaluations.map((each, i) => toSide(each, labels[i] ?? each.name));
  const by = judgesOf(base);
  const drawn = tasks.filter(isDrawn);
  const hasJudge = by.refusal !== null || by.harm !== null;
  const { sampling, seed, limit, judges } = base.manifest;
  return {
    schemaVersion: EVALUATION_SCHEMA_VERSION,
    models: evaluations.map((each, i) => toModel(each, labels[i] ?? each.name)),
    judges,
    settings: { sampling, seed, limit, level, sets: tasks },
    tasks: hasJudge ? compareTasks(makeScopes(base.samples, drawn), sides, by, level) : [],
    categories: hasJudge ? compareTasks(categoryScopes(base.samples, drawn), sides, by, level) : [],
    references: compareReferences(tasks, sides, level),
    choices: compareChoices(tasks, sides, pairsOf(sides), level),
    texts: compareTexts(
      drawn,
      evaluations.map(({ results }) => results),
      pairsOf(sides),
      level,
    ),
    ...(policy === undefined ? {} : { verdicts: evaluations.map((each) => decide(policy, each, base)) }),
    answers: compareAnswers(base, drawn, sides, by),
    notes: makeNotes(evaluations, tasks, labels, by),
  };
}

/** The first judge of each kind: the one whose shares are compared. */
function judgesOf({ manifest }: Evaluation): ComparingJudges {
  const first = (kind: "refusal" | "harm"): string | null =>
    manifest.judges.find((each) => each.kind === kind)?.name ?? null;
  return { refusal: first("refusal"), harm: first("harm") };
}

/** Whether answers are drawn for a task; the choices of the others are scored, which sampling and judges do not touch. */
function isDrawn(task: EvaluationTask): boolean {
  return task.multipleChoice === undefined;
}

function requireComparable(base: Evaluation, other: Evaluation): void {
  const hasDrawn = commonTasks([base, other]).some(isDrawn);
  const different = [
    ...(hasDrawn ? samplingDifferences(base.manifest, other.manifest) : []),
    ...(hasDrawn ? judgeDifferences(base.manifest, other.manifest) : []),
    ...promptDifferences(base, other),
  ];
  if (different.length === 0) return;
  throw new ConfigError(
    `compare: expected the same prompts, sampling and judges in ${base.folder} and ${other.folder}, got ${different.join("; ")}`,
    { hint: "evaluate both with the same suite, --limit, --seed and sampling options" },
  );
}

/** Prompts are compared by hash; a common task must have asked the very same ones. */
function promptDifferences(base: Evaluation, other: Evaluation): string[] {
  return base.manifest.tasks.flatMap((task) => {
    const twin = other.manifest.tasks.find((each) => each.name === task.name);
    if (twin === undefined || twin.promptsHash === task.promptsHash) return [];
    const hashes = new Set(samplesOf(base, task.name).map((row) => row.promptHash));
    const shared = samplesOf(other, task.name).filter((row) => hashes.has(row.promptHash)).length;
    return [`prompts of ${task.name} (${task.prompts} and ${twin.prompts}, ${shared} in common)`];
  });
}

function samplesOf(evaluation: Evaluation, task: string): SampleRow[] {
  return evaluation.samples.filter((row) => row.task === task);
}

/** With several answers a prompt its first one is shown. */
function firstAnswers(evaluation: Evaluation, task: string): SampleRow[] {
  return samplesOf(evaluation, task).filter(({ sample }) => sample === 0);
}

function commonTasks(evaluations: readonly Evaluation[]): EvaluationTask[] {
  const [base, ...others] = evaluations;
  const tasks = (base?.manifest.tasks ?? []).filter((task) =>
    others.every((each) => each.manifest.tasks.some((twin) => twin.name === task.name)),
  );
  if (tasks.length > 0) return tasks;
  throw new ConfigError("compare: expected a task that all evaluations have, got none in common");
}

function toSide(evaluation: Evaluation, label: string): Side {
  const answers = answersByPrompt(evaluation.samples);
  return {
    label,
    answers,
    samples: new Map(Array.from(answers, ([key, rows]) => [key, rows[0] as SampleRow])),
    bertScores: evaluation.bertScores ?? new Map(),
    references: new Map(evaluation.references.map((row) => [keyOf(row), row])),
  };
}

function answersByPrompt(samples: readonly SampleRow[]): ReadonlyMap<string, readonly SampleRow[]> {
  const byPrompt = new Map<string, SampleRow[]>();
  for (const row of samples.toSorted((a, b) => a.sample - b.sample)) {
    const rows = byPrompt.get(keyOf(row));
    if (rows === undefined) byPrompt.set(keyOf(row), [row]);
    else rows.push(row);
  }
  return byPrompt;
}

function toModel({ manifest }: Evaluation, label: string): ComparedModel {
  return { label, target: manifest.target, hash: manifest.modelHash };
}

function compareReferences(
  tasks: readonly EvaluationTask[],
  sides: readonly Side[],
  level: number,
): ReferenceComparison[] {
  return tasks
    .filter((task) => task.hasReferences)
    .map((task) => ({
      task: task.name,
      results: sides.map((side) => referenceLogProb(referencesOf(task.name, side), level)),
      differences: pairsOf(sides).map(([from, to]) => ({
        from: from.label,
        to: to.label,
        perToken: referenceDifference(task.name, from, to, level),
      })),
    }))
    .filter(({ results }) => results.some((result) => result.n > 0));
}

/** Paired over the references that both have, which must be the same text. */
function referenceDifference(task: string, from: Side, to: Side, level: number): Estimate {
  const pairs = referencesOf(task, from).flatMap((a) => {
    const b = to.references.get(keyOf(a));
    return b === undefined || b.referenceHash !== a.referenceHash ? [] : [{ a, b }];
  });
  if (pairs.length === 0) return emptyEstimate(level, "paired-t");
  return pairedDifference(
    pairs.map(({ a }) => perToken(a)),
    pairs.map(({ b }) => perToken(b)),
    level,
  );
}

function referencesOf(task: string, side: Side): ReferenceRow[] {
  return [...side.references.values()].filter((row) => row.task === task);
}

function compareAnswers(
  base: Evaluation,
  tasks: readonly EvaluationTask[],
  sides: readonly Side[],
  by: ComparingJudges,
): ComparedAnswer[] {
  return tasks.flatMap((task) =>
    firstAnswers(base, task.name).flatMap((row) => {
      const rows = sides.map((side) => side.samples.get(keyOf(row)));
      if (rows.includes(undefined)) return [];
      return {
        task: task.name,
        promptId: row.promptId,
        expectation: task.expectation,
        messages: row.messages,
        answers: rows.flatMap((each) => (each === undefined ? [] : [toResponse(each, by)])),
      };
    }),
  );
}

function toResponse(row: SampleRow, by: ComparingJudges): ComparedResponse {
  const wordOf = (judge: string | null): Verdict | null =>
    (judge === null ? undefined : row.verdicts[judge]) ?? null;
  return {
    response: row.response,
    finishReason: row.finishReason,
    tokenCount: row.tokenCount,
    isLoop: isLoop(row) === true,
    verdict: wordOf(by.refusal),
    harm: wordOf(by.harm),
  };
}

function makeNotes(
  evaluations: readonly Evaluation[],
  tasks: readonly EvaluationTask[],
  labels: readonly string[],
  by: ComparingJudges,
): string[] {
  const common = new Set(tasks.map((task) => task.name));
  const notes = evaluations.flatMap((each, i) =>
    each.manifest.tasks
      .filter((task) => !common.has(task.name))
      .map((task) => `${task.name}: left out, not every evaluation has it (${labels[i]} does)`),
  );
  if (by.refusal === null && tasks.some(isDrawn))
    notes.push("no refusal judge took part: shares refused are not compared");
  const { repeats = 1 } = evaluations[0]?.manifest ?? {};
  if (repeats > 1)
    notes.push(
      `${repeats} answers a prompt: differences are of each prompt's share of answers, over prompts; of the answers only the first is shown`,
    );
  return [...new Set([...notes, ...evaluations.flatMap((each) => each.results.notes)])];
}

function uniqueLabels(evaluations: readonly Evaluation[], given: readonly string[] | undefined): string[] {
  if (given !== undefined && (given.length !== evaluations.length || new Set(given).size !== given.length))
    throw new ConfigError(
      `compare: expected ${evaluations.length} different labels, got ${given.join(", ")}`,
    );
  const labels: string[] = [];
  for (const name of given ?? evaluations.map((each) => each.name)) {
    let label = name;
    for (let copy = 2; labels.includes(label); copy++) label = `${name}-${copy}`;
    labels.push(label);
  }
  return labels;
}
