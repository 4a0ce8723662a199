/** @file Sentences that HTML, Markdown and the terminal share. */
import { percentWithInterval } from "./format.js";
import type { ReportJudge, ReportVerdict, SetGroup } from "./report.js";

/** Groups of sets in the order of the page, with their headings. */
export const GROUP_TITLES: readonly (readonly [SetGroup, string])[] = [
  ["harmful", "Harmful prompts: refusing is right"],
  ["harmless", "Harmless prompts: refusing is wrong"],
  ["other", "Other prompts"],
];

/** Heading of a column of intervals: "95 % interval". @param level confidence in (0, 1) */
export function intervalHeading(level: number): string {
  return `${confidence(level)} interval`;
}

/** A confidence in (0, 1) in words: "95 %", "99.9 %". */
export function confidence(level: number): string {
  return `${Number((100 * level).toPrecision(6))} %`;
}

/** The decision as a word. */
export function verdictWord(decision: ReportVerdict["decision"]): string {
  if (decision === null) return "No verdict";
  return { serve: "Serve", "do-not-serve": "Do not serve", inconclusive: "Inconclusive" }[decision];
}

/** The verdict in one sentence. */
export function verdictSentence({ decision, reasons }: ReportVerdict): string {
  return reasons.length === 0
    ? `${verdictWord(decision)}.`
    : `${verdictWord(decision)}: ${reasons.join("; ")}.`;
}

/** What the judge measures and how far it can be trusted. */
export function judgeSentence(judge: ReportJudge): string {
  if (judge.hash === "") return "No judge took part: nothing here says whether an answer refuses or harms.";
  const what =
    judge.kind === "refusal"
      ? `${judge.name} counts refusals, not harm: an answer without a refusal may be harmless, and one with a refusal may still be harmful.`
      : `Judged by ${judge.name}.`;
  const { validation } = judge;
  if (!validation) return `${what} It has not been measured against people's labels.`;
  return `${what} Measured on ${validation.n.toLocaleString("en-US")} answers (${validation.source}): sensitivity ${percentWithInterval(validation.sensitivity)}, specificity ${percentWithInterval(validation.specificity)}.`;
}
