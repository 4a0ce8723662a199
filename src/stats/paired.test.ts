import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
import { farthest, GOLDEN, TOLERANCE } from "./golden-intervals.test-data.js";
import { mcnemarExact } from "./mcnemar.js";
import {
  countPairs,
  meanDifference,
  nonInferiority,
  pairedBootstrap,
  pairedDifference,
  pairedShareDifference,
  signFlipTest,
} from "./paired.js";

test("agrees with Newcombe's method over statsmodels' Wilson, and with an example of his paper", () => {
  expect(GOLDEN.newcombe.rows.length).toBeGreaterThan(30);
  for (const row of GOLDEN.newcombe.rows) {
    const [both = NaN, onlyFirst = NaN, onlySecond = NaN, neither = NaN, level = NaN, ...wanted] = row;
    const { value, low, high } = pairedShareDifference({ both, onlyFirst, onlySecond, neither }, level);
    expect(farthest([value, low, high], wanted)).toBeLessThan(TOLERANCE);
  }
  const { low, high } = pairedShareDifference({ both: 36, onlyFirst: 2, onlySecond: 12, neither: 0 });
  expect([low.toFixed(4), high.toFixed(4)]).toEqual(["0.0569", "0.3404"]);
});

test("averages differences of sets with the interval of their distances", () => {
  for (const { sets, level, value, low, high } of GOLDEN.meanDifference) {
    const differences = sets.map(([both, onlyFirst, onlySecond, neither]) =>
      pairedShareDifference({ both, onlyFirst, onlySecond, neither }, level),
    );
    const got = meanDifference(differences, level);
    expect(farthest([got.value, got.low, got.high], [value, low, high])).toBeLessThan(TOLERANCE);
  }
  expect(meanDifference([])).toMatchObject({ value: NaN, n: 0 });
});

test("shows, refutes or leaves open non-inferiority by the bounds", () => {
  expect(nonInferiority({ low: -0.03, high: 0.01 }, 0.03)).toBe("non-inferior");
  expect(nonInferiority({ low: -0.031, high: 0.01 }, 0.03)).toBe("undecided");
  expect(nonInferiority({ low: -0.1, high: -0.03 }, 0.03)).toBe("undecided");
  expect(nonInferiority({ low: -0.1, high: -0.031 }, 0.03)).toBe("inferior");
  expect(nonInferiority({ low: NaN, high: NaN }, 0.03)).toBe("undecided");
});

test("calls a model that lost the margin itself non-inferior as seldom as the level says", () => {
  const random = new SeededRandom("non-inferiority");
  const RUNS = 1500;
  let passed = 0;
  for (let run = 0; run < RUNS; run++) {
    const counts = { both: 0, onlyFirst: 0, onlySecond: 0, neither: 0 };
    for (let i = 0; i < 200; i++) {
      const u = random.next();
      if (u < 0.08) counts.onlyFirst++;
      else if (u < 0.13) counts.onlySecond++;
      else if (u < 0.6) counts.both++;
      else counts.neither++;
    }
    if (nonInferiority(pairedShareDifference(counts), 0.03) === "non-inferior") passed++;
  }
  // One-sided, half of what a 95 % interval leaves out: 2.5 %.
  expect(passed / RUNS).toBeLessThan(0.037);
  expect(passed / RUNS).toBeGreaterThan(0.01);
});

test("computes the paired t interval of 1, 2, 3 as by hand", () => {
  // differences 1, 2, 3: mean 2, standard error 1/√3; t(0.975, 2) = 4.302652729749464
  const interval = pairedDifference([0, 0, 0], [1, 2, 3]);
  expect(interval.value).toBe(2);
  expect(interval.high).toBeCloseTo(2 + 4.302652729749464 / Math.sqrt(3), 12);
  expect(interval).toMatchObject({ n: 3, method: "paired-t" });
});

test("counts the four cells", () => {
  const counts = countPairs([true, true, false, false, false], [true, false, true, false, false]);
  expect(counts).toEqual({ both: 1, onlyFirst: 1, onlySecond: 1, neither: 2 });
});

test("keeps a width when no prompt changes sides", () => {
  const { value, low, high } = pairedShareDifference({ both: 0, onlyFirst: 0, onlySecond: 0, neither: 50 });
  expect(value).toBe(0);
  expect(low).toBeCloseTo(-0.0714, 3);
  expect(high).toBeCloseTo(0.0714, 3);
});

