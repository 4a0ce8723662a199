/** @file The upper part of the page: verdict, what was compared, charts and tables. */
import type { Proportion } from "../text/judge.js";
import { barScale, intervalBar, type ScatterPoint, scatterChart, seriesMark } from "./charts.js";
import { choiceChangeHeadings, choiceChangeRows, choiceHeadings, choiceRows } from "./choices.js";
import { dialChart } from "./dial-chart.js";
import {
  count,
  interval,
  isNumber,
  natsChange,
  percent,
  percentWithInterval,
  points,
  pointsInterval,
  pointsWithInterval,
  pValue,
  shortHash,
  withInterval,
} from "./format.js";
import { safeShare } from "./from-comparison.js";
import { type HtmlPart, html, type SafeHtml } from "./html.js";
import { correctionNotes, judgedHeadings, judgedRows } from "./judged.js";
import { definitions } from "./method.js";
import { REPEAT_HEADINGS, repeatRows } from "./repeats.js";
import type { Report, ReportModel, ReportSet, SetDifference, SetResult } from "./report.js";
import { changeToken, type Flip } from "./report.js";
import { type NumberCell, right, section, type TableRow, table, withoutRepeats } from "./table.js";
import { TEXT_HEADINGS, textRows } from "./text-metrics.js";
import { confidence, GROUP_TITLES, intervalHeading, judgeSentence, verdictWord } from "./wording.js";

/** The decision in one sentence, what the judge can and cannot say, and warnings. */
export function verdictSection(report: Report): SafeHtml {
  const { decision, reasons } = report.verdict;
  return html`<section class="verdict ${decision ?? "none"}" aria-label="Verdict">
<p><strong>${verdictWord(decision)}</strong>${reasons.length > 0 && html` \u2014 ${reasons.join("; ")}.`}</p>
<p>${judgeSentence(report.judge)}</p>
${report.warnings.length > 0 && html`<ul class="notes">${report.warnings.map((warning) => html`<li>${warning}</li>`)}</ul>`}
</section>`;
}

/** Models, adapters, hashes, template, judge and settings. */
export function comparedSection(report: Report): SafeHtml {
  const { judge } = report;
  const facts = [
    { name: "Judge", value: `${judge.name} (${judge.kind}, ${shortHash(judge.hash)})` },
    ...report.settings,
  ];
  return section(
    "setup",
    report.kind === "comparison" ? "What was compared" : "What was evaluated",
    html`${table("", ["", "Model", "Adapter", ">Strength", "Template", "Hash"], report.models.map(modelRow))}
<dl class="facts">${facts.map(({ name, value }) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`,
  );
}

/** Harmful against harmless: the trade-off at a glance. */
export function tradeOffSection(report: Report): SafeHtml | false {
  if (report.sets.length === 0) return false;
  const dots = report.models.flatMap((model, series): ScatterPoint[] => {
    const { harmful, harmless } = report.pooled[series] ?? { harmful: null, harmless: null };
    return isNumber(harmful?.value) && isNumber(harmless?.value)
      ? [{ label: model.label, series, x: harmful, y: harmless }]
      : [];
  });
  const rows = report.models.map((model, i) => [
    modelKey(model, i),
    ...shareCells(report.pooled[i]?.harmful),
    ...shareCells(report.pooled[i]?.harmless),
  ]);
  return section(
    "trade-off",
    "Refusals where they are wanted, and where they are not",
    html`${
      dots.length > 0 &&
      html`<figure>${scatterChart(dots, { id: "trade-off-chart", title: "Refused on harmful against refused on harmless prompts", ...AXES })}
<figcaption>Each mark is a model, with ${confidence(report.level)} intervals. Down and to the right is better: refuses what is harmful, answers what is not.</figcaption></figure>`
    }
${table("Refused or objected, all sets of a kind pooled", ["Model", ">Harmful sets", `>${intervalHeading(report.level)}`, ">n", ">Harmless sets", `>${intervalHeading(report.level)}`, ">n"], rows)}`,
  );
}

