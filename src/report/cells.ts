/** @file How models and sets are named in the page. */
import { seriesMark } from "./charts.js";
import { type HtmlPart, html, type SafeHtml } from "./html.js";
import type { ReportModel, ReportSet } from "./report.js";

/** A model's name with its colour and shape. */
export function modelKey(model: ReportModel, series: number): SafeHtml {
  return html`<span class="key">${seriesMark(series)}${model.label}</span>`;
}

/** A set's name; that of a pool stands out. */
export function setName(set: ReportSet): HtmlPart {
  return set.isPool ? html`<em>${set.name}</em>` : set.name;
}
