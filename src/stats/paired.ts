/**
 * @file Differences on the same prompts. Pairing takes the prompts' own difficulty out of the comparison, which separates
 * models that unpaired intervals cannot. All differences are second minus first.
 */
import { ShapeError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
import { type BootstrapOptions, bootstrapMean } from "./bootstrap.js";
import { DEFAULT_LEVEL, type Estimate, emptyEstimate, mean, meanInterval, wilson } from "./intervals.js";

/** The four cells of paired yes/no outcomes. */
export interface PairedCounts {
  readonly both: number;
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly neither: number;
}

/**
 * Mean of the differences with Student's t interval: d_i = second_i − first_i, SE = sd(d) / √n.
 * @throws ShapeError when the lengths differ
 */
export function pairedDifference(
  first: readonly number[],
  second: readonly number[],
  level: number = DEFAULT_LEVEL,
): Estimate {
  return meanInterval(differences(first, second), level, "paired-t");
}

/** Counts the four cells. @throws ShapeError when the lengths differ */
export function countPairs(first: readonly boolean[], second: readonly boolean[]): PairedCounts {
  requireSameLength(first, second);
  const count = (a: boolean, b: boolean): number =>
    first.reduce((sum, x, i) => sum + (x === a && second[i] === b ? 1 : 0), 0);
  return {
    both: count(true, true),
    onlyFirst: count(true, false),
    onlySecond: count(false, true),
    neither: count(false, false),
  };
}

/**
 * Difference of two shares on the same prompts with Newcombe's interval (1998, Stat. Med. 17:2635, method 10: Wilson
 * intervals of both shares, squared and added with their correlation φ, whose numerator is continuity-corrected).
 * Unlike the t interval it does not shrink to a point when no prompt, or every prompt, changes sides.
 */
export function pairedShareDifference(counts: PairedCounts, level: number = DEFAULT_LEVEL): Estimate {
  const { both, onlyFirst, onlySecond, neither } = counts;
  const n = both + onlyFirst + onlySecond + neither;
  if (n === 0) return emptyEstimate(level, "paired-newcombe");
  const first = wilson(both + onlyFirst, n, level);
  const second = wilson(both + onlySecond, n, level);
  const value = (onlySecond - onlyFirst) / n;
  const phi = correlation(counts, n);
  const down = combine(second.value - second.low, first.high - first.value, phi);
  const up = combine(second.high - second.value, first.value - first.low, phi);
  return { value, low: value - down, high: value + up, n, level, method: "paired-newcombe" };
}

/**
 * Mean of several paired differences, each set with the same weight, with an interval: the distances from the value to each
 * bound are squared and added (MOVER; Zou & Donner 2008, Stat. Med. 27:1693). Sets must not share prompts. `n` is the sum.
 * @returns NaN with n = 0 when there is none
 */
export function meanDifference(differences: readonly Estimate[], level: number = DEFAULT_LEVEL): Estimate {
  const method = "paired-newcombe-mean";
  if (differences.length === 0) return emptyEstimate(level, method);
  const sets = differences.length;
  const value = mean(differences.map((each) => each.value));
  const half = (distance: (each: Estimate) => number): number =>
    Math.sqrt(differences.reduce((sum, each) => sum + distance(each) ** 2, 0)) / sets;
  const low = value - half((each) => each.value - each.low);
  const high = value + half((each) => each.high - each.value);
  const n = differences.reduce((sum, each) => sum + each.n, 0);
  return { value, low, high, n, level, method };
}

/** What an interval of a difference says about a margin. */
export type NonInferiority = "non-inferior" | "inferior" | "undecided";

/**
 * Non-inferiority by the interval: shown when its lower bound is at least −margin, refuted when its upper bound is below it
 * (Piaggio et al. 2012, JAMA 308:2594). An interval without bounds decides nothing.
 * @param margin the loss that is tolerated, ≥ 0, in the units of the difference
 */
export function nonInferiority(
  { low, high }: Pick<Estimate, "low" | "high">,
  margin: number,
): NonInferiority {
  if (low >= -margin) return "non-inferior";
  return high < -margin ? "inferior" : "undecided";
}

/**
 * Mean of the differences with a bootstrap interval over prompts, for small or skewed samples. The same seed gives the
 * same bounds.
 * @throws ShapeError when the lengths differ
 */
export function pairedBootstrap(
  first: readonly number[],
  second: readonly number[],
  options: BootstrapOptions,
): Estimate {
  return { ...bootstrapMean(differences(first, second), options), method: "paired-bootstrap" };
}

/** How {@link signFlipTest} draws. */
export interface SignFlipOptions {
  readonly seed: number;
  /** Random assignments of signs; default 10,000. */
  readonly draws?: number;
}

/**
 * Two-sided p of a paired permutation test of the mean difference (Fisher 1935, § 21): were the models alike, every prompt's
 * difference had either sign with equal chance. Drawn at random with the observed assignment counted in, so p is never 0
 * (Phipson & Smyth 2010). For differences of −1, 0 and 1 it is exact McNemar but for that drawing.
 * @returns 1 when nothing differs
 * @throws ShapeError when the lengths differ
 */
export function signFlipTest(
  first: readonly number[],
  second: readonly number[],
  { seed, draws = 10_000 }: SignFlipOptions,
): number {
  const varying = differences(first, second).filter((difference) => difference !== 0);
  if (varying.length === 0) return 1;
  const observed = Math.abs(varying.reduce((sum, difference) => sum + difference, 0));
  const random = new SeededRandom("sign-flip", seed);
  let asExtreme = 0;
  for (let draw = 0; draw < draws; draw++) {
    const sum = varying.reduce((total, d) => total + (random.integer(2) === 0 ? d : -d), 0);
    // Sums of the same terms in another order may differ in the last bits.
    if (Math.abs(sum) >= observed - SIGN_FLIP_TIE) asExtreme++;
  }
  return (asExtreme + 1) / (draws + 1);
}

const SIGN_FLIP_TIE = 1e-9;

/** φ of the two outcomes; 0 where it is not defined. */
function correlation({ both, onlyFirst, onlySecond, neither }: PairedCounts, n: number): number {
  const margins = (both + onlyFirst) * (onlySecond + neither) * (both + onlySecond) * (onlyFirst + neither);
  if (margins === 0) return 0;
  const product = both * neither - onlyFirst * onlySecond;
  return (product > n / 2 ? product - n / 2 : Math.min(product, 0)) / Math.sqrt(margins);
}

function combine(x: number, y: number, phi: number): number {
  return Math.sqrt(Math.max(0, x * x - 2 * phi * x * y + y * y));
}

function differences(first: readonly number[], second: readonly number[]): Float64Array {
  requireSameLength(first, second);
  return Float64Array.from(first, (x, i) => (second[i] as number) - x);
}

function requireSameLength(first: ArrayLike<unknown>, second: ArrayLike<unknown>): void {
  if (first.length !== second.length)
    throw new ShapeError(`paired: expected equally many values, got ${first.length} and ${second.length}`);
}
