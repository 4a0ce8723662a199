import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
import { clusteredMean } from "./clustered.js";
import { farthest, GOLDEN, TOLERANCE } from "./golden-intervals.test-data.js";
import { meanInterval } from "./intervals.js";

test("agrees with statsmodels' cluster-robust interval", () => {
  expect(GOLDEN.clustered.length).toBeGreaterThan(5);
  for (const { values, clusters, level, value, low, high } of GOLDEN.clustered) {
    const got = clusteredMean(values, clusters, level);
    expect(farthest([got.value, got.low, got.high], [value, low, high])).toBeLessThan(TOLERANCE);
    expect(got.n).toBe(new Set(clusters).size);
  }
});

test("is Student's interval when every value is a cluster, whatever the names and the order", () => {
  const values = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 2, maxLength: 40 });
  fc.assert(
    fc.property(values, (xs) => {
      const plain = meanInterval(xs);
      const clustered = clusteredMean(
        [...xs].reverse(),
        xs.map((_, i) => `prompt ${i}`),
      );
      expect(clustered.low).toBeCloseTo(plain.low, 9);
      expect(clustered.high).toBeCloseTo(plain.high, 9);
    }),
    { seed: 3 },
  );
});

test("does not narrow when every value is asked twice", () => {
  const xs = [0, 1, 1, 0, 1, 0, 0, 0];
  const once = clusteredMean(xs, [...xs.keys()]);
  const twice = clusteredMean([...xs, ...xs], [...xs.keys(), ...xs.keys()]);
  expect(twice.high).toBeCloseTo(once.high, 12);
  expect(meanInterval([...xs, ...xs]).high).toBeLessThan(once.high - 0.05);
});

test("covers the mean of clustered values where the plain interval does not", () => {
  const random = new SeededRandom("clustered coverage");
  const RUNS = 600;
  let [clustered, plain] = [0, 0];
  for (let run = 0; run < RUNS; run++) {
    const values: number[] = [];
    const clusters: number[] = [];
    for (let cluster = 0; cluster < 30; cluster++) {
      const rate = random.next() < 0.3 ? 0.9 : 0.1;
      for (let i = 0; i < 4; i++) {
        values.push(random.next() < rate ? 1 : 0);
        clusters.push(cluster);
      }
    }
    const mean = 0.3 * 0.9 + 0.7 * 0.1;
    const holds = ({ low, high }: { low: number; high: number }): number =>
      low <= mean && mean <= high ? 1 : 0;
    clustered += holds(clusteredMean(values, clusters));
    plain += holds(meanInterval(values));
  }
  expect(clustered / RUNS).toBeGreaterThan(0.92);
  expect(clustered / RUNS).toBeLessThan(0.98);
  expect(plain / RUNS).toBeLessThan(0.85);
});

test("gives NaN for nothing, no bounds for one cluster, and refuses lists of different lengths", () => {
  expect(clusteredMean([], [])).toMatchObject({ value: NaN, n: 0, method: "clustered-t" });
  expect(clusteredMean([1, 2], ["a", "a"])).toMatchObject({ value: 1.5, low: NaN, n: 1 });
  expect(() => clusteredMean([1, 2], ["a"])).toThrow(ShapeError);
});
