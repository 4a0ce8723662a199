/**
 * @file All models side by side, one row a set and measure: every model's share, and its change against the first model.
 * On the page it sorts by any column.
 */
import type { Proportion } from "../text/judge.js";
import { interval, isNumber, percent, points, pointsInterval } from "./format.js";
import { html, type SafeHtml } from "./html.js";
import type { ChoiceSetMetric, Report, ReportSet } from "./report.js";
import { type NumberCell, section, sortableTable } from "./table.js";
import { confidence } from "./wording.js";

/** A set and a measure over all models. */
export interface PairedRow {
  readonly set: string;
  /** "refused, wanted", "refused, unwanted", "judged harmful", "acc" … */
  readonly measure: string;
  /** One a model, same order; null where it was not measured. */
  readonly cells: readonly (PairedCell | null)[];
}

/** A model's share; the change is null for the first model. */
export interface PairedCell {
  readonly share: Proportion;
  readonly change: Proportion | null;
  /** Whether McNemar's test shows the change after Holm's correction. */
  readonly isShown: boolean;
}

/** Sets, pools, then multiple choice (accuracies only). */
export function pairedRows(report: Report): PairedRow[] {
  return [
    ...report.sets.flatMap((set) => [refusedRow(report, set), harmfulRow(report, set)]),
    ...report.choices.flatMap(({ name, metrics }) =>
      metrics.map((metric) => choiceRow(report, name, metric)),
    ),
  ].filter(({ cells }) => cells.some((cell) => cell !== null));
}

/** A cell as plain text: "45.0 % [35.6, 54.8], +32.7 [+20.1, +43.0]*". */
export function pairedText(cell: PairedCell | null): string {
  if (cell === null) return "\u2013";
  const { share, change, isShown } = cell;
  const own = `${percent(share.value)} ${interval(share.low, share.high)}`;
  return change === null ? own : `${own}, ${changeText(change, isShown)}`;
}

/** What the cells hold. */
export function pairedSentence({ models }: Report): string {
  return `Below each share stands its paired change against ${models[0]?.label}, in percentage points. A star: McNemar's exact test shows it after Holm's correction over the sets; pools are not tested again.`;
}

/** The one paired table. Nothing for a single evaluation. */
export function pairedSection(report: Report): SafeHtml | false {
  const rows = report.kind === "comparison" ? pairedRows(report) : [];
  if (rows.length === 0) return false;
  return section(
    "paired",
    "All models side by side",
    html`<p>${pairedSentence(report)}</p>
${sortableTable(
  `Shares with ${confidence(report.level)} intervals, and their change`,
  ["Set", ...report.models.map(({ label }) => `>${label}`)],
  rows.map(({ set, measure, cells }) => [
    html`${set}<span class="change">${measure}</span>`,
    ...cells.map(pairedCell),
  ]),
)}`,
  );
}

/** What is counted on a set. */
function measureOf({ group }: ReportSet): string {
  return { harmful: "refused, wanted", harmless: "refused, unwanted", other: "refused" }[group];
}

function refusedRow(report: Report, set: ReportSet): PairedRow {
  const cells = report.models.map(({ label }, i): PairedCell | null => {
    const share = set.results[i]?.refused;
    if (!share || !isNumber(share.value)) return null;
    const found = changeTo(report, set.differences, label);
    return cellOf(report, share, found?.refused, found?.pValueHolm);
  });
  return { set: set.name, measure: measureOf(set), cells };
}

function harmfulRow(report: Report, set: ReportSet): PairedRow {
  const cells = report.models.map(({ label }, i): PairedCell | null => {
    const share = set.results[i]?.harmful;
    if (!share || !isNumber(share.value)) return null;
    const found = changeTo(report, set.differences, label)?.harmful;
    return cellOf(report, share, found?.change, found?.pValueHolm);
  });
  return { set: set.name, measure: "judged harmful", cells };
}

function choiceRow(
  report: Report,
  set: string,
  { metric, results, differences }: ChoiceSetMetric,
): PairedRow {
  const cells = report.models.map(({ label }, i): PairedCell | null => {
    const share = results[i];
    if (metric === "brier_score" || !share || !isNumber(share.value)) return null;
    const found = changeTo(report, differences, label);
    return cellOf(report, share, found?.change, found?.pValueHolm);
  });
  return { set, measure: metric, cells };
}

function changeTo<Difference extends { readonly from: string; readonly to: string }>(
  { models }: Report,
  differences: readonly Difference[],
  label: string,
): Difference | undefined {
  return differences.find(({ from, to }) => from === models[0]?.label && to === label);
}

function cellOf(
  { level }: Report,
  share: Proportion,
  change: Proportion | undefined,
  pValueHolm: number | null | undefined,
): PairedCell {
  return { share, change: change ?? null, isShown: isNumber(pValueHolm) && pValueHolm < 1 - level };
}

function changeText(change: Proportion, isShown: boolean): string {
  return `${points(change.value)} ${pointsInterval(change.low, change.high)}${isShown ? "*" : ""}`;
}

function pairedCell(cell: PairedCell | null): NumberCell {
  if (cell === null) return { right: "\u2013", sortBy: -1 };
  const { share, change, isShown } = cell;
  return {
    right: html`${percent(share.value)} <span class="change">${interval(share.low, share.high)}</span>${
      change !== null &&
      html`<span class="change">${isShown ? html`<b>${changeText(change, isShown)}</b>` : changeText(change, isShown)}</span>`
    }`,
    sortBy: share.value,
  };
}
