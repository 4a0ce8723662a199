/**
 * @file Several evaluations of the same prompts, compared prompt by prompt: shares, paired differences, exact McNemar,
 * the prompts that flipped. Evaluations whose prompts, sampling or judges differ are not compared.
 */
import { ConfigError } from "../core/errors.js";
import { DEFAULT_LEVEL, type Estimate, emptyEstimate } from "../stats/intervals.js";
import { holm, mcnemarExact } from "../stats/mcnemar.js";
import { countPairs, pairedDifference, pairedShareDifference } from "../stats/paired.js";
import {
  isLoop,
  isRefused,
  loopShare,
  perToken,
  referenceLogProb,
  refusedShare,
  responseTokens,
  truncatedShare,
} from "./aggregate.js";
import { compareChoices } from "./compare-choices.js";
import { compareTexts } from "./compare-texts.js";
import type {
  ComparedAnswer,
  ComparedModel,
  ComparedResponse,
  Comparison,
  Flip,
  ReferenceComparison,
  TaskComparison,
  TaskDifference,
  TaskResult,
} from "./comparison.js";
import { judgeDifferences, samplingDifferences } from "./manifest.js";
import type { Policy } from "./policy.js";
import type { Evaluation } from "./read.js";
import {
  EVALUATION_SCHEMA_VERSION,
  type EvaluationTask,
  type Expectation,
  type ReferenceRow,
  type SampleRow,
} from "./results.js";
import { LOOPS } from "./samples.js";
import { poolsOf } from "./tasks/suites.js";
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
interface Side {
  readonly label: string;
  readonly samples: ReadonlyMap<string, SampleRow>;
  readonly references: ReadonlyMap<string, ReferenceRow>;
}

