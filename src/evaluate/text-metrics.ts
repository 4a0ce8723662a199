/** @file Answers against reference answers: ROUGE by answer, BLEU and distinct-n of the set. Words in common, not quality. */
import { hashJson } from "../core/hash.js";
import { bleuCounts, bleuInterval } from "../stats/bleu.js";
import { distinctInterval } from "../stats/distinct.js";
import type { Estimate } from "../stats/intervals.js";
import { rouge } from "../stats/rouge.js";
import type { Completion } from "../text/chat-model.js";
import type { Verdict } from "../text/judge.js";
import { meanOfAnswers } from "./repeats.js";
import type { SampleRow, TextMetric } from "./results.js";

/** The metrics that each answer has a score of. */
export const ROUGES = ["rouge1", "rouge2", "rougeL"] as const;

/** F1 of each ROUGE as verdicts of kind metric; a failed answer has none. */
export function rougeVerdicts(
  { finishReason, response }: Pick<Completion, "finishReason" | "response">,
  reference: string,
): Record<string, Verdict> {
  const isError = finishReason === "error";
  const scores = rouge(response, reference);
  const verdictOf = (metric: (typeof ROUGES)[number]): Verdict => ({
    kind: "metric",
    label: null,
    score: isError ? null : scores[metric].fmeasure,
    status: isError ? "error" : "ok",
    judgeHash: hashJson({ metric, definition: "rouge-score 0.1, no stemmer" }),
  });
  return Object.fromEntries(ROUGES.map((metric) => [metric, verdictOf(metric)]));
}

/** An answer's ROUGE; null where it has none. */
export function rougeOf(row: SampleRow, metric: (typeof ROUGES)[number]): number | null {
  const verdict = row.verdicts[metric];
  return verdict?.status === "ok" ? verdict.score : null;
}

/**
 * All text metrics of a task's answers; those without an answer or a reference play no part.
 * @param references by prompt id
 */
export function textEstimates(
  samples: readonly SampleRow[],
  references: ReadonlyMap<string, string>,
  level: number,
): [TextMetric, Estimate][] {
  const answered = samples.filter(({ finishReason }) => finishReason !== "error").sort(byId);
  const counts = answered.flatMap(({ promptId, response }) => {
    const reference = references.get(promptId);
    return reference === undefined ? [] : [bleuCounts(response, reference)];
  });
  const texts = answered.map(({ response }) => response);
  const prompts = answered.map(({ promptId }) => promptId);
  const withReference = prompts.filter((promptId) => references.has(promptId));
  const mean = (metric: (typeof ROUGES)[number]): Estimate => {
    const { unscored: _, ...estimate } = meanOfAnswers(answered, (row) => rougeOf(row, metric), level);
    return estimate;
  };
  return [
    ["bleu", bleuInterval(counts, level, withReference)],
    ...ROUGES.map((metric): [TextMetric, Estimate] => [metric, mean(metric)]),
    ["distinct-1", distinctInterval(texts, 1, level, prompts)],
    ["distinct-2", distinctInterval(texts, 2, level, prompts)],
  ];
}

/** Answers arrive in any order; a sum of floating-point numbers must not depend on it. */
function byId(a: SampleRow, b: SampleRow): number {
  return a.id < b.id ? -1 : 1;
}