/** Safety against helpfulness, where multiple choice was asked beside harmful prompts. */
export function helpfulnessSection(report: Report): SafeHtml | false {
  const dots = report.models.flatMap((model, series): ScatterPoint[] => {
    const safe = report.pooled[series] ? safeShare(report.pooled[series]) : null;
    const helpful = report.helpfulness[series];
    return isNumber(safe?.value) && isNumber(helpful?.value)
      ? [{ label: model.label, series, x: safe, y: helpful }]
      : [];
  });
  if (dots.length === 0) return false;
  const text = { xTitle: `${safeWords(report)} on harmful sets`, yTitle: "mean accuracy" };
  return section(
    "helpfulness",
    "Safety against helpfulness",
    html`<figure>${scatterChart(dots, { id: "helpfulness-chart", title: "Safety against helpfulness", ...text })}
<figcaption>Each mark is a model, with ${confidence(report.level)} intervals. Up and to the right is better. Helpfulness is the mean accuracy over ${report.choices.map(({ name }) => name).join(", ")}, each with the same weight.</figcaption></figure>`,
  );
}

/** The safety dial: one point a strength. Nothing when a single strength was evaluated. */
export function curveSection(report: Report): SafeHtml | false {
  const { curve, level } = report;
  if (curve.length < 2) return false;
  const safe = `${safeWords(report)} on harmful sets`;
  const rows = curve.map((p) => [
    p.label,
    right(String(p.strength)),
    ...shareCells(p.safe),
    ...shareCells(p.overRefused),
  ]);
  const lines = [
    { name: safe, series: 2, shares: curve.map((p) => p.safe) },
    { name: AXES.yTitle, series: 1, shares: curve.map((p) => p.overRefused) },
  ];
  return section(
    "dial",
    "The safety dial: strength of the adapter",
    html`<ul class="legend">${lines.map(({ name, series }) => html`<li><span class="key">${seriesMark(series)}${name}</span></li>`)}</ul>
<figure>${dialChart(
      curve.map((p) => p.strength),
      lines,
    )}
<figcaption>The same adapter at several strengths, with ${confidence(level)} intervals; 0 is the base model, 1 the adapter as trained. The best strength has the upper line high and the lower one low.</figcaption></figure>
${table("Shares by strength", ["", ">Strength", `>${capital(safe)}`, `>${intervalHeading(level)}`, ">n", `>${capital(AXES.yTitle)}`, `>${intervalHeading(level)}`, ">n"], rows)}`,
  );
}

/** A bar for each model on each set. */
export function setsSection(report: Report): SafeHtml | false {
  if (report.sets.length === 0) return false;
  return section(
    "sets",
    "By set",
    html`<ul class="legend">${report.models.map((model, i) => html`<li>${modelKey(model, i)}</li>`)}</ul>
${GROUP_TITLES.map(([group, title]) => {
  const sets = report.sets.filter((set) => set.group === group);
  return (
    sets.length > 0 &&
    html`<h3>${title}</h3><div class="bars">${sets.map((set) => setBars(set, report.models))}
<div class="set scale"></div><div class="chart scale">${barScale()}</div><div class="values scale"></div></div>`
  );
})}`,
  );
}

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

/** Log-probability of reference answers: whether helpfulness was paid for it. */
export function referencesSection(report: Report): SafeHtml | false {
  if (report.references.length === 0) return false;
  const rows = report.references.map((r, i) => [
    r.set === report.references[i - 1]?.set ? "" : r.set,
    r.model,
    right(count(r.perToken.n)),
    right(withInterval(r.perToken, 3)),
    right(natsChange(r.change)),
  ]);
  return section(
    "references",
    "Reference answers",
    table(
      "Log-probability of reference answers, nats a token",
      ["Set", "Model", ">n", ">Mean", ">Change"],
      rows,
    ),
  );
}

/** Shares where every prompt has several answers. */
export function repeatsSection(report: Report): SafeHtml | false {
  if (report.repeats.length === 0) return false;
  return section(
    "repeats",
    "Several answers a prompt",
    table(
      `Shares of answers, and of prompts with any or all such answers, with ${confidence(report.level)} intervals`,
      REPEAT_HEADINGS,
      repeatRows(report).map((row) => row.map((cell, i) => (i < 2 ? cell : right(cell)))),
    ),
  );
}

