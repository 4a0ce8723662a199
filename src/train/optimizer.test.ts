import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../core/errors.js";
import { clipByGlobalNorm, globalNorm } from "./clip.js";
import { AdamW } from "./optimizer.js";
import { learningRateAt, schedulerName } from "./schedule.js";

interface Golden {
  adamw: {
    weightDecay: number;
    maxGradNorm: number | null;
    learningRates: number[];
    start: number[][];
    gradients: number[][][];
    steps: { gradNorm: number; parameters: number[][] }[];
  }[];
  schedules: {
    scheduler: string;
    warmupSteps: number;
    totalSteps: number;
    learningRate: number;
    rates: number[];
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../test/golden/losses.json", import.meta.url), "utf8"),
) as Golden;

const named = (arrays: number[][]) => new Map(arrays.map((a, i) => [`p${i}`, Float32Array.from(a)]));

function expectClose(got: ArrayLike<number>, expected: readonly number[]): void {
  expected.forEach((value, i) => {
    expect(Math.abs((got[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(1e-7 + 1e-5 * Math.abs(value));
  });
}

describe("AdamW", () => {
  test.each(golden.adamw)(
    "equals torch.optim.AdamW (weight decay $weightDecay, clip $maxGradNorm)",
    (run) => {
      const parameters = named(run.start);
      const optimizer = new AdamW(parameters, { weightDecay: run.weightDecay });
      run.gradients.forEach((values, step) => {
        const gradients = named(values);
        const norm = clipByGlobalNorm(gradients, run.maxGradNorm ?? 0);
        optimizer.update(gradients, run.learningRates[step] ?? Number.NaN);
        const expected = run.steps[step];
        expectClose([norm], [expected?.gradNorm ?? Number.NaN]);
        expected?.parameters.forEach((p, i) => {
          expectClose(parameters.get(`p${i}`) ?? [], p);
        });
      });
    },
  );

  test("goes on bit for bit from its state", () => {
    const run = golden.adamw[1];
    if (run === undefined) throw new RangeError("golden has two runs");
    const whole = named(run.start);
    const optimizer = new AdamW(whole, { weightDecay: 0.01 });
    const halves = named(run.start);
    let half = new AdamW(halves, { weightDecay: 0.01 });
    run.gradients.forEach((values, step) => {
      optimizer.update(named(values), 0.01);
      if (step === 2) half = new AdamW(halves, { weightDecay: 0.01 }, structuredClone(half.state));
      half.update(named(values), 0.01);
    });
    expect(halves).toEqual(whole);
  });
});

describe("clipByGlobalNorm", () => {
  test("never leaves a larger norm than asked, and reports the norm before", () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 9 }),
        fc.double({ min: 0.01, max: 10, noNaN: true }),
        (values, maxNorm) => {
          const gradients = named([values, values]);
          const before = globalNorm(gradients);
          expect(clipByGlobalNorm(gradients, maxNorm)).toBe(before);
          expect(globalNorm(gradients)).toBeLessThanOrEqual(Math.min(before, maxNorm) * (1 + 1e-6));
        },
      ),
    );
  });
});

describe("learningRateAt", () => {
  test.each(golden.schedules)("$scheduler, warm-up $warmupSteps of $totalSteps", (schedule) => {
    const options = { ...schedule, scheduler: schedulerName(schedule.scheduler) };
    schedule.rates.forEach((rate, step) => {
      expect(learningRateAt(step, options)).toBeCloseTo(rate, 14);
    });
  });

  test("refuses an unknown schedule", () => {
    expect(() => schedulerName("polynomial")).toThrow(ConfigError);
  });
});
