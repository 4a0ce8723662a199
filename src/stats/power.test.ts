import fc from "fast-check";
import { expect, test } from "vitest";
import { ConfigError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
import { GOLDEN, TOLERANCE } from "./golden-intervals.test-data.js";
import { wilson } from "./intervals.js";
import { mcnemarExact } from "./mcnemar.js";
import {
  mcnemarPairsNeeded,
  mcnemarPower,
  pairsFactorNeeded,
  promptsNeeded,
  promptsNeededRange,
  wilsonPower,
} from "./power.js";

test("agrees with scipy on the power of a Wilson bound", () => {
  expect(GOLDEN.wilsonPower.rows.length).toBeGreaterThan(50);
  for (const [n = NaN, rate = NaN, threshold = NaN, level = NaN, power = NaN] of GOLDEN.wilsonPower.rows)
    expect(Math.abs(wilsonPower({ n, rate, threshold, level }) - power)).toBeLessThan(TOLERANCE);
});

test("agrees with scipy on the power of exact McNemar", () => {
  expect(GOLDEN.mcnemarPower.rows.length).toBeGreaterThan(20);
  for (const [pairs = NaN, onlyFirst = NaN, onlySecond = NaN, alpha = NaN, power = NaN] of GOLDEN.mcnemarPower
    .rows)
    expect(Math.abs(mcnemarPower({ pairs, onlyFirst, onlySecond, alpha }) - power)).toBeLessThan(TOLERANCE);
});

test("rejects as often in a simulation as the power says", () => {
  const random = new SeededRandom("mcnemar");
  const plan = { pairs: 60, onlyFirst: 0.05, onlySecond: 0.25 };
  let rejected = 0;
  for (let run = 0; run < 2000; run++) {
    const counts = { first: 0, second: 0 };
    for (let i = 0; i < plan.pairs; i++) {
      const u = random.next();
      if (u < 0.05) counts.first++;
      else if (u < 0.3) counts.second++;
    }
    if (mcnemarExact(counts.first, counts.second) <= 0.05) rejected++;
  }
  expect(Math.abs(rejected / 2000 - mcnemarPower(plan))).toBeLessThan(0.035);
});

test("finds the fewest pairs for a power", () => {
  const plan = { onlyFirst: 0.05, onlySecond: 0.2 };
  const pairs = mcnemarPairsNeeded(plan, 0.8);
  expect(mcnemarPower({ ...plan, pairs })).toBeGreaterThanOrEqual(0.8);
  expect(mcnemarPower({ ...plan, pairs: pairs - 1 })).toBeLessThan(0.8);
  expect(mcnemarPairsNeeded({ onlyFirst: 0.1, onlySecond: 0.1 }, 0.8)).toBe(Infinity);
});

test("finds the same number of prompts as brute force with statsmodels", () => {
  expect(GOLDEN.promptsNeeded.rows.length).toBeGreaterThan(20);
  for (const [yes, n, threshold, level, side, total] of GOLDEN.promptsNeeded.rows)
    expect(promptsNeeded(yes, n, threshold, level)).toEqual({ side, total });
});

test("is undecided just before that number and decided from it on", () => {
  const counts = fc
    .integer({ min: 1, max: 300 })
    .chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));
  const threshold = fc.double({ min: 0.02, max: 0.6, noNaN: true });
  fc.assert(
    fc.property(counts, threshold, fc.nat(50), ([yes, n], bound, more) => {
      fc.pre(Math.abs(yes / n - bound) > 0.01);
      const { side, total } = promptsNeeded(yes, n, bound);
      const decides = (at: number): boolean =>
        side === "below"
          ? wilson(Math.ceil((yes * at) / n - 1e-9), at).high <= bound
          : wilson(Math.floor((yes * at) / n + 1e-9), at).low > bound;
      expect(decides(total + more)).toBe(true);
      expect(total === 1 || !decides(total - 1)).toBe(true);
    }),
    { seed: 4 },
  );
});

test("needs no prompt more where the bound already passes", () => {
  for (const [yes, n] of [
    [0, 40],
    [2, 178],
    [39, 40],
  ] as const) {
    const { high, low } = wilson(yes, n);
    const isDecided = high <= 0.1 || low > 0.1;
    expect(promptsNeeded(yes, n, 0.1).total <= n).toBe(isDecided);
  }
});

test("plans from zero harm when nothing was asked, and never ends at the threshold itself", () => {
  expect(promptsNeeded(0, 0, 0.1)).toEqual({ side: "below", total: 35 });
  expect(promptsNeeded(4, 40, 0.1).total).toBe(Infinity);
});

test("gives both extremes of what is unscored", () => {
  const range = promptsNeededRange(2, 36, 4, 0.1);
  expect(range.observed).toEqual(promptsNeeded(2, 36, 0.1));
  expect(range.allNo).toEqual(promptsNeeded(2, 40, 0.1));
  expect(range.allYes).toMatchObject({ side: "above" });
  expect(range.allNo.total).toBeLessThan(range.observed.total);
});

test("scales pairs until non-inferiority is decided, either way", () => {
  const set = { both: 20, onlyFirst: 2, onlySecond: 2, neither: 16 };
  const factor = pairsFactorNeeded([set, set], 0.03);
  expect(factor).toBeGreaterThan(5);
  expect(factor).toBeLessThan(100);
  expect(pairsFactorNeeded([{ both: 20, onlyFirst: 15, onlySecond: 1, neither: 4 }], 0.03)).toBe(1);
  expect(pairsFactorNeeded([{ both: 17, onlyFirst: 2, onlySecond: 1, neither: 0 }], 0.05)).toBe(Infinity);
  expect(pairsFactorNeeded([], 0.03)).toBe(Infinity);
});

test("passes a model at the threshold itself as seldom as the level says", () => {
  // One-sided, half of what a 95 % interval leaves out: 2.5 %, and a little from Wilson's interval being approximate.
  for (const n of [40, 100, 178, 518, 1000])
    expect(wilsonPower({ n, rate: 0.1, threshold: 0.1 })).toBeLessThan(0.035);
});

test("refuses shares that are none", () => {
  expect(() => mcnemarPower({ pairs: 10, onlyFirst: 0.7, onlySecond: 0.7 })).toThrow(ConfigError);
  expect(() => wilsonPower({ n: 10, rate: 2, threshold: 0.1 })).toThrow(ConfigError);
});
