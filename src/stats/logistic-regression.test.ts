import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ShapeError } from "../core/errors.js";
import { minimise } from "./lbfgs.js";
import { denseDesign, fitLogistic, type LogisticModel, sparseDesign } from "./logistic-regression.js";

interface Fitted {
  readonly c: number;
  readonly weights: readonly number[];
  readonly intercept: number;
}

const golden = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../test/golden/logistic-regression.json"), "utf8"),
) as {
  readonly tolerance: number;
  readonly dense: {
    readonly x: readonly number[][];
    readonly y: readonly number[];
    readonly row_weights: readonly number[];
    readonly plain: readonly Fitted[];
    readonly weighted: Fitted;
    readonly pairs: Fitted;
  };
  readonly words: {
    readonly rows: readonly number[][];
    readonly labels: readonly number[];
    readonly model: Fitted;
  };
};
const { dense, words, tolerance } = golden;
const design = denseDesign(Float64Array.from(dense.x.flat()), 3);
const labels = dense.y.map((y) => y === 1);
const exact = { tolerance: 1e-9, maxIterations: 2000 };

describe("logistic regression", () => {
  test.each(dense.plain)("equals scikit-learn's at C = $c", (expected) => {
    expectModel(fitLogistic(design, labels, { l2: 1 / expected.c, ...exact }), expected);
  });

  test("weighs rows as scikit-learn does", () => {
    const { weighted } = dense;
    expectModel(
      fitLogistic(design, labels, { l2: 1 / weighted.c, weights: dense.row_weights, ...exact }),
      weighted,
    );
  });

  test("fits differences of rows without an intercept", () => {
    const pairs = dense.x
      .slice(0, 20)
      .map((row, i) => row.map((value, j) => value - (dense.x[20 + i]?.[j] ?? 0)));
    const options = { l2: 1 / dense.pairs.c, isDifference: pairs.map(() => true), ...exact };
    const model = fitLogistic(
      denseDesign(Float64Array.from(pairs.flat()), 3),
      pairs.map(() => true),
      options,
    );
    expectModel(model, dense.pairs);
    expect(model.intercept).toBe(0);
  });

  test("sees in sparse rows what it sees in dense ones", () => {
    const columns = words.rows[0]?.length ?? 0;
    const rows = words.rows.map((row) => {
      const places = row.flatMap((value, j) => (value === 0 ? [] : [j]));
      return { columns: Int32Array.from(places), values: Float64Array.from(places, (j) => row[j] ?? 0) };
    });
    const model = fitLogistic(
      sparseDesign(rows, columns),
      words.labels.map((y) => y === 1),
      {
        l2: 1 / words.model.c,
        ...exact,
      },
    );
    expectModel(model, words.model);
  });

  test("stays finite where classes are far apart", () => {
    const far = denseDesign(Float64Array.from([-1e4, 1e4]), 1);
    const { weights, intercept } = fitLogistic(far, [false, true], { l2: 1 });
    expect([weights[0], intercept].every(Number.isFinite)).toBe(true);
    expect(weights[0]).toBeGreaterThan(0);
  });

  test("refuses labels of another number", () => {
    expect(() => fitLogistic(design, labels.slice(1), { l2: 1 })).toThrow(ShapeError);
  });
});

test("L-BFGS finds the minimum of Rosenbrock's valley", () => {
  const valley = ([a = 0, b = 0]: Float64Array, gradient: Float64Array): number => {
    gradient[0] = -2 * (1 - a) - 400 * a * (b - a * a);
    gradient[1] = 200 * (b - a * a);
    return (1 - a) ** 2 + 100 * (b - a * a) ** 2;
  };
  const { x, isConverged } = minimise(valley, Float64Array.from([-1.2, 1]));
  expect(isConverged).toBe(true);
  expect(x[0]).toBeCloseTo(1, 5);
  expect(x[1]).toBeCloseTo(1, 5);
});

function expectModel({ weights, intercept, isConverged }: LogisticModel, expected: Fitted): void {
  expect(isConverged).toBe(true);
  expect(Math.abs(intercept - expected.intercept)).toBeLessThan(tolerance);
  for (const [j, weight] of expected.weights.entries())
    expect(Math.abs((weights[j] ?? Number.NaN) - weight)).toBeLessThan(tolerance);
}
