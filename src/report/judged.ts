/** @file What each judge says of each set, as rows of text that HTML, Markdown and the terminal share. */
import { count, interval, isNumber, percent, withInterval } from "./format.js";
import type { JudgedSet, Report } from "./report.js";
import { confidence } from "./wording.js";

/** Headings of {@link judgedRows}; those that begin with ">" are of numbers. @param level confidence in (0, 1) */
export function judgedHeadings(level: number): readonly string[] {
  return [
    "Set",
    "Judge",
    "Says",
    ">n",
    ">Share, or mean",
    `>${confidence(level)} interval`,
    ">Unscored",
    ">Range if unscored",
  ];
}

/** One row a set and judge; empty where only the refusal judge of the other tables took part. */
export function judgedRows({ judged }: Report): string[][] {
  return judged.map((row, i) => [row.set === judged[i - 1]?.set ? "" : row.set, ...cells(row)]);
}

function cells({ judge, metric, result, unscored, worstCase, bestCase }: JudgedSet): string[] {
  const isShare = metric !== "reward";
  const bounds = isNumber(worstCase) && isNumber(bestCase) ? [worstCase, bestCase].sort((a, b) => a - b) : [];
  const [value = "", between = ""] = isShare
    ? [percent(result.value), interval(result.low, result.high)]
    : withInterval(result, 3).split(/ (?=\[)/);
  return [
    judge,
    metric,
    count(result.n),
    value,
    between,
    count(unscored),
    isShare && unscored > 0 ? interval(bounds[0], bounds[1]) : "\u2013",
  ];
}
