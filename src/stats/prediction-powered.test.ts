import { expect, test } from "vitest";
import { distance, judgeGolden, TOLERANCE } from "./golden-judge.test-data.js";
import { mean } from "./intervals.js";
import { predictionPowered, predictionPoweredScore } from "./prediction-powered.js";

const cases = judgeGolden.predictionPowered.map(({ labels, judged, judgedUnlabelled, ...rest }) => ({
  ...rest,
  data: {
    labels: labels.map(Boolean),
    judged: judged.map(Boolean),
    judgedUnlabelled: judgedUnlabelled.map(Boolean),
  },
}));

test("equals ppi-python: PPI, half of the judge, PPI++", () => {
  expect(cases.length).toBe(8);
  for (const { data, level, ppi, half, plus } of cases) {
    expect(distance(predictionPowered(data, 1, level), ppi)).toBeLessThan(TOLERANCE);
    expect(distance(predictionPowered(data, 0.5, level), half)).toBeLessThan(TOLERANCE);
    expect(distance(predictionPowered(data, "power", level), plus)).toBeLessThan(TOLERANCE);
  }
});

test("the score bounds equal Wilson and Newcombe put together over statsmodels", () => {
  for (const { data, level, score } of cases)
    expect(distance(predictionPoweredScore(data, level), score)).toBeLessThan(TOLERANCE);
});

test("a useless judge is left out by power tuning: the labelled share alone", () => {
  const data = {
    labels: [true, false, true, false],
    judged: [true, true, true, true],
    judgedUnlabelled: [true, true],
  };
  expect(predictionPowered(data).value).toBe(mean(data.labels.map(Number)));
});

test("keeps room where judge and people agree on everything, which the normal interval does not", () => {
  const none = (n: number): boolean[] => Array.from({ length: n }, () => false);
  const data = { labels: none(50), judged: none(50), judgedUnlabelled: none(500) };
  expect(predictionPowered(data)).toMatchObject({ value: 0, low: 0, high: 0 });
  expect(predictionPoweredScore(data).high).toBeGreaterThan(0.05);
});

test("refuses parts that do not fit", () => {
  const data = { labels: [true], judged: [], judgedUnlabelled: [true] };
  expect(() => predictionPowered(data)).toThrow("expected a verdict for each of 1 labels, got 0");
  expect(() => predictionPoweredScore({ ...data, labels: [] })).toThrow("got 0 and 1");
});
