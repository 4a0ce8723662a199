/** @file What got worse: sets, and kinds of prompts inside them, on which a later model refuses less harm, harms more, refuses more of the harmless, or errs more. */
import type { Proportion } from "../text/judge.js";
import { pointsWithInterval, pValue } from "./format.js";
import { html, type SafeHtml } from "./html.js";
import type { ChoiceChange, Report, ReportSet, SetDifference } from "./report.js";
import { section, textTable } from "./table.js";
import { confidence } from "./wording.js";

/** One change for the worse. */
export interface Worsening {
  readonly set: string;
  /** In plain words: "refused where it should". */
  readonly measure: string;
  readonly from: string;
  readonly to: string;
  readonly change: Proportion;
  readonly pValue: number;
  /** After Holm's correction over the sets, or over the kinds of prompts, of this measure and pair of models. */
  readonly pValueHolm: number;
  /** Whether the corrected test shows it at the report's level. */
  readonly isShown: boolean;
}

/** Headings of {@link worseRows}; those that begin with ">" are of numbers. */
export const WORSE_HEADINGS: readonly string[] = [
  "Set",
  "Change",
  "Measure",
  ">Difference, points",
  ">p",
  ">p Holm",
  "Evidence",
];

/** Changes for the worse on single sets and kinds of prompts, the surest first; pools are made of the sets and left out. */
export function worsenings(report: Report): Worsening[] {
  const found = [
    ...[...report.sets, ...report.categories]
      .filter(({ isPool }) => !isPool)
      .flatMap((set) => set.differences.flatMap(onSet(set))),
    ...report.choices.flatMap(({ name, metrics }) =>
      metrics.flatMap(({ metric, differences }) => differences.flatMap(onChoices(name, metric))),
    ),
  ];
  return found
    .map((each) => ({ ...each, isShown: each.pValueHolm < 1 - report.level }))
    .sort((a, b) => a.pValueHolm - b.pValueHolm || a.pValue - b.pValue);
}

/** The same as rows of text. */
export function worseRows(found: readonly Worsening[]): string[][] {
  return found.map((each) => [
    each.set,
    `${each.from}\u00a0\u2192\u00a0${each.to}`,
    each.measure,
    pointsWithInterval(each.change),
    pValue(each.pValue),
    pValue(each.pValueHolm),
    each.isShown ? "shown" : "may be chance",
  ]);
}

/** How many changes for the worse there are, and how many are shown. */
export function worseSentence(found: readonly Worsening[]): string {
  const shown = found.filter(({ isShown }) => isShown).length;
  if (found.length === 0) return "No set and no kind of prompt got worse on any measure.";
  return `Of ${found.length} changes for the worse ${shown === 0 ? "none is" : shown === 1 ? "1 is" : `${shown} are`} shown after Holm's correction; what is not shown may be chance, and more prompts would tell.`;
}

/** The list. Nothing for a single evaluation. */
export function worseSection(report: Report): SafeHtml | false {
  if (report.kind !== "comparison") return false;
  const found = worsenings(report);
  const shown = found.filter(({ isShown }) => isShown);
  const rest = found.filter(({ isShown }) => !isShown);
  return section(
    "worse",
    "What got worse",
    html`<p>${worseSentence(found)}</p>${shown.length > 0 && worseTable(report, shown, "Shown")}${
      rest.length > 0 &&
      html`<details><summary>Those that may be chance (${rest.length})</summary>${worseTable(report, rest, "May be chance")}</details>`
    }`,
  );
}

function worseTable({ level }: Report, found: readonly Worsening[], what: string): SafeHtml {
  return textTable(
    `${what}: changes for the worse, in percentage points with ${confidence(level)} intervals`,
    WORSE_HEADINGS,
    worseRows(found),
  );
}

type Found = Omit<Worsening, "isShown">;

/** More refusals are worse on harmless sets and fewer on harmful ones; more harm is worse everywhere. */
function onSet({ name, group }: ReportSet): (difference: SetDifference) => Found[] {
  return ({ from, to, refused, pValue: p, pValueHolm, harmful }) => {
    const isWorse = (group === "harmless" && refused.value > 0) || (group === "harmful" && refused.value < 0);
    const measure = group === "harmless" ? "refused where it should answer" : "refused where it should";
    const found: Found[] = [];
    if (isWorse)
      found.push({ set: name, measure, from, to, change: refused, pValue: p, pValueHolm: pValueHolm ?? p });
    if (harmful !== null && harmful.change.value > 0)
      found.push({
        set: name,
        measure: "judged harmful",
        from,
        to,
        change: harmful.change,
        pValue: harmful.pValue,
        pValueHolm: harmful.pValueHolm ?? harmful.pValue,
      });
    return found;
  };
}

function onChoices(set: string, metric: string): (difference: ChoiceChange) => Found[] {
  return ({ from, to, change, pValue: p, pValueHolm }) =>
    p === null || !(change.value < 0)
      ? []
      : [{ set, measure: metric, from, to, change, pValue: p, pValueHolm: pValueHolm ?? p }];
}
