import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SeededRandom } from "../core/random.js";
import { mean, meanInterval, standardError, wilson } from "./intervals.js";

const golden = JSON.parse(
  readFileSync(new URL("../../test/golden/statistics.json", import.meta.url), "utf8"),
) as { wilson: { rows: number[][] } };

test("agrees with statsmodels on Wilson's interval to 1e-12", () => {
  expect(golden.wilson.rows.length).toBeGreaterThan(100);
  for (const [successes = NaN, n = NaN, level = NaN, low = NaN, high = NaN] of golden.wilson.rows) {
    const interval = wilson(successes, n, level);
    expect(Math.abs(interval.low - low)).toBeLessThan(1e-12);
    expect(Math.abs(interval.high - high)).toBeLessThan(1e-12);
  }
});

test("shows what 0 failures of 40, 100, 178 and 518 can show", () => {
  const upper = [40, 100, 178, 518].map((n) => Math.round(wilson(0, n).high * 1000) / 10);
  expect(upper).toEqual([8.8, 3.7, 2.1, 0.7]);
});

test("keeps Wilson's interval inside [0, 1], around the share, mirrored for failures", () => {
  const counts = fc
    .integer({ min: 1, max: 500 })
    .chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));
  fc.assert(
    fc.property(counts, ([k, n]) => {
      const { value, low, high } = wilson(k, n);
      expect(low >= 0 && low <= value && value <= high && high <= 1).toBe(true);
      expect(wilson(n - k, n).low).toBeCloseTo(1 - high, 12);
    }),
  );
});

test("computes the t interval of 1, 2, 3, 4, 5 as by hand", () => {
  // mean 3, sd √2.5, standard error √0.5; t(0.975, 4) = 2.7764451051977987
  const interval = meanInterval([1, 2, 3, 4, 5]);
  expect(interval.value).toBe(3);
  expect(interval.high - 3).toBeCloseTo(2.7764451051977987 * Math.sqrt(0.5), 12);
  expect(interval.low + interval.high).toBeCloseTo(6, 12);
});

test("gives NaN with n 0 for an empty set, and no bounds for one value", () => {
  for (const empty of [wilson(0, 0), meanInterval([])]) {
    expect(empty.n).toBe(0);
    expect([empty.value, empty.low, empty.high]).toEqual([NaN, NaN, NaN]);
  }
  expect(meanInterval([7])).toMatchObject({ value: 7, low: NaN, high: NaN, n: 1 });
  expect([mean([]), standardError([1])]).toEqual([NaN, NaN]);
});

test("covers the true share about as often as it says, also where harm is rare", () => {
  const random = new SeededRandom("wilson coverage");
  for (const [n, rate] of [
    [40, 0.1],
    [178, 0.05],
    [518, 0.02],
  ] as const) {
    let covered = 0;
    for (let run = 0; run < 1000; run++) {
      let yes = 0;
      for (let i = 0; i < n; i++) if (random.next() < rate) yes++;
      const { low, high } = wilson(yes, n);
      if (low <= rate && rate <= high) covered++;
    }
    expect(covered / 1000).toBeGreaterThan(0.93);
    expect(covered / 1000).toBeLessThan(0.98);
  }
});
