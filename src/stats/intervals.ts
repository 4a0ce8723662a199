/** @file Confidence intervals of shares and means. An empty set has the value NaN and n = 0, never zero. */
import { normalQuantile, tQuantile } from "./quantiles.js";

/** A number with the interval that it stands in. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Independent observations behind it. */
  readonly n: number;
  /** Confidence level, two-sided, e.g. 0.95. */
  readonly level: number;
  readonly method: IntervalMethod;
}

/** How an interval was made. */
export type IntervalMethod =
  | "wilson"
  | "t"
  | "clustered-t"
  | "jackknife-t"
  | "bootstrap"
  | "bootstrap-bca"
  | "paired-t"
  | "paired-newcombe"
  | "paired-newcombe-mean"
  | "paired-bootstrap"
  | "clustered-wilson"
  | "rogan-gladen"
  | "sensitivity-band"
  | "ppi"
  | "ppi-plus"
  | "ppi-score";

/** Two-sided level of every interval unless another is asked for. */
export const DEFAULT_LEVEL = 0.95;

/**
 * Wilson's score interval of a share (Wilson 1927): centre (p + z²/2n) / (1 + z²/n), half-width
 * z / (1 + z²/n) · √(p(1−p)/n + z²/4n²). It stays inside [0, 1] and does not collapse at 0 or n.
 * @param successes whole number from 0 to n
 * @param n whole number; 0 gives NaN
 */
export function wilson(successes: number, n: number, level: number = DEFAULT_LEVEL): Estimate {
  if (n === 0) return emptyEstimate(level, "wilson");
  const p = successes / n;
  const z = normalQuantile((1 + level) / 2);
  const scale = 1 + (z * z) / n;
  const centre = (p + (z * z) / (2 * n)) / scale;
  const half = (z / scale) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  // The exact bounds at the edges; rounding would leave 1e-17 there.
  const low = successes === 0 ? 0 : Math.max(0, centre - half);
  const high = successes === n ? 1 : Math.min(1, centre + half);
  return { value: p, low, high, n, level, method: "wilson" };
}

/**
 * The mean with Student's t interval: mean ± t(n − 1) · sd / √n.
 * One value has no interval: its bounds are NaN.
 */
export function meanInterval(
  values: ArrayLike<number>,
  level: number = DEFAULT_LEVEL,
  method: IntervalMethod = "t",
): Estimate {
  const n = values.length;
  if (n === 0) return emptyEstimate(level, method);
  const value = mean(values);
  const half = tQuantile((1 + level) / 2, n - 1) * standardError(values);
  return { value, low: value - half, high: value + half, n, level, method };
}

/** NaN with n = 0. */
export function emptyEstimate(level: number, method: IntervalMethod): Estimate {
  return { value: Number.NaN, low: Number.NaN, high: Number.NaN, n: 0, level, method };
}

/** Arithmetic mean; NaN of nothing. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum / values.length;
}

/** Standard error of the mean, sd (n − 1 in the denominator) / √n; NaN below two values. */
export function standardError(values: ArrayLike<number>): number {
  const n = values.length;
  if (n < 2) return Number.NaN;
  const centre = mean(values);
  let squares = 0;
  for (let i = 0; i < n; i++) squares += ((values[i] as number) - centre) ** 2;
  return Math.sqrt(squares / (n - 1) / n);
}
