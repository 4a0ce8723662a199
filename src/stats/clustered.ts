/**
 * @file The mean of values that come in clusters (several samples of one prompt, several questions on one passage): values
 * of a cluster are alike, so counting each of them as independent makes intervals too narrow.
 */
import { ShapeError } from "../core/errors.js";
import { DEFAULT_LEVEL, type Estimate, emptyEstimate, wilson } from "./intervals.js";
import { tQuantile } from "./quantiles.js";

/** Sum and size of one cluster. */
export interface Cluster {
  readonly sum: number;
  readonly size: number;
}

/**
 * Mean over all values, as the ratio of two totals over clusters, with a cluster-robust interval (Miller 2024, arXiv
 * 2411.00640; Liang & Zeger 1986): SE = √[Σ_c (Σ_{i∈c} (x_i − x̄))² · C/(C − 1)] / N, and Student's t with C − 1 degrees
 * of freedom. `n` counts clusters. With a cluster for every value it is {@link meanInterval}.
 * Where all values are equal the interval is a point: for rare events use {@link wilson} over clusters instead.
 * @param clusters name of every value's cluster, same order
 * @throws ShapeError when the lengths differ
 */
export function clusteredMean(
  values: readonly number[],
  clusters: readonly (string | number)[],
  level: number = DEFAULT_LEVEL,
): Estimate {
  const groups = groupValues(values, clusters);
  const n = groups.length;
  if (n === 0) return emptyEstimate(level, "clustered-t");
  const value = ratioOf(groups);
  const squares = groups.reduce((sum, { sum: total, size }) => sum + (total - size * value) ** 2, 0);
  const error = n < 2 ? Number.NaN : Math.sqrt((squares * n) / (n - 1)) / values.length;
  const half = tQuantile((1 + level) / 2, n - 1) * error;
  return { value, low: value - half, high: value + half, n, level, method: "clustered-t" };
}

/**
 * Share of yes with Wilson's interval at the effective sample size (Kish 1965): n divided by the design effect, the clustered
 * variance of the share against p(1 − p)/(n − 1), at least 1. `n` is that size, not rounded. Where all are yes or all no, nothing tells how alike a
 * cluster's values are, and clusters are counted.
 * @throws ShapeError when the lengths differ
 */
export function clusteredShare(
  values: readonly boolean[],
  clusters: readonly (string | number)[],
  level: number = DEFAULT_LEVEL,
): Estimate {
  const numbers = values.map(Number);
  const groups = groupValues(numbers, clusters);
  const [n, count] = [values.length, groups.length];
  if (n === 0) return emptyEstimate(level, "clustered-wilson");
  const p = ratioOf(groups);
  const squares = groups.reduce((sum, { sum: total, size }) => sum + (total - size * p) ** 2, 0);
  const variance = (squares * count) / (count - 1) / n ** 2;
  const designEffect = (variance * (n - 1)) / (p * (1 - p));
  const effective = squares === 0 || count < 2 ? count : n / Math.max(1, designEffect);
  const { low, high } = wilson(p * effective, effective, level);
  return { value: p, low, high, n: effective, level, method: "clustered-wilson" };
}

/** Sums and sizes of clusters in the order in which they first appear. @throws ShapeError when the lengths differ */
export function groupValues(
  values: ArrayLike<number>,
  clusters: readonly (string | number)[] | undefined,
): readonly Cluster[] {
  if (clusters === undefined) return Array.from(values, (sum) => ({ sum, size: 1 }));
  if (clusters.length !== values.length)
    throw new ShapeError(
      `clusters: expected one for each of ${values.length} values, got ${clusters.length}`,
    );
  const groups = new Map<string | number, { sum: number; size: number }>();
  for (const [i, name] of clusters.entries()) {
    const group = groups.get(name) ?? { sum: 0, size: 0 };
    group.sum += values[i] as number;
    group.size++;
    groups.set(name, group);
  }
  return [...groups.values()];
}

/** Mean over all values of the clusters. */
export function ratioOf(groups: readonly Cluster[]): number {
  let [sum, size] = [0, 0];
  for (const group of groups) {
    sum += group.sum;
    size += group.size;
  }
  return sum / size;
}
