/** @file Likeness to reference answers compared: each model's numbers, and paired differences of ROUGE and BERTScore over the prompts. */
import { emptyEstimate, mean } from "../stats/intervals.js";
import { pairedDifference } from "../stats/paired.js";
import { type BertScores, f1Of } from "./bert-scores.js";
import type { AnswerSide } from "./compare-tasks.js";
import type { TextComparison, TextDifference } from "./comparison.js";
import type { EvaluationResults, EvaluationTask, SampleRow, TextMetric } from "./results.js";
import { ROUGES, rougeOf } from "./text-metrics.js";

const METRICS: readonly TextMetric[] = ["bleu", ...ROUGES, "distinct-1", "distinct-2"];
const BERT_SCORE = "bertscore-f1";

/** One model's answers with their BERTScores, empty where none are to be compared. */
export interface TextSide extends AnswerSide {
  readonly bertScores: BertScores;
}

/**
 * Tasks without reference answers, and evaluations made before these metrics were, are passed over; BERTScore is compared
 * where all evaluations have it by the same encoder.
 * @param results one a side, same order
 */
export function compareTexts(
  tasks: readonly EvaluationTask[],
  results: readonly Pick<EvaluationResults, "tasks" | "hashes">[],
  pairs: readonly (readonly [TextSide, TextSide])[],
  level: number,
): TextComparison[] {
  const hasBertScores = haveSameEncoder(results);
  return tasks.flatMap(({ name }) => {
    const rows = results.map((each) => each.tasks.filter((row) => row.name === name));
    const measure = <Metric extends TextMetric | typeof BERT_SCORE>(metric: Metric) => ({
      metric,
      results: rows.flatMap((list) => list.find((row) => row.metric === metric) ?? []),
    });
    const measured = METRICS.map(measure);
    if (measured.some((each) => each.results.length < results.length)) return [];
    const bertScore = hasBertScores ? [measure(BERT_SCORE)] : [];
    const more = bertScore.filter((each) => each.results.length === results.length);
    const compared = [...ROUGES, ...more.map(({ metric }) => metric)];
    const differences = pairs.flatMap(([from, to]) =>
      compared.map((metric) => differenceOf(name, metric, from, to, level)),
    );
    return [{ task: name, metrics: [...measured, ...more], differences }];
  });
}

function haveSameEncoder(results: readonly Pick<EvaluationResults, "hashes">[]): boolean {
  const [first, ...others] = results.map(({ hashes }) => hashes.bertScore);
  return first !== undefined && others.every((hash) => hash === first);
}

function differenceOf(
  task: string,
  metric: TextDifference["metric"],
  from: TextSide,
  to: TextSide,
  level: number,
): TextDifference {
  const both = [...from.answers].flatMap(([key, rows]) => {
    const twins = to.answers.get(key);
    if (rows[0]?.task !== task || twins === undefined) return [];
    const [a, b] = [meanOf(rows, metric, from), meanOf(twins, metric, to)];
    return a === null || b === null ? [] : [{ a, b }];
  });
  const [first, second] = [both.map(({ a }) => a), both.map(({ b }) => b)];
  const change =
    both.length === 0 ? emptyEstimate(level, "paired-t") : pairedDifference(first, second, level);
  return { from: from.label, to: to.label, metric, change };
}

/** Mean over a prompt's answers that have a score; null where none has. */
function meanOf(
  rows: readonly SampleRow[],
  metric: TextDifference["metric"],
  { bertScores }: TextSide,
): number | null {
  const scores = rows.flatMap(
    (row) => (metric === BERT_SCORE ? f1Of(bertScores.get(row.id)) : rougeOf(row, metric)) ?? [],
  );
  return scores.length === 0 ? null : mean(scores);
}
