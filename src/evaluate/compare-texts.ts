/** @file Overlap with reference answers compared: each model's numbers, and paired differences of ROUGE over the prompts. */
import { emptyEstimate } from "../stats/intervals.js";
import { pairedDifference } from "../stats/paired.js";
import type { ChoiceSide } from "./compare-choices.js";
import type { TextComparison, TextDifference } from "./comparison.js";
import type { EvaluationResults, EvaluationTask, TextMetric } from "./results.js";
import { ROUGES, rougeOf } from "./text-metrics.js";

const METRICS: readonly TextMetric[] = ["bleu", ...ROUGES, "distinct-1", "distinct-2"];

/**
 * Tasks without reference answers, and evaluations made before these metrics were, are passed over.
 * @param results one a side, same order
 */
export function compareTexts(
  tasks: readonly EvaluationTask[],
  results: readonly Pick<EvaluationResults, "tasks">[],
  pairs: readonly (readonly [ChoiceSide, ChoiceSide])[],
  level: number,
): TextComparison[] {
  return tasks.flatMap(({ name }) => {
    const rows = results.map((each) => each.tasks.filter((row) => row.name === name));
    const measured = METRICS.map((metric) => ({
      metric,
      results: rows.flatMap((list) => list.find((row) => row.metric === metric) ?? []),
    }));
    if (measured.some((each) => each.results.length < results.length)) return [];
    const differences = pairs.flatMap(([from, to]) =>
      ROUGES.map((metric) => rougeDifference(name, metric, from, to, level)),
    );
    return [{ task: name, metrics: measured, differences }];
  });
}

function rougeDifference(
  task: string,
  metric: TextDifference["metric"],
  from: ChoiceSide,
  to: ChoiceSide,
  level: number,
): TextDifference {
  const both = [...from.samples].flatMap(([key, row]) => {
    const twin = to.samples.get(key);
    if (row.task !== task || twin === undefined) return [];
    const [a, b] = [rougeOf(row, metric), rougeOf(twin, metric)];
    return a === null || b === null ? [] : [{ a, b }];
  });
  const [first, second] = [both.map(({ a }) => a), both.map(({ b }) => b)];
  const change =
    both.length === 0 ? emptyEstimate(level, "paired-t") : pairedDifference(first, second, level);
  return { from: from.label, to: to.label, metric, change };
}
