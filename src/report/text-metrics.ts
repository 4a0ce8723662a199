/** @file Answers against reference answers as rows of text, the same for HTML, Markdown and the terminal. */
import { count, natsChange, withInterval } from "./format.js";
import type { Report, TextSet } from "./report.js";

/** Headings of {@link textRows}; those that begin with ">" are of numbers. */
export const TEXT_HEADINGS: readonly string[] = [
  "Against references",
  "Model",
  ">n",
  ">BLEU",
  ">ROUGE-1",
  ">ROUGE-2",
  ">ROUGE-L",
  ">Change of ROUGE-L",
  ">distinct-1",
  ">distinct-2",
  ">BERTScore",
  ">Change of BERTScore",
];

/** One row a task and model. The changes are the paired ones against the first model. */
export function textRows(report: Report): string[][] {
  return report.texts.flatMap((set) =>
    report.models.map(({ label }, model) => [
      model === 0 ? set.name : "",
      label,
      count(resultOf(set, "rougeL", model)?.n),
      withInterval(resultOf(set, "bleu", model)),
      withInterval(resultOf(set, "rouge1", model), 3),
      withInterval(resultOf(set, "rouge2", model), 3),
      withInterval(resultOf(set, "rougeL", model), 3),
      natsChange(set.changes[model]),
      withInterval(resultOf(set, "distinct-1", model), 3),
      withInterval(resultOf(set, "distinct-2", model), 3),
      withInterval(resultOf(set, "bertscore-f1", model), 3),
      natsChange(set.bertChanges[model]),
    ]),
  );
}

type Metric = TextSet["metrics"][number]["metric"];

function resultOf(
  { metrics }: TextSet,
  metric: Metric,
  model: number,
): TextSet["metrics"][number]["results"][number] | undefined {
  return metrics.find((each) => each.metric === metric)?.results[model];
}
