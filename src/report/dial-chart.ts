/** @file The safety dial as a drawing: shares against the adapter's strength, with intervals. Made as `charts.ts` makes its own. */
import type { Proportion } from "../text/judge.js";
import { seriesShape } from "./charts.js";
import { percent, percentWithInterval } from "./format.js";
import { html, type SafeHtml } from "./html.js";

/** A line of the drawing. */
export interface DialSeries {
  readonly name: string;
  /** Index of the series: colour and shape. */
  readonly series: number;
  /** One a strength. */
  readonly shares: readonly Proportion[];
}

/** Lines through points with intervals, over strengths from small to large. @param strengths at least two */
export function dialChart(strengths: readonly number[], lines: readonly DialSeries[]): SafeHtml {
  const x = scaleOf(strengths);
  return html`<svg class="scatter" width="100%" height="${HEIGHT}" role="img" aria-labelledby="dial-t dial-d">
<title id="dial-t">Shares over adapter strength</title>
<desc id="dial-d">${lines.map(
    ({ name, shares }) =>
      `${name}: ${shares.map((share, i) => `${percentWithInterval(share)} at ${strengths[i]}`).join(", ")}. `,
  )}</desc>
${[0, 0.25, 0.5, 0.75, 1].map((tick) => html`<line class="${tick === 0 ? "axis" : "grid"}" x1="0" x2="100%" y1="${yOf(tick)}" y2="${yOf(tick)}"/><text class="tick" x="0" y="${yOf(tick) - 4}">${percent(tick, 0)}</text>`)}
${strengths.map((strength) => html`<text class="tick" x="${x(strength)}" y="${BOTTOM + 16}" text-anchor="middle">${strength}</text>`)}
<text class="tick" x="50%" y="${BOTTOM + 33}" text-anchor="middle">strength of the adapter \u2192</text>
${lines.map((line, i) => drawLine(line, strengths.map(x), 3 * (2 * i - lines.length + 1)))}
</svg>`;
}

const HEIGHT = 320;
const TOP = 18;
const BOTTOM = HEIGHT - 38;

function yOf(share: number): number {
  return Number((BOTTOM - share * (BOTTOM - TOP)).toFixed(1));
}

/** Positions in per cent, with room for the labels of the vertical axis at the left. */
function scaleOf(strengths: readonly number[]): (strength: number) => string {
  const low = Math.min(...strengths);
  const span = Math.max(...strengths) - low;
  return (strength) => `${(12 + (84 * (strength - low)) / span).toFixed(2)}%`;
}

/** @param shift pixels to the right for the intervals, so that those of two lines at one strength stay apart */
function drawLine({ name, series, shares }: DialSeries, xs: readonly string[], shift: number): SafeHtml {
  return html`<g class="s${series}">
${xs.slice(1).map((x, i) => html`<line class="dial" x1="${xs[i]}" x2="${x}" y1="${yOf(shares[i]?.value ?? 0)}" y2="${yOf(shares[i + 1]?.value ?? 0)}"/>`)}
${shares.map((share, i) => html`<svg class="shape" x="${xs[i]}" y="0" width="1" height="1"><title>${name}: ${percentWithInterval(share)}</title><line class="error" x1="${shift}" x2="${shift}" y1="${yOf(share.low)}" y2="${yOf(share.high)}"/></svg>${seriesShape(series, xs[i] ?? "0", yOf(share.value))}`)}
</g>`;
}
