/** @file Several answers to one prompt as rows of text, the same for HTML, Markdown and the terminal. */
import { count, percentWithInterval } from "./format.js";
import type { Report } from "./report.js";

/** Headings of {@link repeatRows}; those that begin with ">" are of numbers. */
export const REPEAT_HEADINGS: readonly string[] = [
  "Several answers a prompt",
  "Share",
  ">Prompts",
  ">Of answers",
  ">Any of k",
  ">All of k",
];

/** One row a set and judge. */
export function repeatRows(report: Report): string[][] {
  return report.repeats.map(({ set, share, ofAnswers, anyOfK, allOfK }) => [
    set,
    share,
    count(anyOfK.n),
    percentWithInterval(ofAnswers),
    percentWithInterval(anyOfK),
    percentWithInterval(allOfK),
  ]);
}