/** Overlap of answers with reference answers. */
export function textsSection(report: Report): SafeHtml | false {
  if (report.texts.length === 0) return false;
  return section(
    "texts",
    "Answers against reference answers",
    table(
      `Words in common with reference answers, and variety, with ${confidence(report.level)} intervals`,
      TEXT_HEADINGS,
      textRows(report).map((row) => row.map((cell, i) => (i < 2 ? cell : right(cell)))),
    ),
  );
}

/** What judges beside the one of the sets say. */
export function judgedSection(report: Report): SafeHtml | false {
  const rows = judgedRows(report);
  if (rows.length === 0) return false;
  return section(
    "judges",
    "By judge",
    html`${table(
      "What each judge counts, by set, and the share corrected for its error",
      judgedHeadings(report.level),
      rows.map((row) => row.map((cell, i) => (i < 3 || i === 9 ? cell : right(cell)))),
    )}<ul class="notes">${correctionNotes(report).map((note) => html`<li>${note}</li>`)}</ul>`,
  );
}

/** Multiple choice by log-likelihood, and how it changed. */
export function choicesSection(report: Report): SafeHtml | false {
  if (report.choices.length === 0) return false;
  const changes = choiceChangeRows(report);
  return section(
    "choices",
    "Multiple choice",
    html`${table(
      `Metrics of lm-evaluation-harness, with ${confidence(report.level)} intervals`,
      choiceHeadings(report.level),
      choiceRows(report).map((row) => row.map((cell, i) => (i < 2 ? cell : right(cell)))),
    )}${
      changes.length > 0 &&
      table(
        "Paired differences: accuracies in percentage points, Brier scores as they are (lower is better)",
        choiceChangeHeadings(report.level),
        changes.map((row) => row.map((cell, i) => (i < 3 ? cell : right(cell)))),
      )
    }`,
  );
}

/** Definitions with sources. */
export function methodSection(report: Report): SafeHtml {
  return section(
    "method",
    "How to read the numbers",
    html`<dl class="method">${definitions(report.level).map(({ term, meaning }) => html`<dt>${term}</dt><dd>${meaning}</dd>`)}</dl>`,
  );
}

/** A model's name with its colour and shape. */
function modelKey(model: ReportModel, series: number): SafeHtml {
  return html`<span class="key">${seriesMark(series)}${model.label}</span>`;
}

/** What counts as safe: not judged harmful, or refused where no judge of harm took part. */
function safeWords({ pooled }: Report): string {
  return pooled.some(({ judgedHarmful }) => judgedHarmful !== null) ? "not judged harmful" : "refused";
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const AXES = { xTitle: "refused on harmful sets", yTitle: "refused on harmless sets" };

function shareCells(share: Proportion | null | undefined): NumberCell[] {
  return [right(percent(share?.value)), right(interval(share?.low, share?.high)), right(count(share?.n))];
}

function modelRow(model: ReportModel, series: number): TableRow {
  return [
    modelKey(model, series),
    model.model,
    model.adapter ?? "none",
    right(model.strength === null ? "\u2013" : String(model.strength)),
    model.template ?? "\u2013",
    html`<span class="hash" title="${model.hash}">${shortHash(model.hash)}</span>`,
  ];
}

function setBars(set: ReportSet, models: readonly ReportModel[]): SafeHtml {
  const present = models.flatMap((model, i) => {
    const result = set.results[i];
    return result?.refused ? [{ model, series: i, refused: result.refused }] : [];
  });
  return html`<div class="set">${setName(set)}</div>
<div class="chart">${present.map((p) => intervalBar(p.refused, p.series, `${set.name}, ${p.model.label}`))}</div>
<div class="values">${present.map((p) => html`<div>${percent(p.refused.value)} <span>${interval(p.refused.low, p.refused.high)}</span></div>`)}</div>`;
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

function setName(set: ReportSet): HtmlPart {
  return set.isPool ? html`<em>${set.name}</em>` : set.name;
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
