/** @file McNemar's exact test for paired yes/no outcomes, and Holm's correction for several tests. */
import { ConfigError } from "../core/errors.js";

/**
 * Exact two-sided p of McNemar's test: min(1, 2 · Σ_{i ≤ min(b, c)} C(b + c, i) / 2^{b + c}).
 * @param b pairs where only the first says yes
 * @param c pairs where only the second says yes
 * @returns 1 when nothing differs
 * @throws ConfigError when a count is not a whole number ≥ 0
 */
export function mcnemarExact(b: number, c: number): number {
  for (const count of [b, c])
    if (!Number.isInteger(count) || count < 0)
      throw new ConfigError(`mcnemarExact: expected counts of 0 or more, got ${b} and ${c}`);
  const n = b + c;
  const k = Math.min(b, c);
  // The largest term of the tail, from its logarithm: 2^-n alone would underflow for large n.
  let logTerm = -n * Math.LN2;
  for (let i = 1; i <= k; i++) logTerm += Math.log((n - i + 1) / i);
  let term = Math.exp(logTerm);
  let sum = 0;
  for (let i = k; i >= 0; i--) {
    sum += term;
    term *= i / (n - i + 1);
  }
  return Math.min(1, 2 * sum);
}

/**
 * Holm's step-down adjusted p values (Holm 1979), in the order given; NaN entries are left out of the count and stay NaN.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues
    .map((p, i) => ({ p, i }))
    .filter(({ p }) => !Number.isNaN(p))
    .sort((x, y) => x.p - y.p);
  const adjusted = pValues.map(() => Number.NaN);
  let running = 0;
  for (const [rank, { p, i }] of order.entries()) {
    running = Math.max(running, Math.min(1, (order.length - rank) * p));
    adjusted[i] = running;
  }
  return adjusted;
}
