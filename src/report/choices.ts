/** @file Multiple choice as rows of text, the same for HTML, Markdown and the terminal. */
import {
  count,
  interval,
  nats,
  natsInterval,
  percent,
  percentWithInterval,
  points,
  pointsInterval,
  pValue,
  withInterval,
} from "./format.js";
import type { ChoiceChange, ChoiceSet, ChoiceSetMetric, Report } from "./report.js";
import { intervalHeading } from "./wording.js";

type Metric = ChoiceSetMetric["metric"];

/** Headings of {@link choiceRows}; those that begin with ">" are of numbers. */
export function choiceHeadings(level: number): string[] {
  return [
    "Multiple choice",
    "Model",
    ">n",
    ">acc",
    `>${intervalHeading(level)}`,
    ">acc_norm",
    ">acc_bytes",
    ">Brier",
    ">Unscored",
  ];
}

/** One row a task and model. */
export function choiceRows(report: Report): string[][] {
  return report.choices.flatMap((set) =>
    report.models.map(({ label }, model) => [
      model === 0 ? set.name : "",
      label,
      count(resultOf(set, "acc", model)?.n),
      percent(resultOf(set, "acc", model)?.value),
      interval(resultOf(set, "acc", model)?.low, resultOf(set, "acc", model)?.high),
      percentWithInterval(resultOf(set, "acc_norm", model)),
      percentWithInterval(resultOf(set, "acc_bytes", model)),
      withInterval(resultOf(set, "brier_score", model), 3),
      count(resultOf(set, "acc", model)?.unscored),
    ]),
  );
}

/** Headings of {@link choiceChangeRows}. */
export function choiceChangeHeadings(level: number): string[] {
  return [
    "Multiple choice",
    "Change",
    "Metric",
    ">n",
    ">Difference",
    `>${intervalHeading(level)}`,
    ">Newly right",
    ">Newly wrong",
    ">p",
    ">p Holm",
  ];
}

/** One row a task, pair of models and metric; empty for one evaluation. */
export function choiceChangeRows(report: Report): string[][] {
  return report.choices.flatMap(({ name, metrics }) => {
    const rows = metrics.flatMap(({ metric, differences }) => differences.map((d) => changeRow(metric, d)));
    return rows.map((row, i) => [i === 0 ? name : "", ...row]);
  });
}

function changeRow(metric: Metric, difference: ChoiceChange): string[] {
  const { from, to, change, newlyRight, newlyWrong } = difference;
  const isShare = metric !== "brier_score";
  return [
    `${from} \u2192 ${to}`,
    metric,
    count(change.n),
    isShare ? points(change.value) : nats(change.value, true),
    isShare ? pointsInterval(change.low, change.high) : natsInterval(change.low, change.high),
    count(newlyRight),
    count(newlyWrong),
    pValue(difference.pValue),
    pValue(difference.pValueHolm),
  ];
}

function resultOf(
  { metrics }: ChoiceSet,
  metric: Metric,
  model: number,
): ChoiceSetMetric["results"][number] | undefined {
  return metrics.find((each) => each.metric === metric)?.results[model];
}