test("mirrors Newcombe's interval when the models change places, and stays inside [-1, 1]", () => {
  const cell = fc.integer({ min: 0, max: 60 });
  fc.assert(
    fc.property(cell, cell, cell, cell, (both, onlyFirst, onlySecond, neither) => {
      fc.pre(both + onlyFirst + onlySecond + neither > 0);
      const one = pairedShareDifference({ both, onlyFirst, onlySecond, neither });
      const other = pairedShareDifference({ both, onlyFirst: onlySecond, onlySecond: onlyFirst, neither });
      expect(other.low).toBeCloseTo(-one.high, 12);
      expect(other.value).toBeCloseTo(-one.value, 12);
      expect(one.low >= -1 && one.low <= one.value && one.value <= one.high && one.high <= 1).toBe(true);
    }),
  );
});

test("covers the true difference about as often as it says", () => {
  const random = new SeededRandom("coverage");
  const [pBoth, pFirst, pSecond] = [0.1, 0.05, 0.4];
  let covered = 0;
  for (let run = 0; run < 1000; run++) {
    const counts = { both: 0, onlyFirst: 0, onlySecond: 0, neither: 0 };
    for (let i = 0; i < 60; i++) {
      const u = random.next();
      if (u < pBoth) counts.both++;
      else if (u < pBoth + pFirst) counts.onlyFirst++;
      else if (u < pBoth + pFirst + pSecond) counts.onlySecond++;
      else counts.neither++;
    }
    const { low, high } = pairedShareDifference(counts);
    if (low <= pSecond - pFirst && pSecond - pFirst <= high) covered++;
  }
  expect(covered).toBeGreaterThan(925);
  expect(covered).toBeLessThan(985);
});

test("bootstraps to the same bounds with the same seed, near the t interval", () => {
  const random = new SeededRandom("values");
  const first = Array.from({ length: 200 }, () => random.next());
  const second = first.map((x) => x + 0.3 + random.next() / 2);
  const options = { draws: 2000, seed: 7 };
  const interval = pairedBootstrap(first, second, options);
  expect(pairedBootstrap(first, second, options)).toEqual(interval);
  expect(pairedBootstrap(first, second, { ...options, seed: 8 })).not.toEqual(interval);
  const t = pairedDifference(first, second);
  expect(Math.abs(interval.low - t.low)).toBeLessThan(0.004);
  expect(Math.abs(interval.high - t.high)).toBeLessThan(0.004);
});

test("gives NaN with n 0 for nothing and refuses lists of different lengths", () => {
  expect(pairedDifference([], [])).toMatchObject({ value: NaN, n: 0 });
  expect(pairedBootstrap([], [], { seed: 0 })).toMatchObject({ value: NaN, n: 0 });
  const none = { both: 0, onlyFirst: 0, onlySecond: 0, neither: 0 };
  expect(pairedShareDifference(none)).toMatchObject({ value: NaN, n: 0 });
  expect(() => pairedDifference([1], [])).toThrow(ShapeError);
  expect(() => countPairs([true], [])).toThrow(/got 1 and 0/);
});

test("a sign-flip test is the share of all assignments of signs that are as far out", () => {
  const second = [0.5, 1, 0.25, 0.75, 1, 0, 0.5, 1, 0.25];
  const first = [0.25, 0.5, 0.5, 0.5, 0.25, 0.25, 0.5, 0.5, 0];
  const differences = second.map((value, i) => value - (first[i] as number));
  const sumOf = (signs: number): number =>
    differences.reduce((sum, d, i) => sum + ((signs >> i) & 1 ? d : -d), 0);
  const observed = Math.abs(sumOf(2 ** differences.length - 1));
  const all = Array.from({ length: 2 ** differences.length }, (_, signs) => Math.abs(sumOf(signs)));
  const exact = all.filter((sum) => sum >= observed).length / all.length;
  expect(exact).toBeGreaterThan(0.02);
  expect(signFlipTest(first, second, { seed: 1, draws: 40_000 })).toBeCloseTo(exact, 2);
  expect(signFlipTest(first, first, { seed: 1 })).toBe(1);
});

test("a sign-flip test of yes and no is McNemar's", () => {
  const [b, c] = [9, 2];
  const first = [...new Array<number>(b).fill(0), ...new Array<number>(c).fill(1), 1, 1, 0];
  const second = [...new Array<number>(b).fill(1), ...new Array<number>(c).fill(0), 1, 1, 0];
  expect(signFlipTest(first, second, { seed: 3, draws: 40_000 })).toBeCloseTo(mcnemarExact(b, c), 2);
});
