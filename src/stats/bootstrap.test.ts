import { expect, test } from "vitest";
import { ConfigError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
import { bcaBounds, bootstrapMean, percentileBounds } from "./bootstrap.js";
import { clusteredMean } from "./clustered.js";
import { farthest, GOLDEN, TOLERANCE } from "./golden-intervals.test-data.js";
import { mean } from "./intervals.js";

const without = (values: readonly number[], i: number): number => mean(values.filter((_, k) => k !== i));

test("agrees with scipy on percentile and BCa bounds of the same draws", () => {
  expect(GOLDEN.bootstrap.length).toBeGreaterThan(4);
  for (const { values, draws, level, percentile, bca } of GOLDEN.bootstrap) {
    expect(farthest(percentileBounds(draws, level), percentile)).toBeLessThan(TOLERANCE);
    const leftOut = values.map((_, i) => without(values, i));
    expect(farthest(bcaBounds(draws, mean(values), leftOut, level), bca)).toBeLessThan(TOLERANCE);
  }
});

test("gives the same bounds for the same seed, and others for another", () => {
  const random = new SeededRandom("skewed");
  const values = Array.from({ length: 60 }, () => -Math.log(1 - random.next()));
  for (const bounds of ["percentile", "bca"] as const) {
    const options = { seed: 1, draws: 500, bounds };
    expect(bootstrapMean(values, options)).toEqual(bootstrapMean(values, options));
    expect(bootstrapMean(values, options)).not.toEqual(bootstrapMean(values, { ...options, seed: 2 }));
  }
  const plain = bootstrapMean(values, { seed: 1, draws: 2000 });
  const bca = bootstrapMean(values, { seed: 1, draws: 2000, bounds: "bca" });
  // The sample is skewed to the right, and so must the interval be.
  expect(bca.low).toBeGreaterThan(plain.low);
  expect(bca.high).toBeGreaterThan(plain.high);
});

test("draws whole clusters: asked twice is asked once", () => {
  const random = new SeededRandom("clusters");
  const xs = Array.from({ length: 40 }, () => random.next());
  const clusters = [...xs.keys(), ...xs.keys()];
  const twice = bootstrapMean([...xs, ...xs], { seed: 5, draws: 2000, clusters });
  expect(twice).toEqual(bootstrapMean(xs, { seed: 5, draws: 2000 }));
  expect(twice.n).toBe(40);
});

test("covers the mean of skewed clusters nearly as often as it says", () => {
  const random = new SeededRandom("bootstrap coverage");
  const RUNS = 200;
  let covered = 0;
  for (let run = 0; run < RUNS; run++) {
    const values: number[] = [];
    const clusters: number[] = [];
    for (let cluster = 0; cluster < 40; cluster++) {
      const base = -Math.log(1 - random.next());
      for (let i = 0; i < 2; i++) {
        values.push(base + random.next());
        clusters.push(cluster);
      }
    }
    const { low, high } = bootstrapMean(values, { seed: run, draws: 400, clusters, bounds: "bca" });
    if (low <= 1.5 && 1.5 <= high) covered++;
    expect(Math.abs(low - clusteredMean(values, clusters).low)).toBeLessThan(0.25);
  }
  expect(covered / RUNS).toBeGreaterThan(0.88);
  expect(covered / RUNS).toBeLessThan(0.985);
});

test("gives NaN for nothing, a point for what does not vary, and refuses no draws", () => {
  expect(bootstrapMean([], { seed: 0 })).toMatchObject({ value: NaN, n: 0 });
  expect(bootstrapMean([2, 2, 2], { seed: 0, draws: 50, bounds: "bca" })).toMatchObject({ low: 2, high: 2 });
  expect(bootstrapMean([2], { seed: 0, draws: 50, bounds: "bca" })).toMatchObject({ low: 2, high: 2 });
  expect(() => bootstrapMean([1], { seed: 0, draws: 0 })).toThrow(ConfigError);
});
