import { expect, test } from "vitest";
import { SeededRandom } from "../core/random.js";
import {
  averagePrecision,
  balancedAccuracy,
  binaryKappa,
  countConfusion,
  f1Score,
  sumConfusions,
} from "./binary-metrics.js";
import { bootstrapMean } from "./bootstrap.js";
import { bootstrapStatistic } from "./bootstrap-statistic.js";
import { clusteredShare } from "./clustered.js";
import { distance, judgeGolden, TOLERANCE } from "./golden-judge.test-data.js";
import { wilson } from "./intervals.js";

test("equals scikit-learn, plain and weighted, with tied scores", () => {
  expect(judgeGolden.binary.length).toBe(4);
  for (const { labels: numbers, scores, threshold, weights, plain, weighted } of judgeGolden.binary) {
    const labels = numbers.map(Boolean);
    const verdicts = scores.map((score) => score > threshold);
    for (const [w, wanted] of [
      [undefined, plain],
      [weights, weighted],
    ] as const) {
      const cells = countConfusion(labels, verdicts, w);
      const got = [
        averagePrecision(labels, scores, w),
        f1Score(cells),
        balancedAccuracy(cells),
        binaryKappa(cells),
      ];
      const all = [wanted.averagePrecision, wanted.f1, wanted.balancedAccuracy, wanted.kappa];
      for (const [i, value] of got.entries())
        expect(Math.abs(value - (all[i] as number))).toBeLessThan(TOLERANCE);
    }
  }
});

test("is NaN, not 0, where there is nothing to find", () => {
  expect(averagePrecision([false, false], [0.1, 0.9])).toBeNaN();
  expect(f1Score(countConfusion([false], [false]))).toBeNaN();
  expect(balancedAccuracy(countConfusion([true], [true]))).toBeNaN();
});

test("refuses scores that are NaN and lists that do not fit", () => {
  expect(() => averagePrecision([true], [NaN])).toThrow("got NaN in row 0");
  expect(() => averagePrecision([true], [])).toThrow("expected scores for each of 1 labels");
  expect(() => countConfusion([true], [])).toThrow("expected verdicts for each of 1 labels");
});

test("a share in clusters has Wilson's interval at the effective sample size", () => {
  expect(judgeGolden.clustered.length).toBe(8);
  for (const { values, clusters, level, n, value, low, high } of judgeGolden.clustered) {
    const got = clusteredShare(values.map(Boolean), clusters, level);
    expect(distance(got, [value, low, high])).toBeLessThan(TOLERANCE);
    expect(Math.abs(got.n - n)).toBeLessThan(1e-6);
  }
});

test("with a cluster for every value it is Wilson's; where all are yes, clusters are counted", () => {
  const values = Array.from({ length: 50 }, (_, i) => i < 7);
  const alone = clusteredShare(values, [...values.keys()]);
  expect(distance(alone, [0.14, wilson(7, 50).low, wilson(7, 50).high])).toBeLessThan(1e-12);
  const all = clusteredShare(
    values.map(() => true),
    values.map((_, i) => i % 5),
  );
  expect(all).toMatchObject({ value: 1, low: wilson(5, 5).low, n: 5 });
});

test("adds tables up by weight", () => {
  const first = countConfusion([true, false], [true, true]);
  const second = countConfusion([true, false, false], [false, false, false]);
  expect(sumConfusions([first, second], [2, 1])).toEqual({
    truePositive: 2,
    falsePositive: 2,
    trueNegative: 2,
    falseNegative: 1,
  });
  expect(sumConfusions([first, second])).toEqual(
    countConfusion([true, false, true, false, false], [true, true, false, false, false]),
  );
});

test("bootstraps a statistic of clusters as the mean's bootstrap does, and the same for the same seed", () => {
  const random = new SeededRandom("bootstrap statistic");
  const values = Array.from({ length: 40 }, () => random.next());
  const mean = (times?: Float64Array): number => {
    const weights = times ?? values.map(() => 1);
    return values.reduce((sum, value, i) => sum + value * (weights[i] as number), 0) / values.length;
  };
  const first = bootstrapStatistic(40, mean, { seed: 1, draws: 4000 });
  expect(bootstrapStatistic(40, mean, { seed: 1, draws: 4000 })).toEqual(first);
  const reference = bootstrapMean(values, { seed: 2, draws: 4000 });
  expect(first).toMatchObject({ n: 40, method: "bootstrap" });
  expect(distance(first, [reference.value, reference.low, reference.high])).toBeLessThan(0.006);
});

test("gives no bounds where there is one cluster, or the statistic is hardly ever defined", () => {
  const statistic = (times?: Float64Array): number => (times ? Number.NaN : 12);
  const bounds = bootstrapStatistic(12, statistic, { seed: 0, draws: 20 });
  expect(bounds).toMatchObject({ value: 12, low: NaN, high: NaN });
  expect(bootstrapStatistic(1, () => 0.5, { seed: 0 })).toMatchObject({
    value: 0.5,
    low: NaN,
    high: NaN,
    n: 1,
  });
  expect(bootstrapStatistic(0, statistic, { seed: 0 })).toMatchObject({ value: NaN, n: 0 });
  expect(() => bootstrapStatistic(1, () => 1, { seed: 0, draws: 0 })).toThrow("at least one resample");
});
