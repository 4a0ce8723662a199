/**
 * @file Bootstrap intervals of a mean, seeded, over values or over clusters of them: for small or skewed samples of rewards
 * and log-probabilities. Percentile, or BCa (bias-corrected and accelerated; Efron 1987, J. Am. Stat. Assoc. 82:171).
 */
import { ConfigError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
import { type Cluster, groupValues, ratioOf } from "./clustered.js";
import { DEFAULT_LEVEL, type Estimate, emptyEstimate, type IntervalMethod } from "./intervals.js";
import { normalCdf } from "./probabilities.js";
import { normalQuantile } from "./quantiles.js";

/** How a bootstrap draws. */
export interface BootstrapOptions {
  readonly level?: number;
  /** Resamples; default 10,000. */
  readonly draws?: number;
  readonly seed: number;
  /** Name of every value's cluster; whole clusters are drawn. Default: every value for itself. */
  readonly clusters?: readonly (string | number)[];
  /** Default "percentile". BCa corrects bias and skew and costs nothing more. */
  readonly bounds?: "percentile" | "bca";
}

/** Two bounds. */
export type Bounds = readonly [low: number, high: number];

/**
 * Mean with a bootstrap interval. The same seed gives the same bounds; `n` counts clusters.
 * @throws ShapeError when values and clusters differ in length
 * @throws ConfigError when no resample is asked for
 */
export function bootstrapMean(values: ArrayLike<number>, options: BootstrapOptions): Estimate {
  const { level = DEFAULT_LEVEL, draws = 10_000, seed, bounds = "percentile" } = options;
  const groups = groupValues(values, options.clusters);
  const n = groups.length;
  const method: IntervalMethod = bounds === "bca" ? "bootstrap-bca" : "bootstrap";
  if (n === 0) return emptyEstimate(level, method);
  if (!(draws >= 1)) throw new ConfigError(`bootstrap: expected at least one resample, got ${draws}`);
  const random = new SeededRandom("bootstrap", seed);
  const means = Float64Array.from({ length: draws }, () => resampledMean(groups, random));
  const value = ratioOf(groups);
  const [low, high] =
    bounds === "bca" ? bcaBounds(means, value, jackknife(groups), level) : percentileBounds(means, level);
  return { value, low, high, n, level, method };
}

/** The middle `level` of a bootstrap distribution. */
export function percentileBounds(draws: ArrayLike<number>, level: number): Bounds {
  const sorted = Float64Array.from(draws).sort();
  return [quantile(sorted, (1 - level) / 2), quantile(sorted, (1 + level) / 2)];
}

/**
 * BCa bounds of a bootstrap distribution: percentiles moved by the bias z₀ and the acceleration a (Efron & Tibshirani
 * 1993, eq. 14.9–14.15; ties count half, as in scipy).
 * @param value     the statistic on the sample itself
 * @param leftOut   the statistic without each value or cluster in turn
 */
export function bcaBounds(
  draws: ArrayLike<number>,
  value: number,
  leftOut: ArrayLike<number>,
  level: number,
): Bounds {
  const sorted = Float64Array.from(draws).sort();
  const below = sorted.reduce((sum, draw) => sum + (draw < value ? 1 : draw === value ? 0.5 : 0), 0);
  const bias = normalQuantile(below / sorted.length);
  const acceleration = accelerationOf(leftOut);
  const bound = (p: number): number => {
    const shifted = bias + normalQuantile(p);
    const moved = normalCdf(bias + shifted / (1 - acceleration * shifted));
    return quantile(sorted, Number.isNaN(moved) ? p : moved);
  };
  return [bound((1 - level) / 2), bound((1 + level) / 2)];
}

/** Σ(m − x)³ / 6(Σ(m − x)²)^1.5; 0 where nothing varies. */
function accelerationOf(leftOut: ArrayLike<number>): number {
  const values = Array.from(leftOut);
  const middle = values.reduce((sum, x) => sum + x, 0) / values.length;
  let [squares, cubes] = [0, 0];
  for (const x of values) {
    squares += (middle - x) ** 2;
    cubes += (middle - x) ** 3;
  }
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
}

function jackknife(groups: readonly Cluster[]): number[] {
  let [sum, size] = [0, 0];
  for (const group of groups) {
    sum += group.sum;
    size += group.size;
  }
  return groups.length < 2 ? [] : groups.map((group) => (sum - group.sum) / (size - group.size));
}

function resampledMean(groups: readonly Cluster[], random: SeededRandom): number {
  let [sum, size] = [0, 0];
  for (let i = 0; i < groups.length; i++) {
    const group = groups[random.integer(groups.length)] as Cluster;
    sum += group.sum;
    size += group.size;
  }
  return sum / size;
}

/** Linear interpolation between order statistics (R's type 7). */
function quantile(sorted: Float64Array, p: number): number {
  const position = p * (sorted.length - 1);
  const below = sorted[Math.floor(position)] as number;
  const above = sorted[Math.ceil(position)] as number;
  return below + (above - below) * (position - Math.floor(position));
}