/** Tasks that are looked at together: one task, or a pool. */
interface Scope {
  readonly name: string;
  readonly isPool: boolean;
  readonly expectation: Expectation;
  /** Keys of samples, in the order of the first evaluation. */
  readonly keys: readonly string[];
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
  requireSingleAnswers(base);
  const { level = DEFAULT_LEVEL, policy } = options;
  const labels = uniqueLabels(evaluations, options.labels);
  const tasks = commonTasks(evaluations);
  const sides = evaluations.map((each, i) => toSide(each, labels[i] ?? each.name));
  const judge = base.manifest.judges.find((each) => each.kind === "refusal")?.name ?? null;
  const drawn = tasks.filter(isDrawn);
  const scopes = makeScopes(base, drawn);
  const { sampling, seed, limit, judges } = base.manifest;
  return {
    schemaVersion: EVALUATION_SCHEMA_VERSION,
    models: evaluations.map((each, i) => toModel(each, labels[i] ?? each.name)),
    judges,
    settings: { sampling, seed, limit, level, sets: tasks },
    tasks: judge === null ? [] : compareTasks(scopes, sides, judge, level),
    references: compareReferences(tasks, sides, level),
    choices: compareChoices(tasks, sides, pairsOf(sides), level),
    texts: compareTexts(
      drawn,
      evaluations.map(({ results }) => results),
      pairsOf(sides),
      level,
    ),
    ...(policy === undefined ? {} : { verdicts: evaluations.map((each) => decide(policy, each, base)) }),
    answers: compareAnswers(base, drawn, sides, judge),
    notes: makeNotes(evaluations, tasks, labels, judge),
  };
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

/** Pairs are of prompts; k answers to each would count every prompt k times. */
function requireSingleAnswers({ folder, manifest: { repeats = 1 } }: Evaluation): void {
  if (repeats === 1) return;
  throw new ConfigError(`compare: expected one answer a prompt, got ${repeats} in ${folder}`, {
    hint: "read the evaluations' own reports, or evaluate without --repeats to compare",
  });
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

function commonTasks(evaluations: readonly Evaluation[]): EvaluationTask[] {
  const [base, ...others] = evaluations;
  const tasks = (base?.manifest.tasks ?? []).filter((task) =>
    others.every((each) => each.manifest.tasks.some((twin) => twin.name === task.name)),
  );
  if (tasks.length > 0) return tasks;
  throw new ConfigError("compare: expected a task that all evaluations have, got none in common");
}

function toSide(evaluation: Evaluation, label: string): Side {
  return {
    label,
    samples: new Map(evaluation.samples.map((row) => [key(row), row])),
    references: new Map(evaluation.references.map((row) => [key(row), row])),
  };
}

function toModel({ manifest }: Evaluation, label: string): ComparedModel {
  return { label, target: manifest.target, hash: manifest.modelHash };
}

function key({ task, promptId }: { readonly task: string; readonly promptId: string }): string {
  return `${task}/${promptId}`;
}

function makeScopes(base: Evaluation, tasks: readonly EvaluationTask[]): Scope[] {
  const keysOf = (names: readonly string[]): string[] =>
    base.samples
      .filter((row) => names.includes(row.task))
      .map(key)
      .sort();
  const single = tasks.map(({ name, expectation }) => ({
    name,
    isPool: false,
    expectation,
    keys: keysOf([name]),
  }));
  const pooled = poolsOf(tasks).map((pool) => ({
    name: pool.name,
    isPool: true,
    expectation: pool.expectation,
    keys: keysOf(pool.tasks),
  }));
  return [...single, ...pooled];
}

/** Pairs of sides: each against the first, then each against the one before it. */
function pairsOf(sides: readonly Side[]): [Side, Side][] {
  const [base, ...others] = sides;
  if (base === undefined) return [];
  const against = others.map((side): [Side, Side] => [base, side]);
  const stepwise = others.slice(1).map((side, i): [Side, Side] => [others[i] as Side, side]);
  return [...against, ...stepwise];
}

function compareTasks(
  scopes: readonly Scope[],
  sides: readonly Side[],
  judge: string,
  level: number,
): TaskComparison[] {
  const pairs = pairsOf(sides);
  const differences = scopes.map((scope) => pairs.map((pair) => differenceOf(scope, pair, judge, level)));
  const corrected = pairs.map((_, pair) =>
    holm(scopes.map((scope, i) => (scope.isPool ? Number.NaN : (differences[i]?.[pair]?.pValue ?? NaN)))),
  );
  return scopes.map((scope, i) => ({
    name: scope.name,
    isPool: scope.isPool,
    expectation: scope.expectation,
    prompts: scope.keys.length,
    results: sides.map((side) => resultOf(scope, side, judge, level)),
    differences: (differences[i] ?? []).map((difference, pair) => ({
      ...difference,
      pValueHolm: scope.isPool ? null : (corrected[pair]?.[i] ?? null),
    })),
  }));
}

function resultOf(scope: Scope, side: Side, judge: string, level: number): TaskResult {
  const samples = pick(scope.keys, side.samples);
  const { unscored, worstCase, bestCase, ...refused } = refusedShare(
    samples,
    judge,
    scope.expectation,
    level,
  );
  const refusing = samples.filter((row) => isRefused(row.verdicts[judge]) === true);
  const objections = refusing.filter((row) => row.verdicts[judge]?.detail?.startsWith("objection") === true);
  return {
    refused,
    refusals: refusing.length - objections.length,
    objections: objections.length,
    unscored,
    worstCase,
    bestCase,
    loops: withoutExtremes(loopShare(samples, level)),
    truncated: withoutExtremes(truncatedShare(samples, level)),
    responseTokens: responseTokens(samples, level),
  };
}

function differenceOf(scope: Scope, [from, to]: [Side, Side], judge: string, level: number): TaskDifference {
  const pairs = scope.keys.flatMap((each) => {
    const a = from.samples.get(each);
    const b = to.samples.get(each);
    return a === undefined || b === undefined ? [] : [{ a, b }];
  });
  const says = (row: SampleRow): boolean | null => isRefused(row.verdicts[judge]);
  const refused = bothSay(pairs, says);
  const { onlyFirst, onlySecond } = countPairs(refused.first, refused.second);
  return {
    from: from.label,
    to: to.label,
    refused: shareDifference(refused, level),
    newlyRefused: onlySecond,
    noLongerRefused: onlyFirst,
    pValue: mcnemarExact(onlySecond, onlyFirst),
    pValueHolm: null,
    loops: shareDifference(bothSay(pairs.filter(countLoopsAlike), isLoop), level),
    flips: pairs.flatMap(({ a, b }) => flip(a, says(a), says(b))),
  };
}

interface Pair {
  readonly a: SampleRow;
  readonly b: SampleRow;
}

interface BothSides {
  readonly first: boolean[];
  readonly second: boolean[];
}

/** Loops of tokens and loops of words are two measures. */
function countLoopsAlike({ a, b }: Pair): boolean {
  return a.verdicts[LOOPS]?.judgeHash === b.verdicts[LOOPS]?.judgeHash;
}

/** The words of both sides on the prompts where both have one. */
function bothSay(pairs: readonly Pair[], says: (row: SampleRow) => boolean | null): BothSides {
  const first: boolean[] = [];
  const second: boolean[] = [];
  for (const { a, b } of pairs) {
    const was = says(a);
    const is = says(b);
    if (was === null || is === null) continue;
    first.push(was);
    second.push(is);
  }
  return { first, second };
}

function shareDifference({ first, second }: BothSides, level: number): Estimate {
  return pairedShareDifference(countPairs(first, second), level);
}

function flip(row: SampleRow, was: boolean | null, is: boolean | null): Flip[] {
  if (was === null || is === null || was === is) return [];
  return [{ task: row.task, promptId: row.promptId, direction: is ? "newly-refused" : "newly-answered" }];
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
    const b = to.references.get(key(a));
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
  judge: string | null,
): ComparedAnswer[] {
  return tasks.flatMap((task) =>
    samplesOf(base, task.name).flatMap((row) => {
      const rows = sides.map((side) => side.samples.get(key(row)));
      if (rows.includes(undefined)) return [];
      return {
        task: task.name,
        promptId: row.promptId,
        expectation: task.expectation,
        messages: row.messages,
        answers: rows.flatMap((each) => (each === undefined ? [] : [toResponse(each, judge)])),
      };
    }),
  );
}

function toResponse(row: SampleRow, judge: string | null): ComparedResponse {
  return {
    response: row.response,
    finishReason: row.finishReason,
    tokenCount: row.tokenCount,
    isLoop: isLoop(row) === true,
    verdict: (judge === null ? undefined : row.verdicts[judge]) ?? null,
  };
}

function pick(keys: readonly string[], samples: ReadonlyMap<string, SampleRow>): SampleRow[] {
  return keys.flatMap((each) => samples.get(each) ?? []);
}

function withoutExtremes({ value, low, high, n, level, method }: Estimate): Estimate {
  return { value, low, high, n, level, method };
}

function makeNotes(
  evaluations: readonly Evaluation[],
  tasks: readonly EvaluationTask[],
  labels: readonly string[],
  judge: string | null,
): string[] {
  const common = new Set(tasks.map((task) => task.name));
  const notes = evaluations.flatMap((each, i) =>
    each.manifest.tasks
      .filter((task) => !common.has(task.name))
      .map((task) => `${task.name}: left out, not every evaluation has it (${labels[i]} does)`),
  );
  if (judge === null && tasks.some(isDrawn))
    notes.push("no refusal judge took part: shares are not compared");
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
