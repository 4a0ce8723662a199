/** @file The parts of the page that are pictures: safety against over-refusal and helpfulness, the dial, a bar a set and model. */
import type { Proportion } from "../text/judge.js";
import { modelKey, setName } from "./cells.js";
import { barScale, intervalBar, type ScatterPoint, scatterChart, seriesMark } from "./charts.js";
import { dialChart } from "./dial-chart.js";
import { count, interval, isNumber, percent } from "./format.js";
import { safeShare } from "./from-comparison.js";
import { html, type SafeHtml } from "./html.js";
import type { Report, ReportModel, ReportSet } from "./report.js";
import { type NumberCell, right, section, table } from "./table.js";
import { confidence, GROUP_TITLES, intervalHeading } from "./wording.js";

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

function setBars(set: ReportSet, models: readonly ReportModel[]): SafeHtml {
  const present = models.flatMap((model, i) => {
    const result = set.results[i];
    return result?.refused ? [{ model, series: i, refused: result.refused }] : [];
  });
  return html`<div class="set">${setName(set)}</div>
<div class="chart">${present.map((p) => intervalBar(p.refused, p.series, `${set.name}, ${p.model.label}`))}</div>
<div class="values">${present.map((p) => html`<div>${percent(p.refused.value)} <span>${interval(p.refused.low, p.refused.high)}</span></div>`)}</div>`;
}
