/**
 * @file Differences on the same prompts. Pairing takes the prompts' own difficulty out of the comparison, which separates
 * models that unpaired intervals cannot. All differences are second minus first.
 */
import { ShapeError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
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

/** How a bootstrap draws. */
export interface BootstrapOptions {
  readonly level?: number;
  /** Resamples; default 10,000. */
  readonly draws?: number;
  readonly seed: number;
}

/**
 * Mean of the differences with a percentile bootstrap interval over prompts, for small or skewed samples. The same seed
 * gives the same bounds.
 * @throws ShapeError when the lengths differ
 */
export function pairedBootstrap(
  first: readonly number[],
  second: readonly number[],
  options: BootstrapOptions,
): Estimate {
  const { level = DEFAULT_LEVEL, draws = 10_000, seed } = options;
  const d = differences(first, second);
  const n = d.length;
  if (n === 0) return emptyEstimate(level, "paired-bootstrap");
  const random = new SeededRandom("paired-bootstrap", seed);
  const means = Float64Array.from({ length: draws }, () => resampledMean(d, random)).sort();
  const low = quantile(means, (1 - level) / 2);
  const high = quantile(means, (1 + level) / 2);
  return { value: mean(d), low, high, n, level, method: "paired-bootstrap" };
}

function resampledMean(values: Float64Array, random: SeededRandom): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[random.integer(values.length)] as number;
  return sum / values.length;
}

/** Linear interpolation between order statistics (R's type 7). */
function quantile(sorted: Float64Array, p: number): number {
  const position = p * (sorted.length - 1);
  const below = sorted[Math.floor(position)] as number;
  const above = sorted[Math.ceil(position)] as number;
  return below + (above - below) * (position - Math.floor(position));
}

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
