/**
 * @file What a question of multiple choice comes to once its choices are scored: predictions and metrics by the
 * definitions of lm-evaluation-harness (`process_results` in `lm_eval/api/task.py`, `lm_eval/api/metrics.py`).
 */
import { hashJson } from "../core/hash.js";
import type { Verdict } from "../text/judge.js";
import type { ChoiceMetric, ChoiceScores } from "./results.js";

/**
 * The choices that the accuracies rest on: largest log-likelihood as it is, a code point, and a UTF-8 byte of the choice
 * (without the space before it).
 */
export function predictions(
  texts: readonly string[],
  logProbs: readonly number[],
): ChoiceScores["predicted"] {
  const over = (lengthOf: (text: string) => number): number[] =>
    logProbs.map((logProb, i) => logProb / lengthOf(texts[i] ?? ""));
  return {
    acc: firstLargest(logProbs),
    acc_norm: firstLargest(over((text) => [...text].length)),
    acc_bytes: firstLargest(over((text) => Buffer.byteLength(text, "utf8"))),
  };
}

/** Σ over the choices of (their probability − 1 for the right one, 0 for the others)², probabilities by softmax: 0 to 2. */
export function brierScore(logProbs: readonly number[], gold: number): number {
  const largest = Math.max(...logProbs);
  const weights = logProbs.map((logProb) => Math.exp(logProb - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.reduce((sum, weight, i) => sum + (weight / total - (i === gold ? 1 : 0)) ** 2, 0);
}

/** One verdict a metric; log-likelihoods that are no numbers leave it invalid, which is unscored and counted. */
export function choiceVerdicts(
  metrics: readonly ChoiceMetric[],
  scores: ChoiceScores,
): Record<string, Verdict> {
  const isValid = scores.logProbs.every(Number.isFinite);
  return Object.fromEntries(metrics.map((metric) => [metric, verdictOf(metric, scores, isValid)]));
}

function verdictOf(metric: ChoiceMetric, scores: ChoiceScores, isValid: boolean): Verdict {
  const judgeHash = hashJson({ metric, definition: "lm-evaluation-harness 0.4" });
  const kind = metric === "brier_score" ? "metric" : "choice";
  if (!isValid) return { kind, label: null, score: null, status: "invalid", judgeHash };
  if (metric === "brier_score")
    return { kind, label: null, score: brierScore(scores.logProbs, scores.gold), status: "ok", judgeHash };
  const isRight = scores.predicted[metric] === scores.gold;
  return { kind, label: isRight ? "right" : "wrong", score: isRight ? 1 : 0, status: "ok", judgeHash };
}

/** Place of the largest value, the first of equal ones. */
function firstLargest(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > (values[best] as number) ? i : best), 0);
}
