import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ConfigError } from "../core/errors.js";
import { farthest, GOLDEN, TOLERANCE } from "./golden-intervals.test-data.js";
import { holm, mcnemarExact } from "./mcnemar.js";

const golden = JSON.parse(
  readFileSync(new URL("../../test/golden/statistics.json", import.meta.url), "utf8"),
) as { mcnemarExact: { rows: number[][] } };

test("agrees with statsmodels' exact McNemar", () => {
  expect(golden.mcnemarExact.rows.length).toBeGreaterThan(50);
  for (const [b = NaN, c = NaN, p = NaN] of golden.mcnemarExact.rows)
    expect(Math.abs(mcnemarExact(b, c) - p)).toBeLessThanOrEqual(1e-11 * p);
});

test("gives 2 · (1 + 5) / 2^5 for one against four", () => {
  expect(mcnemarExact(1, 4)).toBeCloseTo(12 / 32, 15);
});

test("does not underflow for thousands of pairs, is symmetric and at most 1", () => {
  const count = fc.integer({ min: 0, max: 3000 });
  fc.assert(
    fc.property(count, count, (b, c) => {
      const p = mcnemarExact(b, c);
      expect(p).toBe(mcnemarExact(c, b));
      expect(p >= 0 && p <= 1).toBe(true);
    }),
  );
  expect(mcnemarExact(2000, 2000)).toBe(1);
  expect(mcnemarExact(1900, 2100)).toBeGreaterThan(1e-4);
  expect(mcnemarExact(0, 0)).toBe(1);
});

test("refuses counts that are not whole", () => {
  expect(() => mcnemarExact(1.5, 2)).toThrow(ConfigError);
  expect(() => mcnemarExact(-1, 2)).toThrow(/got -1 and 2/);
});

test("applies Holm's step-down as by hand and leaves NaN alone", () => {
  // sorted .01 .03 .04: 3 · .01 = .03, 2 · .03 = .06, max(.06, .04) = .06
  expect(holm([0.03, Number.NaN, 0.01, 0.04])).toEqual([0.06, Number.NaN, 0.03, 0.06]);
  expect(holm([])).toEqual([]);
});

test("agrees with statsmodels on Holm's correction", () => {
  expect(GOLDEN.holm.length).toBeGreaterThan(3);
  for (const { pValues, adjusted } of GOLDEN.holm)
    expect(farthest(holm(pValues), adjusted)).toBeLessThan(TOLERANCE);
});
