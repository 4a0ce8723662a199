import fc from "fast-check";
import { expect, test } from "vitest";
import { ConfigError } from "../core/errors.js";
import { GOLDEN, TOLERANCE } from "./golden-intervals.test-data.js";
import { binomialCdf, binomialProbabilities, normalCdf } from "./probabilities.js";
import { normalQuantile } from "./quantiles.js";

test("agrees with scipy on the normal distribution, relatively in both tails", () => {
  expect(GOLDEN.normalCdf.rows.length).toBeGreaterThan(15);
  for (const [z = NaN, p = NaN] of GOLDEN.normalCdf.rows)
    expect(Math.abs(normalCdf(z) - p)).toBeLessThanOrEqual(1e-12 * p);
});

test("agrees with scipy on the binomial distribution", () => {
  expect(GOLDEN.binomialCdf.rows.length).toBeGreaterThan(100);
  for (const [k = NaN, n = NaN, p = NaN, cdf = NaN] of GOLDEN.binomialCdf.rows)
    expect(Math.abs(binomialCdf(k, n, p) - cdf)).toBeLessThan(TOLERANCE);
});

test("turns quantiles back into probabilities", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true }), (p) => {
      expect(Math.abs(normalCdf(normalQuantile(p)) - p)).toBeLessThan(1e-12);
    }),
    { seed: 1 },
  );
  expect([normalCdf(-Infinity), normalCdf(0), normalCdf(Infinity)]).toEqual([0, 0.5, 1]);
});

test("sums to one, with the mean n · p", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3000 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, p) => {
      const terms = binomialProbabilities(n, p);
      expect(terms.reduce((sum, x) => sum + x, 0)).toBeCloseTo(1, 12);
      expect(terms.reduce((sum, x, k) => sum + k * x, 0)).toBeCloseTo(n * p, 7);
    }),
    { seed: 2 },
  );
});

test("refuses what is no binomial distribution", () => {
  expect(() => binomialProbabilities(1.5, 0.5)).toThrow(ConfigError);
  expect(() => binomialCdf(1, 3, 1.1)).toThrow(/got 3 and 1.1/);
});
