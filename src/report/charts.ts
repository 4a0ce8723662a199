/**
 * @file The charts, as SVG text. Positions are percentages of the drawing's width and heights are pixels, so a chart
 * fills its column and its letters stay the size of the page's on a phone. No inline styles: classes only (strict CSP).
 * Why not a chart library: docs/decisions/0050-charts-as-own-svg.md.
 */
import type { Proportion } from "../text/judge.js";
import { isNumber, percent, percentWithInterval } from "./format.js";
import { html, type SafeHtml } from "./html.js";

/** A point with intervals in both directions. Shares in [0, 1]. */
export interface ScatterPoint {
  readonly label: string;
  /** Index of the series: colour and shape. */
  readonly series: number;
  readonly x: Proportion;
  readonly y: Proportion;
}

/** Axis titles and the text that stands for the picture where it cannot be seen. */
export interface ScatterText {
  readonly id: string;
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
}

/** How many series have a colour and a shape of their own; more start again. */
export const SERIES_COUNT = 5;

/** Dots with their intervals on both axes. The vertical axis ends at 25, 50 or 100 %, whichever holds all intervals. */
export function scatterChart(points: readonly ScatterPoint[], text: ScatterText): SafeHtml {
  const frame = { bottom: SCATTER_HEIGHT - 34, yMax: topOfScale(points.map((point) => point.y.high)) };
  const placed = placeLabels(points, frame);
  return html`<svg class="scatter" width="100%" height="${SCATTER_HEIGHT}" role="img" aria-labelledby="${text.id}-t ${text.id}-d">
<title id="${text.id}-t">${text.title}</title>
<desc id="${text.id}-d">${points.map((p) => `${p.label}: ${text.xTitle} ${percentWithInterval(p.x)}, ${text.yTitle} ${percentWithInterval(p.y)}. `)}</desc>
${scatterAxes(frame, text)}
${points.map((point) => scatterPoint(point, frame, text))}
${placed.map(({ point, dx, dy, anchor }) => html`<text class="name s${point.series % SERIES_COUNT}" x="${xOf(point.x.value)}" y="${yOf(point.y.value, frame)}" dx="${dx}" dy="${dy}" text-anchor="${anchor}">${point.label}</text>`)}
</svg>`;
}

/** One bar with its interval on a scale from 0 to 100 %; the number is printed by the caller, beside it. */
export function intervalBar(share: Proportion, series: number, title: string): SafeHtml {
  const height = 16;
  return html`<svg class="bar" width="100%" height="${height}" role="img"><title>${title}: ${percentWithInterval(share)}, n ${share.n}</title>
${[0, 0.25, 0.5, 0.75, 1].map((tick) => html`<line class="grid" x1="${pct(tick)}" x2="${pct(tick)}" y1="0" y2="${height}"/>`)}
${isNumber(share.value) && barMarks(share, series, height)}</svg>`;
}

function barMarks(share: Proportion, series: number, height: number): SafeHtml {
  const middle = height / 2;
  return html`<rect class="fill s${series % SERIES_COUNT}" x="0" y="3" width="${pct(share.value)}" height="${height - 6}"/>
<line class="whisker" x1="${pct(share.low)}" x2="${pct(share.high)}" y1="${middle}" y2="${middle}"/>
<line class="whisker" x1="${pct(share.low)}" x2="${pct(share.low)}" y1="${middle - 3}" y2="${middle + 3}"/>
<line class="whisker" x1="${pct(share.high)}" x2="${pct(share.high)}" y1="${middle - 3}" y2="${middle + 3}"/>`;
}

/** The scale under a column of bars. */
export function barScale(): SafeHtml {
  const anchors = ["start", "middle", "middle", "middle", "end"];
  return html`<svg class="bar" width="100%" height="16" aria-hidden="true">${[0, 0.25, 0.5, 0.75, 1].map(
    (tick, i) =>
      html`<text class="tick" x="${pct(tick)}" y="12" text-anchor="${anchors[i]}">${percent(tick, 0)}</text>`,
  )}</svg>`;
}

/** The mark of a series for legends: its colour and shape. */
export function seriesMark(series: number): SafeHtml {
  return html`<svg class="mark" width="14" height="14" aria-hidden="true">${seriesShape(series, "50%", 7)}</svg>`;
}

interface Frame {
  readonly bottom: number;
  readonly yMax: number;
}

const SCATTER_HEIGHT = 340;
const TOP = 18;

/** Room left of 0 % and right of 100 %, in per cent of the width, so that dots on the edge stay whole. */
const SIDE = 2;

function xOf(share: number): string {
  return `${(SIDE + share * (100 - 2 * SIDE)).toFixed(2)}%`;
}

function yOf(share: number, frame: Frame): number {
  return Number((frame.bottom - (share / frame.yMax) * (frame.bottom - TOP)).toFixed(1));
}

function pct(share: number): string {
  return `${(Math.min(Math.max(share, 0), 1) * 100).toFixed(2)}%`;
}

function topOfScale(highs: readonly number[]): number {
  const most = Math.max(0, ...highs);
  return most <= 0.25 ? 0.25 : most <= 0.5 ? 0.5 : 1;
}

