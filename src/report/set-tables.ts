/** @file The tables of sets: what every model did on each, and how that changed, prompt by prompt. */
import { modelKey, setName } from "./cells.js";
import {
  count,
  interval,
  percent,
  percentWithInterval,
  points,
  pointsInterval,
  pointsWithInterval,
  pValue,
  withInterval,
} from "./format.js";
import { type HtmlPart, html, type SafeHtml } from "./html.js";
import type { Report, ReportSet, SetDifference, SetResult } from "./report.js";
import { changeToken, type Flip } from "./report.js";
import { type NumberCell, right, section, type TableRow, table, withoutRepeats } from "./table.js";
import { confidence, intervalHeading } from "./wording.js";

/** Refusals of every set and model. */
export function resultsSection(report: Report): SafeHtml | false {
  if (report.sets.length === 0) return false;
  const headings = [
    ">n",
    ">Refused",
    `>${intervalHeading(report.level)}`,
    ">Refusals",
    ">Objections",
    ">Unscored",
    ">Range if unscored",
  ];
  return section(
    "results",
    "All results",
    html`${table(
      "Refused or objected, by set and model",
      ["Set", "Model", ...headings],
      rowsOf(report, (_, result) => refusalCells(result)),
    )}${
      report.kind === "comparison" &&
      report.sets.some(({ results }) => results.some((result) => result?.harmful)) &&
      table(
        "Judged harmful, by set and model",
        [
          "Set",
          "Model",
          ">n",
          ">Harmful",
          `>${intervalHeading(report.level)}`,
          ">Unscored",
          ">Range if unscored",
        ],
        rowsOf(report, (_, result) => harmCells(result)),
      )
    }${table(
      `Repetition loops, answers cut at the token limit, and length of an answer in tokens, with ${confidence(report.level)} intervals`,
      ["Set", "Model", ">Loops", ">Cut", ">Tokens an answer"],
      rowsOf(report, (_, result) => [
        right(percentWithInterval(result.loops)),
        right(percentWithInterval(result.truncated)),
        right(withInterval(result.responseTokens)),
      ]),
    )}`,
  );
}

/** Paired differences with McNemar's test. */
export function differencesSection(report: Report): SafeHtml | false {
  const rows = report.sets.flatMap((set) =>
    withoutRepeats(set.differences.map((difference) => differenceRow(report, set, difference))),
  );
  if (rows.length === 0) return false;
  const harmRows = report.sets.flatMap((set) =>
    withoutRepeats(set.differences.flatMap((d) => harmRow(set, d))),
  );
  return section(
    "differences",
    "What changed, prompt by prompt",
    html`${table(
      "Paired differences of the shares refused and looping, in percentage points",
      [
        "Set",
        "Change",
        ">n",
        ">Refused",
        `>${intervalHeading(report.level)}`,
        ">b newly refused",
        ">c no longer",
        ">p",
        ">p Holm",
        ">Range if unscored",
        ">Loops",
      ],
      rows,
    )}${
      harmRows.length > 0 &&
      table(
        "Paired differences of the share judged harmful, in percentage points",
        [
          "Set",
          "Change",
          ">n",
          ">Harmful",
          `>${intervalHeading(report.level)}`,
          ">Newly harmful",
          ">No longer",
          ">p",
          ">p Holm",
          ">Range if unscored",
        ],
        harmRows,
      )
    }`,
  );
}

function rowsOf(report: Report, cells: (set: ReportSet, result: SetResult) => NumberCell[]): TableRow[] {
  return report.sets.flatMap((set) =>
    withoutRepeats(
      report.models.flatMap((model, i) => {
        const result = set.results[i];
        return result ? [[setName(set), modelKey(model, i), ...cells(set, result)]] : [];
      }),
    ),
  );
}

function refusalCells(result: SetResult): NumberCell[] {
  const { refused, unscored, worstCase, bestCase } = result;
  const bounds = [worstCase ?? Number.NaN, bestCase ?? Number.NaN];
  const range = unscored === 0 ? "\u2013" : interval(Math.min(...bounds), Math.max(...bounds));
  return [
    ...[count(refused?.n), percent(refused?.value), interval(refused?.low, refused?.high)].map(right),
    ...[count(result.refusals), count(result.objections), count(unscored), range].map(right),
  ];
}

function harmCells({ harmful }: SetResult): NumberCell[] {
  const cells = [count(harmful?.n), percent(harmful?.value), interval(harmful?.low, harmful?.high)];
  const range = harmful && harmful.unscored > 0 ? interval(harmful.bestCase, harmful.worstCase) : "\u2013";
  return [...cells, count(harmful?.unscored), range].map(right);
}

function differenceRow(report: Report, set: ReportSet, d: SetDifference): TableRow {
  return [
    setName(set),
    `${d.from}\u00a0\u2192\u00a0${d.to}`,
    right(count(d.refused.n)),
    right(points(d.refused.value)),
    right(pointsInterval(d.refused.low, d.refused.high)),
    right(flipCount(report, set, d, "newly-refused")),
    right(flipCount(report, set, d, "newly-answered")),
    right(pValue(d.pValue)),
    right(pValue(d.pValueHolm)),
    unscoredRange(d),
    right(pointsWithInterval(d.loops)),
  ];
}

function harmRow(set: ReportSet, { from, to, harmful }: SetDifference): TableRow[] {
  if (harmful === null) return [];
  const { change, newlyHarmful, noLongerHarmful } = harmful;
  const cells = [
    ...[count(change.n), points(change.value), pointsInterval(change.low, change.high)],
    ...[count(newlyHarmful), count(noLongerHarmful), pValue(harmful.pValue), pValue(harmful.pValueHolm)],
  ];
  return [[setName(set), `${from}\u00a0\u2192\u00a0${to}`, ...cells.map(right), unscoredRange(harmful)]];
}

/** What prompts without a verdict could make of the difference, and how many they are. */
function unscoredRange({
  unscored,
  lowest,
  highest,
}: Pick<SetDifference, "unscored" | "lowest" | "highest">): NumberCell {
  return right(unscored === 0 ? "\u2013" : `${pointsInterval(lowest, highest)} (${count(unscored)})`);
}

/** The count, as a button that shows those prompts where the page holds them and scripts run. */
function flipCount(report: Report, set: ReportSet, d: SetDifference, direction: Flip["direction"]): HtmlPart {
  const n = direction === "newly-refused" ? d.newlyRefused : d.noLongerRefused;
  if (n === 0 || set.isPool || report.answers.length === 0) return count(n);
  const words = direction === "newly-refused" ? "newly refused" : "no longer refused";
  return html`<button type="button" class="link" data-show="${changeToken(report, d.from, d.to, direction)}" data-set="${set.name}" title="Show them" aria-label="${n} ${words} on ${set.name}, ${d.from} to ${d.to}: show">${count(n)}</button>`;
}
