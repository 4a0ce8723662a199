import { expect, test } from "vitest";
import { cohenKappa } from "./agreement.js";
import {
  averagePrecision,
  balancedAccuracy,
  type Confusion,
  countConfusion,
  f1Score,
  precisionRanking,
} from "./binary-metrics.js";
import { bootstrapStatistic } from "./bootstrap-statistic.js";
import { clusteredShare } from "./clustered.js";
import { distance, judgeGolden, TOLERANCE } from "./golden-judge.test-data.js";
import { wilson } from "./intervals.js";

function kappaOf({ truePositive, falsePositive, trueNegative, falseNegative }: Confusion): number {
  return cohenKappa([
    [trueNegative, falsePositive],
    [falseNegative, truePositive],
  ]);
}

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
        kappaOf(cells),
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

test("bootstraps a statistic by cluster: the same seed, the same bounds; wider than without clusters", () => {
  const rows = Array.from({ length: 300 }, (_, i) => i);
  const labels = rows.map((i) => i % 3 === 0);
  // All rows of a cluster of ten are judged alike.
  const scores = rows.map((i) => (labels[i] ? 0.4 : 0) + (Math.floor(i / 10) % 7) / 10);
  const ranking = precisionRanking(labels, scores);
  const inClusters = rows.map((i) => Math.floor(i / 10));
  const options = { seed: 1, draws: 300 };
  const first = bootstrapStatistic(inClusters, ranking, options);
  expect(bootstrapStatistic(inClusters, ranking, options)).toEqual(first);
  const single = bootstrapStatistic(rows, ranking, options);
  expect(first).toMatchObject({ n: 30, value: averagePrecision(labels, scores) });
  expect(first.low <= first.value && first.value <= first.high).toBe(true);
  expect(single.value).toBe(first.value);
});

test("gives no bounds where the statistic is hardly ever defined", () => {
  const labels = [true, false, false, false, false, false, false, false, false, false, false, false];
  const statistic = (weights?: Float64Array): number => (weights ? Number.NaN : labels.length);
  expect(bootstrapStatistic([...labels.keys()], statistic, { seed: 0, draws: 20 })).toMatchObject({
    value: 12,
    low: NaN,
    high: NaN,
  });
  expect(() => bootstrapStatistic([1], () => 1, { seed: 0, draws: 0 })).toThrow("at least one resample");
});
