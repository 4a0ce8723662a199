/**
 * @file Drawn answers compared prompt by prompt, task by task and pool by pool: shares refused and judged harmful, their
 * paired differences with exact McNemar and Holm's correction over the tasks, and what unscored answers could change.
 */
import type { Estimate } from "../stats/intervals.js";
import { holm, mcnemarExact } from "../stats/mcnemar.js";
import { countPairs, pairedShareDifference } from "../stats/paired.js";
import {
  harmfulShare,
  isHarmful,
  isLoop,
  isRefused,
  loopShare,
  refusedShare,
  responseTokens,
  truncatedShare,
} from "./aggregate.js";
import type { ChoiceSide } from "./compare-choices.js";
import type { Flip, HarmDifference, TaskComparison, TaskDifference, TaskResult } from "./comparison.js";
import type { EvaluationTask, Expectation, SampleRow } from "./results.js";
import { LOOPS } from "./samples.js";
import { poolsOf } from "./tasks/suites.js";

/** Names of the judges whose verdicts are compared; null where none of the kind took part. */
export interface ComparingJudges {
  readonly refusal: string | null;
  readonly harm: string | null;
}

/** Tasks that are looked at together: one task, or a pool. */
interface Scope {
  readonly name: string;
  readonly isPool: boolean;
  readonly expectation: Expectation;
  /** Keys of samples. */
  readonly keys: readonly string[];
}

/** What is the same for the same prompt of every model. */
export function keyOf({ task, promptId }: { readonly task: string; readonly promptId: string }): string {
  return `${task}/${promptId}`;
}

/** Every task, then every pool. @param samples of the first model, which have the prompts */
export function makeScopes(samples: readonly SampleRow[], tasks: readonly EvaluationTask[]): Scope[] {
  const keysOf = (names: readonly string[]): string[] =>
    samples
      .filter((row) => names.includes(row.task))
      .map(keyOf)
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
export function pairsOf<Side>(sides: readonly Side[]): [Side, Side][] {
  const [base, ...others] = sides;
  if (base === undefined) return [];
  const against = others.map((side): [Side, Side] => [base, side]);
  const stepwise = others.slice(1).map((side, i): [Side, Side] => [others[i] as Side, side]);
  return [...against, ...stepwise];
}

/** Compares all sides on all scopes. */
export function compareTasks(
  scopes: readonly Scope[],
  sides: readonly ChoiceSide[],
  by: ComparingJudges,
  level: number,
): TaskComparison[] {
  const pairs = pairsOf(sides);
  const compared = scopes.map((scope) => ({
    name: scope.name,
    isPool: scope.isPool,
    expectation: scope.expectation,
    prompts: scope.keys.length,
    results: sides.map((side) => resultOf(scope, side, by, level)),
    differences: pairs.map((pair) => differenceOf(scope, pair, by, level)),
  }));
  return withHolm(compared, pairs.length);
}

function resultOf(scope: Scope, side: ChoiceSide, by: ComparingJudges, level: number): TaskResult {
  const samples = scope.keys.flatMap((each) => side.samples.get(each) ?? []);
  const judge = by.refusal ?? "";
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
    harmful: by.harm === null ? null : harmfulShare(samples, by.harm, level),
    loops: withoutExtremes(loopShare(samples, level)),
    truncated: withoutExtremes(truncatedShare(samples, level)),
    responseTokens: responseTokens(samples, level),
  };
}

function withoutExtremes({ value, low, high, n, level, method }: Estimate): Estimate {
  return { value, low, high, n, level, method };
}

function differenceOf(
  scope: Scope,
  [from, to]: [ChoiceSide, ChoiceSide],
  by: ComparingJudges,
  level: number,
): TaskDifference {
  const pairs = scope.keys.flatMap((each) => {
    const a = from.samples.get(each);
    const b = to.samples.get(each);
    return a === undefined || b === undefined ? [] : [{ a, b }];
  });
  const says = (row: SampleRow): boolean | null => isRefused(row.verdicts[by.refusal ?? ""]);
  const { change, newly, noLonger, ...rest } = changeOf(pairs, says, level);
  return {
    from: from.label,
    to: to.label,
    refused: change,
    newlyRefused: newly,
    noLongerRefused: noLonger,
    ...rest,
    harmful: by.harm === null ? null : harmDifference(pairs, by.harm, level),
    loops: changeOf(pairs.filter(countLoopsAlike), isLoop, level).change,
    flips: pairs.flatMap(({ a, b }) => flip(a, says(a), says(b))),
  };
}