function scatterAxes(frame: Frame, text: ScatterText): SafeHtml {
  const xTicks = [0, 0.25, 0.5, 0.75, 1];
  const yTicks = Array.from({ length: 6 }, (_, i) => (i / 5) * frame.yMax);
  const anchors = ["start", "middle", "middle", "middle", "end"];
  return html`${yTicks.map((tick, i) => {
    const y = yOf(tick, frame);
    return html`<line class="${i === 0 ? "axis" : "grid"}" x1="0" x2="100%" y1="${y}" y2="${y}"/>${i > 0 && html`<text class="tick" x="0" y="${y - 4}">${percent(tick, 0)}${i === 5 && ` ${text.yTitle}`}</text>`}`;
  })}
${xTicks.map((tick, i) => html`<line class="grid" x1="${xOf(tick)}" x2="${xOf(tick)}" y1="${TOP}" y2="${frame.bottom}"/><text class="tick" x="${xOf(tick)}" y="${frame.bottom + 15}" text-anchor="${anchors[i]}">${percent(tick, 0)}</text>`)}
<text class="tick" x="50%" y="${frame.bottom + 31}" text-anchor="middle">${text.xTitle} \u2192</text>`;
}

function scatterPoint(point: ScatterPoint, frame: Frame, text: ScatterText): SafeHtml {
  const x = xOf(point.x.value);
  const y = yOf(point.y.value, frame);
  const series = point.series % SERIES_COUNT;
  return html`<g class="s${series}"><title>${point.label}: ${percentWithInterval(point.x)} ${text.xTitle}, ${percentWithInterval(point.y)} ${text.yTitle}</title>
<line class="error" x1="${xOf(point.x.low)}" x2="${xOf(point.x.high)}" y1="${y}" y2="${y}"/>
<line class="error" x1="${x}" x2="${x}" y1="${yOf(point.y.low, frame)}" y2="${yOf(point.y.high, frame)}"/>
${seriesShape(point.series, x, y)}</g>`;
}

/** A shape for each series beside its colour. Nested `svg` because a path cannot be placed in per cent. */
export function seriesShape(series: number, x: string, y: number): SafeHtml {
  const index = series % SERIES_COUNT;
  if (index === 0) return html`<circle class="dot s0" cx="${x}" cy="${y}" r="5"/>`;
  return html`<svg class="shape" x="${x}" y="${y}" width="1" height="1"><path class="dot s${index}" d="${SHAPES[index]}"/></svg>`;
}

const SHAPES: readonly string[] = [
  "",
  "M-5-5H5V5H-5Z",
  "M0-7L7 0L0 7L-7 0Z",
  "M0-6.5L6 4.5H-6Z",
  "M0 6.5L6-4.5H-6Z",
];

interface PlacedLabel {
  readonly point: ScatterPoint;
  readonly dx: number;
  readonly dy: number;
  readonly anchor: "start" | "end";
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Puts each name beside its dot where it covers no name, dot or, if it can be, interval; reckoned at the width of a phone. */
function placeLabels(points: readonly ScatterPoint[], frame: Frame): PlacedLabel[] {
  const taken: Box[] = points.map((point) => boxAround(point, frame, 0, 0, 14));
  const lines = points.flatMap((point) => errorBoxes(point, frame));
  return points.map((point) => {
    const choices = [-9, 18, -24, 33, -39, 48].flatMap((dy) => [
      { point, dx: 9, dy, anchor: "start" as const },
      { point, dx: -9, dy, anchor: "end" as const },
    ]);
    const isClear = (choice: PlacedLabel): boolean => isFree(labelBox(choice, frame), taken);
    const isBesideLines = (choice: PlacedLabel): boolean => isFree(labelBox(choice, frame), lines);
    const clear = choices.filter(isClear);
    const best = clear.find(isBesideLines) ?? clear[0] ?? choices[0];
    const label = best ?? { point, dx: 9, dy: -9, anchor: "start" as const };
    taken.push(labelBox(label, frame));
    return label;
  });
}

const PHONE_WIDTH = 340;

function boxAround(point: ScatterPoint, frame: Frame, dx: number, dy: number, size: number): Box {
  const x = point.x.value * PHONE_WIDTH + dx;
  const y = yOf(point.y.value, frame) + dy;
  return { left: x - size / 2, right: x + size / 2, top: y - size / 2, bottom: y + size / 2 };
}

/** Where the two intervals of a point are drawn. */
function errorBoxes({ x, y }: ScatterPoint, frame: Frame): Box[] {
  const [middle, height] = [x.value * PHONE_WIDTH, yOf(y.value, frame)];
  return [
    { left: x.low * PHONE_WIDTH, right: x.high * PHONE_WIDTH, top: height - 1, bottom: height + 1 },
    { left: middle - 1, right: middle + 1, top: yOf(y.high, frame), bottom: yOf(y.low, frame) },
  ];
}

function labelBox(label: PlacedLabel, frame: Frame): Box {
  const { left, top } = boxAround(label.point, frame, label.dx, label.dy, 0);
  const width = label.point.label.length * 7.5;
  const start = label.anchor === "start" ? left : left - width;
  return { left: start, right: start + width, top: top - 12, bottom: top + 3 };
}

function isFree(box: Box, taken: readonly Box[]): boolean {
  const isInside =
    box.left >= 0 && box.right <= PHONE_WIDTH && box.top >= TOP && box.bottom <= SCATTER_HEIGHT - 34;
  return (
    isInside &&
    taken.every((t) => box.right < t.left || box.left > t.right || box.bottom < t.top || box.top > t.bottom)
  );
}
