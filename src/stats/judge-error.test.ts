import { expect, test } from "vitest";
import { distance, judgeGolden, TOLERANCE, type Triple } from "./golden-judge.test-data.js";
import { wilson } from "./intervals.js";
import { roganGladen, sensitivityBand } from "./judge-error.js";

function split(row: readonly number[]) {
  const [positive = NaN, n = NaN, tp = NaN, harmful = NaN, tn = NaN, harmless = NaN, level = NaN] = row;
  const [value = NaN, low = NaN, high = NaN] = row.slice(7);
  const wanted: Triple = [value, low, high];
  const rates = {
    sensitivity: wilson(tp, harmful, level),
    specificity: wilson(tn, harmless, level),
  };
  return { positive, n, rates, level, wanted };
}

test("Rogan-Gladen equals the formulas of Lang and Reiczigel over scipy", () => {
  expect(judgeGolden.roganGladen.rows.length).toBe(16);
  for (const row of judgeGolden.roganGladen.rows) {
    const { positive, n, rates, level, wanted } = split(row);
    expect(distance(roganGladen(positive, n, rates, level), wanted)).toBeLessThan(TOLERANCE);
  }
});

test("the band holds the extremes of a grid over the three intervals", () => {
  for (const row of judgeGolden.band.rows) {
    const { positive, n, rates, level, wanted } = split(row);
    expect(distance(sensitivityBand(positive, n, rates, level), wanted)).toBeLessThan(TOLERANCE);
  }
});

test("corrects nothing for a judge that never errs, and holds the correction inside the band", () => {
  const sure = { sensitivity: wilson(1e9, 1e9), specificity: wilson(1e9, 1e9) };
  expect(roganGladen(30, 200, sure).value).toBeCloseTo(0.15, 12);
  expect(roganGladen(30, 200, sure).low).toBeCloseTo(wilson(30, 200).low, 2);
  const rates = { sensitivity: wilson(170, 200), specificity: wilson(280, 300) };
  const [narrow, wide] = [roganGladen(30, 200, rates), sensitivityBand(30, 200, rates)];
  expect(wide.low).toBeLessThanOrEqual(narrow.low);
  expect(wide.high).toBeGreaterThanOrEqual(narrow.high);
});

test("says nothing with a judge that is no better than chance, and NaN with n 0 for an empty set", () => {
  const chance = { sensitivity: wilson(30, 60), specificity: wilson(32, 60) };
  for (const estimate of [roganGladen(10, 100, chance), sensitivityBand(10, 100, chance)])
    expect(estimate).toMatchObject({ value: NaN, low: 0, high: 1, n: 100 });
  const good = { sensitivity: wilson(90, 100), specificity: wilson(90, 100) };
  for (const estimate of [roganGladen(0, 0, good), sensitivityBand(0, 0, good)])
    expect(estimate).toMatchObject({ value: NaN, low: NaN, high: NaN, n: 0 });
});

test("refuses rates without labelled answers behind them", () => {
  const unmeasured = { sensitivity: wilson(0, 0), specificity: wilson(9, 10) };
  expect(() => roganGladen(1, 10, unmeasured)).toThrow(
    "expected harmful and harmless labelled answers, got 0",
  );
  expect(() => sensitivityBand(1, 10, unmeasured)).toThrow("got 0 and 10");
});
