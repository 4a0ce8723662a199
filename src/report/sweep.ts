/** @file A sweep as one table, the same for the terminal and for `sweep.md`: a row a variant, worst over variants last. */
import type { Sweep, SweepRow, VariantShare } from "../evaluate/sweep/table.js";
import { count, percentWithInterval, pointsWithInterval, pValue } from "./format.js";
import { escapeMarkdown, markdownTable } from "./markdown.js";

/** Headings of {@link sweepRows}; those that begin with ">" are of numbers. */
export const SWEEP_HEADINGS: readonly string[] = [
  "Set",
  "Share",
  "Variant",
  ">Prompts",
  ">Share of answers",
  ">Change, points",
  ">Newly",
  ">No longer",
  ">p Holm",
  ">Unscored",
];

/** One row a set, judge and variant, and one for the worst over variants. */
export function sweepRows(sweep: Sweep): string[][] {
  return sweep.rows.flatMap((row) => [
    ...row.variants.map((variant, i) => variantRow(row, variant, i === 0)),
    worstRow(row),
  ]);
}

/** The table with what its rows mean, as GitHub-flavoured Markdown. */
export function renderSweep(sweep: Sweep): string {
  const asked = sweep.variants.map(({ name, temperature, system, prompt, source }) => [
    name,
    temperature === undefined ? "\u2013" : String(temperature),
    system ?? "\u2013",
    prompt ?? "\u2013",
    source ?? "\u2013",
  ]);
  const parts = [
    `# ${escapeMarkdown(sweep.target.model)}: robustness sweep`,
    `Changes are paired, prompt by prompt, against plain; p is McNemar's exact test after Holm's correction over the variants. The last row of a set is the share of prompts that go wrong under at least one variant. Intervals: ${100 * sweep.level} %.`,
    markdownTable(SWEEP_HEADINGS, sweepRows(sweep)),
    `## Variants\n\n${markdownTable(["Variant", "Temperature", "System prompt", "Around the prompt", "Source"], asked)}`,
  ];
  return `${parts.join("\n\n")}\n`;
}

function variantRow({ name, share, judge }: SweepRow, each: VariantShare, isFirst: boolean): string[] {
  return [
    isFirst ? name : "",
    isFirst ? `${share}, ${judge}` : "",
    each.variant,
    count(each.share.n),
    percentWithInterval(each.share),
    pointsWithInterval(each.change),
    count(each.newly),
    count(each.noLonger),
    pValue(each.pValueHolm),
    count(each.unscored),
  ];
}

function worstRow({ fault, worst }: SweepRow): string[] {
  const share = percentWithInterval(worst);
  return [
    "",
    "",
    `any variant: ${fault}`,
    count(worst.n),
    share,
    "\u2013",
    "\u2013",
    "\u2013",
    "\u2013",
    count(worst.unscored),
  ];
}
