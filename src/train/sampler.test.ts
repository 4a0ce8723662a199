import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../core/errors.js";
import { rowsOfStep, type SamplerOptions, stepsPerEpoch, totalSteps } from "./sampler.js";

const options = (over: Partial<SamplerOptions>): SamplerOptions => ({
  rows: 10,
  batchSize: 2,
  gradientAccumulation: 2,
  epochs: 2,
  seed: 1,
  shuffle: true,
  ...over,
});

describe("rowsOfStep", () => {
  test("visits every row once an epoch, the last partial batch included", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 7 }), (rows, batchSize) => {
        const o = options({ rows, batchSize });
        const perEpoch = stepsPerEpoch(o);
        for (const epoch of [0, 1]) {
          const seen = Array.from(
            { length: perEpoch },
            (_, s) => rowsOfStep(epoch * perEpoch + s, o).rows,
          ).flat();
          expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
          expect(rowsOfStep((epoch + 1) * perEpoch - 1, o).epoch).toBe(epoch + 1);
        }
      }),
    );
  });

  test("depends on seed and epoch alone, and shuffles anew each epoch", () => {
    const o = options({ rows: 100, batchSize: 50 });
    expect(rowsOfStep(1, o)).toEqual(rowsOfStep(1, o));
    expect(rowsOfStep(0, o).rows).not.toEqual(rowsOfStep(1, o).rows);
    expect(rowsOfStep(0, o).rows).not.toEqual(rowsOfStep(0, { ...o, seed: 2 }).rows);
  });

  test("keeps file order without shuffling and logs fractions of an epoch", () => {
    const o = options({ shuffle: false });
    expect(rowsOfStep(0, o)).toEqual({ rows: [0, 1, 2, 3], epoch: 0.4 });
    expect(rowsOfStep(2, o)).toEqual({ rows: [8, 9], epoch: 1 });
  });
});

describe("totalSteps", () => {
  test("rounds up, and --max-steps wins", () => {
    expect(totalSteps(options({}))).toBe(6);
    expect(totalSteps(options({ epochs: 0.5 }))).toBe(2);
    expect(totalSteps(options({ maxSteps: 8 }))).toBe(8);
  });

  test.each([{ rows: 0 }, { batchSize: 0 }, { gradientAccumulation: 1.5 }, { epochs: 0 }])(
    "refuses %o",
    (over) => {
      expect(() => totalSteps(options(over))).toThrow(ConfigError);
    },
  );
});
