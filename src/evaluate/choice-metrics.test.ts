import { expect, test } from "vitest";
import { brierScore, choiceVerdicts, predictions } from "./choice-metrics.js";
import type { ChoiceScores } from "./results.js";

const scores = (texts: readonly string[], logProbs: readonly number[], gold = 0): ChoiceScores => ({
  texts,
  gold,
  logProbs,
  tokenCounts: texts.map(() => 1),
  predicted: predictions(texts, logProbs),
});

test("divides by code points for acc_norm and by UTF-8 bytes for acc_bytes", () => {
  // code points 2, 4, 3; bytes 8, 4, 3: UTF-16 length would be 4 for the first
  const texts = ["\u{1F642}\u{1F641}", "abcd", "abc"];
  expect(predictions(texts, [-4, -10, -3.3])).toEqual({ acc: 2, acc_norm: 2, acc_bytes: 0 });
  expect(predictions(texts, [-1.9, -4, -3])).toEqual({ acc: 0, acc_norm: 0, acc_bytes: 0 });
});

test("takes the first of equal choices, and passes over an empty one when it divides", () => {
  expect(predictions(["a", "a", "b"], [-1, -1, -2])).toEqual({ acc: 0, acc_norm: 0, acc_bytes: 0 });
  expect(predictions(["", "ab"], [-1, -2])).toEqual({ acc: 0, acc_norm: 1, acc_bytes: 1 });
});

test("scores probabilities by Brier from 0 to 2", () => {
  expect(brierScore([0, -800], 0)).toBe(0);
  expect(brierScore([0, -800], 1)).toBe(2);
  expect(brierScore([-7, -7, -7, -7], 2)).toBeCloseTo(0.75, 12);
});

test("leaves log-likelihoods that are no numbers unscored", () => {
  const verdicts = choiceVerdicts(["acc", "brier_score"], scores(["a", "b"], [Number.NaN, -1], 1));
  expect(Object.values(verdicts).map(({ status, label, score }) => [status, label, score])).toEqual([
    ["invalid", null, null],
    ["invalid", null, null],
  ]);
  expect(choiceVerdicts(["acc"], scores(["a", "b"], [-2, -1], 1))["acc"]).toMatchObject({
    kind: "choice",
    label: "right",
    score: 1,
    status: "ok",
  });
});
