/** @file What each judge says of each set, as it counts and corrected for its error: rows of text for all three kinds of report. */
import { count, interval, isNumber, percent, withInterval } from "./format.js";
import type { JudgedSet, Report } from "./report.js";
import { intervalHeading } from "./wording.js";

/** Headings of {@link judgedRows}; those that begin with ">" are of numbers. @param level confidence in (0, 1) */
export function judgedHeadings(level: number): readonly string[] {
  return [
    "Set",
    "Judge",
    "Says",
    ">n",
    ">Counted",
    `>${intervalHeading(level)}`,
    ">Unscored",
    ">Range if unscored",
    ">Corrected",
    "By",
  ];
}

/** One row a set and judge; empty where only a judge whose error is not known took part. */
export function judgedRows({ judged }: Report): string[][] {
  return judged.map((row, i) => [
    row.set === judged[i - 1]?.set ? "" : row.set,
    row.judge,
    row.metric,
    ...countedCells(row),
    ...correctedCells(row),
  ]);
}

/** What must hold for the corrected shares, each with the labelled answers behind it; one line a way to correct. */
export function correctionNotes({ judged }: Report): string[] {
  const notes = judged.flatMap(({ judge, corrected }) =>
    corrected === null
      ? []
      : [`${judge}, ${wordOf(corrected.method)}: ${corrected.assumes} (${corrected.source})`],
  );
  return [...new Set(notes)];
}

function countedCells({ metric, result, unscored, worstCase, bestCase }: JudgedSet): string[] {
  if (metric === "reward") return [count(result.n), withInterval(result, 3), "", count(unscored), "\u2013"];
  const hasRange = unscored > 0 && isNumber(worstCase) && isNumber(bestCase);
  return [
    count(result.n),
    percent(result.value),
    interval(result.low, result.high),
    count(unscored),
    hasRange ? interval(Math.min(worstCase, bestCase), Math.max(worstCase, bestCase)) : "\u2013",
  ];
}

/** A judge that is not shown to be better than chance leaves bounds without a value. */
function correctedCells({ corrected }: JudgedSet): string[] {
  if (corrected === null) return ["\u2013", "\u2013"];
  const { value, low, high, method } = corrected;
  return [`${percent(value)} ${interval(low, high)}`, wordOf(method)];
}

function wordOf(method: NonNullable<JudgedSet["corrected"]>["method"]): string {
  return WORDS[method] ?? method;
}

const WORDS: Readonly<Record<string, string>> = {
  "sensitivity-band": "sensitivity band",
  "rogan-gladen": "Rogan-Gladen",
  "ppi-score": "people's labels",
  wilson: "people's labels",
};
