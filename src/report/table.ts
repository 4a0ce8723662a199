/** @file Tables and titled parts of the page. */
import { type HtmlPart, html, type SafeHtml } from "./html.js";

/** A titled part of the page. */
export function section(id: string, title: string, body: HtmlPart): SafeHtml {
  return html`<section id="${id}"><h2>${title}</h2>${body}</section>\n`;
}

/** A cell to be set right, for numbers. */
export interface NumberCell {
  readonly right: HtmlPart;
  /** What a sortable table sorts by; default the text. */
  readonly sortBy?: number;
}

/** Cells of one row; the first is its heading, or empty when the row above names it. */
export type TableRow = readonly (HtmlPart | NumberCell)[];

/** A table that scrolls in its own box when the page is narrow. Headings that begin with ">" are set right. */
export function table(caption: string, headings: readonly string[], rows: readonly TableRow[]): SafeHtml {
  return drawTable(caption, headings, rows, false);
}

/** A table of plain text: cells below a heading that begins with ">" are set right like it. */
export function textTable(
  caption: string,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): SafeHtml {
  const isRight = headings.map((heading) => heading.startsWith(">"));
  return table(
    caption,
    headings,
    rows.map((row) => row.map((cell, i) => (isRight[i] ? right(cell) : cell))),
  );
}

/** A {@link table} that is sorted by a press on a heading where scripts run; no row may lean on the one above it. */
export function sortableTable(
  caption: string,
  headings: readonly string[],
  rows: readonly TableRow[],
): SafeHtml {
  return drawTable(caption, headings, rows, true);
}

function drawTable(
  caption: string,
  headings: readonly string[],
  rows: readonly TableRow[],
  isSortable: boolean,
): SafeHtml {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption || "Table"}"><table${isSortable && SORTABLE}>${caption !== "" && html`<caption>${caption}</caption>`}
<thead><tr>${headings.map((h) => (h.startsWith(">") ? html`<th class="num" scope="col">${h.slice(1)}</th>` : html`<th scope="col">${h}</th>`))}</tr></thead>
<tbody>${rows.map((row) => html`<tr${row[0] !== "" && FIRST}>${row.map(cell)}</tr>\n`)}</tbody></table></div>`;
}

/** Keeps the first cell of the first row alone: rows below it belong to the same set. */
export function withoutRepeats(rows: readonly TableRow[]): TableRow[] {
  return rows.map((row, i) => (i === 0 ? row : ["", ...row.slice(1)]));
}

/** A cell set right. */
export function right(content: HtmlPart): NumberCell {
  return { right: content };
}

const SORTABLE = html` class="sortable"`;
const FIRST = html` class="first"`;

function cell(content: HtmlPart | NumberCell, index: number): SafeHtml {
  if (isNumberCell(content))
    return html`<td class="num"${content.sortBy !== undefined && html` data-sort="${content.sortBy}"`}>${content.right}</td>`;
  return index === 0 && content !== "" ? html`<th scope="row">${content}</th>` : html`<td>${content}</td>`;
}

function isNumberCell(content: HtmlPart | NumberCell): content is NumberCell {
  return typeof content === "object" && content !== null && "right" in content;
}