function harmDifference(pairs: readonly Pair[], judge: string, level: number): HarmDifference {
  const { newly, noLonger, ...rest } = changeOf(pairs, (row) => isHarmful(row.verdicts[judge]), level);
  return { ...rest, newlyHarmful: newly, noLongerHarmful: noLonger };
}

interface Pair {
  readonly a: SampleRow;
  readonly b: SampleRow;
}

/** Loops of tokens and loops of words are two measures. */
function countLoopsAlike({ a, b }: Pair): boolean {
  return a.verdicts[LOOPS]?.judgeHash === b.verdicts[LOOPS]?.judgeHash;
}

/** How a share changed on the prompts where both sides have a word. */
interface Change {
  readonly change: Estimate;
  readonly newly: number;
  readonly noLonger: number;
  readonly pValue: number;
  readonly pValueHolm: null;
  readonly unscored: number;
  readonly lowest: number;
  readonly highest: number;
}

function changeOf(pairs: readonly Pair[], says: (row: SampleRow) => boolean | null, level: number): Change {
  const words = pairs.map(({ a, b }) => ({ was: says(a), is: says(b) }));
  const scored = words.flatMap(({ was, is }) => (was === null || is === null ? [] : [{ was, is }]));
  const counts = countPairs(
    scored.map(({ was }) => was),
    scored.map(({ is }) => is),
  );
  const { onlyFirst, onlySecond } = counts;
  return {
    change: pairedShareDifference(counts, level),
    newly: onlySecond,
    noLonger: onlyFirst,
    pValue: mcnemarExact(onlySecond, onlyFirst),
    pValueHolm: null,
    unscored: words.length - scored.length,
    ...extremesOf(words),
  };
}

/** The difference over all prompts if every missing word were the one that lowers, or raises, it. */
function extremesOf(
  words: readonly { readonly was: boolean | null; readonly is: boolean | null }[],
): Pick<Change, "lowest" | "highest"> {
  const total = (missingWas: boolean, missingIs: boolean): number =>
    words.reduce((sum, { was, is }) => sum + Number(is ?? missingIs) - Number(was ?? missingWas), 0);
  return { lowest: total(true, false) / words.length, highest: total(false, true) / words.length };
}

function flip(row: SampleRow, was: boolean | null, is: boolean | null): Flip[] {
  if (was === null || is === null || was === is) return [];
  return [{ task: row.task, promptId: row.promptId, direction: is ? "newly-refused" : "newly-answered" }];
}

/** Holm's correction over the tasks of each pair of models, for refusals and for harm; pools are made of the tasks. */
function withHolm(compared: readonly TaskComparison[], pairs: number): TaskComparison[] {
  const correct = (pOf: (difference: TaskDifference) => number | undefined): number[][] =>
    Array.from({ length: pairs }, (_, pair) =>
      holm(
        compared.map(({ isPool, differences }) => {
          const difference = differences[pair];
          return isPool || difference === undefined ? Number.NaN : (pOf(difference) ?? Number.NaN);
        }),
      ),
    );
  const refused = correct(({ pValue }) => pValue);
  const harmful = correct((difference) => difference.harmful?.pValue);
  return compared.map((task, i) => ({
    ...task,
    differences: task.differences.map((difference, pair) => {
      const adjusted = (values: number[][]): number | null =>
        task.isPool ? null : (values[pair]?.[i] ?? null);
      const harm = difference.harmful && { ...difference.harmful, pValueHolm: adjusted(harmful) };
      return { ...difference, pValueHolm: adjusted(refused), harmful: harm };
    }),
  }));
}
