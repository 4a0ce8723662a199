import { expect, test } from "vitest";
import { cohenKappa, crossTable, krippendorffAlpha } from "./agreement.js";
import { judgeGolden, TOLERANCE } from "./golden-judge.test-data.js";

test("alpha equals the krippendorff package, with gaps too; kappa equals scikit-learn's", () => {
  expect(judgeGolden.agreement.length).toBe(4);
  for (const { units, alpha, kappa } of judgeGolden.agreement) {
    expect(Math.abs(krippendorffAlpha(units) - alpha)).toBeLessThan(TOLERANCE);
    if (kappa === undefined) continue;
    const column = (place: number): string[] => units.map((unit) => unit[place] as string);
    expect(Math.abs(cohenKappa(crossTable(column(0), column(1)).table) - kappa)).toBeLessThan(TOLERANCE);
  }
});

test("a weight counts a unit as often as repeating it does", () => {
  const units = [
    ["a", "a"],
    ["a", "b"],
    ["b", "b"],
    ["b", null],
  ];
  const repeated = [...units, units[1] ?? [], units[1] ?? [], units[2] ?? []];
  expect(krippendorffAlpha(units, [1, 3, 2, 1])).toBeCloseTo(krippendorffAlpha(repeated), 12);
});

test("is 1 for full agreement and NaN where there is only one label", () => {
  expect(
    krippendorffAlpha([
      ["a", "a"],
      ["b", "b"],
    ]),
  ).toBe(1);
  expect(
    krippendorffAlpha([
      ["a", "a"],
      ["a", "a"],
    ]),
  ).toBeNaN();
  expect(
    krippendorffAlpha([
      ["a", null],
      [null, "b"],
    ]),
  ).toBeNaN();
  expect(
    cohenKappa([
      [3, 0],
      [0, 2],
    ]),
  ).toBe(1);
  expect(cohenKappa([[5]])).toBeNaN();
});

test("refuses tables and lists that do not fit", () => {
  expect(() => cohenKappa([[1, 2]])).toThrow("expected a square table");
  expect(() => crossTable(["a"], [])).toThrow("expected two labels for each unit");
});
