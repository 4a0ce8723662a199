/**
 * @file Drawn answers compared prompt by prompt, task by task and pool by pool: shares refused and judged harmful, their
 * paired differences with exact McNemar and Holm's correction over the tasks, and what unscored answers could change.
 */
import type { Estimate } from "../stats/intervals.js";
import { holm, mcnemarExact } from "../stats/mcnemar.js";
import { countPairs, pairedBootstrap, pairedShareDifference, signFlipTest } from "../stats/paired.js";
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
import type { Flip, HarmDifference, TaskComparison, TaskDifference, TaskResult } from "./comparison.js";
import type { Word } from "./repeats.js";
import type { EvaluationTask, Expectation, SampleRow } from "./results.js";
import { LOOPS } from "./samples.js";
import { poolsOf } from "./tasks/suites.js";

/** Names of the judges whose verdicts are compared; null where none of the kind took part. */
export interface ComparingJudges {
  readonly refusal: string | null;
  readonly harm: string | null;
}

/** One model's answers, by any key that is the same for all models. */
export interface AnswerSide {
  readonly label: string;
  /** All answers to a prompt, in the order of their numbers; at least one. */
  readonly answers: ReadonlyMap<string, readonly SampleRow[]>;
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
    uniqueKeys(samples.filter((row) => names.includes(row.task)));
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

/** Every kind of prompt of every task that has more than one. */
export function categoryScopes(samples: readonly SampleRow[], tasks: readonly EvaluationTask[]): Scope[] {
  return tasks.flatMap(({ name, expectation }) => {
    const own = samples.filter((row) => row.task === name);
    const categories = [...new Set(own.flatMap(({ category }) => category ?? []))].sort();
    if (categories.length < 2) return [];
    return categories.map((category) => ({
      name: `${name}: ${category}`,
      isPool: false,
      expectation,
      keys: uniqueKeys(own.filter((row) => row.category === category)),
    }));
  });
}

function uniqueKeys(samples: readonly SampleRow[]): string[] {
  return [...new Set(samples.map(keyOf))].sort();
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
  sides: readonly AnswerSide[],
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

function resultOf(scope: Scope, side: AnswerSide, by: ComparingJudges, level: number): TaskResult {
  const samples = scope.keys.flatMap((each) => side.answers.get(each) ?? []);
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
  [from, to]: [AnswerSide, AnswerSide],
  by: ComparingJudges,
  level: number,
): TaskDifference {
  const pairs = scope.keys.flatMap((each) => {
    const a = from.answers.get(each);
    const b = to.answers.get(each);
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
    flips: pairs.flatMap((pair) => flip(pair, says)),
  };
}

function harmDifference(pairs: readonly Pair[], judge: string, level: number): HarmDifference {
  const { newly, noLonger, ...rest } = changeOf(pairs, (row) => isHarmful(row.verdicts[judge]), level);
  return { ...rest, newlyHarmful: newly, noLongerHarmful: noLonger };
}

/** Two models' answers to one prompt. */
interface Pair {
  readonly a: readonly SampleRow[];
  readonly b: readonly SampleRow[];
}

/** Loops of tokens and loops of words are two measures. */
function countLoopsAlike({ a, b }: Pair): boolean {
  return a[0]?.verdicts[LOOPS]?.judgeHash === b[0]?.verdicts[LOOPS]?.judgeHash;
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

/** What is said of both models' answers to one prompt. */
interface Words {
  readonly was: readonly Word[];
  readonly is: readonly Word[];
}

function changeOf(pairs: readonly Pair[], says: (row: SampleRow) => Word, level: number): Change {
  const words = pairs.map(({ a, b }) => ({ was: a.map(says), is: b.map(says) }));
  const shares = words.flatMap(({ was, is }) => {
    const [from, to] = [shareOf(was), shareOf(is)];
    return from === null || to === null ? [] : [{ from, to }];
  });
  const [first, second] = [shares.map(({ from }) => from), shares.map(({ to }) => to)];
  const isSingle = words.every(({ was, is }) => was.length === 1 && is.length === 1);
  return {
    ...(isSingle ? changeOfWords(first, second, level) : changeOfShares(first, second, level)),
    newly: shares.filter(({ from, to }) => to > from).length,
    noLonger: shares.filter(({ from, to }) => to < from).length,
    pValueHolm: null,
    unscored: words.filter(({ was, is }) => was.includes(null) || is.includes(null)).length,
    ...extremesOf(words),
  };
}

/** One answer a prompt: yes or no. */
function changeOfWords(
  first: readonly number[],
  second: readonly number[],
  level: number,
): Pick<Change, "change" | "pValue"> {
  const isYes = (share: number): boolean => share === 1;
  const counts = countPairs(first.map(isYes), second.map(isYes));
  return {
    change: pairedShareDifference(counts, level),
    pValue: mcnemarExact(counts.onlySecond, counts.onlyFirst),
  };
}

/** Several answers a prompt, averaged first: they are no more evidence than their prompts. */
function changeOfShares(
  first: readonly number[],
  second: readonly number[],
  level: number,
): Pick<Change, "change" | "pValue"> {
  return {
    change: pairedBootstrap(first, second, { level, seed: RESAMPLING_SEED }),
    pValue: signFlipTest(first, second, { seed: RESAMPLING_SEED }),
  };
}

/** Fixed, so that a comparison is a function of the evaluations. */
const RESAMPLING_SEED = 0;

/** Share of yes among the words that are there; null where none is. */
function shareOf(words: readonly Word[]): number | null {
  const scored = words.filter((word) => word !== null);
  return scored.length === 0 ? null : scored.filter((word) => word).length / scored.length;
}

/** The difference over all prompts if every missing word were the one that lowers, or raises, it. */
function extremesOf(words: readonly Words[]): Pick<Change, "lowest" | "highest"> {
  const filled = (each: readonly Word[], missing: boolean): number =>
    shareOf(each.map((word) => word ?? missing)) ?? Number.NaN;
  const mean = (missingWas: boolean, missingIs: boolean): number =>
    words.reduce((sum, { was, is }) => sum + filled(is, missingIs) - filled(was, missingWas), 0) /
    words.length;
  return { lowest: mean(true, false), highest: mean(false, true) };
}

function flip({ a, b }: Pair, says: (row: SampleRow) => Word): Flip[] {
  const [was, is, row] = [shareOf(a.map(says)), shareOf(b.map(says)), a[0]];
  if (row === undefined || was === null || is === null || was === is) return [];
  const direction = is > was ? "newly-refused" : "newly-answered";
  return [{ task: row.task, promptId: row.promptId, direction }];
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
