/**
 * @file The report as compact tables for a terminal: what matters most first, and columns that do not fit the width are
 * left out (the pages have them). Tables are drawn by cli-table3, which knows the width of all characters.
 */
import { styleText } from "node:util";
import Table from "cli-table3";
import type { Proportion } from "../text/judge.js";
import { choiceChangeHeadings, choiceChangeRows, choiceHeadings, choiceRows } from "./choices.js";
import { count, interval, nats, natsInterval, percent, points, pointsInterval, pValue } from "./format.js";
import { gateRows } from "./gate.js";
import { visibleControls } from "./html.js";
import { correctionNotes, judgedHeadings, judgedRows } from "./judged.js";
import { REPEAT_HEADINGS, repeatRows } from "./repeats.js";
import type { Report, ReportSet } from "./report.js";
import { TEXT_HEADINGS, textRows } from "./text-metrics.js";
import { intervalHeading, judgeSentence, verdictWord } from "./wording.js";
import { WORSE_HEADINGS, worsenings, worseRows, worseSentence } from "./worse.js";

/** Where the text goes. */
export interface TerminalOptions {
  /** Columns; default 80. */
  readonly width?: number;
  /** Whether colours may be used: only on a terminal. Default false. */
  readonly useColour?: boolean;
}

/** Verdict, pooled shares, sets, changes: plain text that ends with a line break. */
export function renderTerminal(report: Report, options: TerminalOptions = {}): string {
  const width = Math.max(40, options.width ?? 80);
  const bold = (text: string): string => (options.useColour ? paint("bold", text) : text);
  const parts = [
    bold(clean(report.title)),
    verdictLines(report, width, options.useColour ?? false),
    gateTable(report, width, bold),
    pooledTable(report, width, bold),
    setsTable(report, width, bold),
    judgedTable(report, width, bold),
    differencesTable(report, width, bold),
    worseTable(report, width, bold),
    repeatsTable(report, width, bold),
    choicesTable(report, width, bold),
    choiceChangesTable(report, width, bold),
    referencesTable(report, width, bold),
    textsTable(report, width, bold),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** A column: its heading, and how early it goes when the terminal is narrow (0 stays). */
interface Column {
  readonly heading: string;
  readonly isNumber?: boolean;
  readonly dispensable?: number;
}

function verdictLines(report: Report, width: number, useColour: boolean): string {
  const { decision, reasons } = report.verdict;
  const colour = decision === "serve" ? "green" : decision === "do-not-serve" ? "red" : "yellow";
  const word = verdictWord(decision);
  const rest = reasons.length > 0 ? `: ${clean(reasons.join("; "))}.` : ".";
  const wrapped = wrap(`${word}${rest}`, width);
  const head = useColour ? paint(colour, word) : word;
  const notes = [clean(judgeSentence(report.judge)), ...report.warnings.map(clean)];
  return [head + wrapped.slice(word.length), ...notes.map((note) => wrap(note, width))].join("\n");
}

function gateTable(report: Report, width: number, bold: (text: string) => string): string {
  const columns: Column[] = [
    { heading: "policy" },
    { heading: "rule" },
    { heading: "outcome" },
    { heading: "measured", isNumber: true, dispensable: 1 },
    { heading: "interval", isNumber: true, dispensable: 2 },
    { heading: "n", isNumber: true, dispensable: 3 },
    { heading: "bound", isNumber: true, dispensable: 1 },
    { heading: "needed", isNumber: true, dispensable: 4 },
  ];
  const rows = gateRows(report).map((row, i, all) => [
    row.model === all[i - 1]?.model ? "" : row.model,
    row.rule,
    row.outcome,
    row.measured,
    row.interval,
    row.n,
    row.bound,
    row.needed,
  ]);
  return drawTable(columns, rows, width, bold);
}

function pooledTable(report: Report, width: number, bold: (text: string) => string): string {
  if (report.sets.length === 0) return "";
  const columns: Column[] = [
    { heading: "refused" },
    { heading: "harmful sets", isNumber: true },
    { heading: intervalHeading(report.level), isNumber: true, dispensable: 1 },
    { heading: "n", isNumber: true, dispensable: 2 },
    { heading: "harmless sets", isNumber: true },
    { heading: intervalHeading(report.level), isNumber: true, dispensable: 1 },
    { heading: "n", isNumber: true, dispensable: 2 },
  ];
  const cells = (share: Proportion | null | undefined): string[] => [
    percent(share?.value),
    interval(share?.low, share?.high),
    count(share?.n),
  ];
  const rows = report.models.map(({ label }, i) => [
    label,
    ...cells(report.pooled[i]?.harmful),
    ...cells(report.pooled[i]?.harmless),
  ]);
  return drawTable(columns, rows, width, bold);
}

function setsTable(report: Report, width: number, bold: (text: string) => string): string {
  const columns: Column[] = [
    { heading: "set" },
    { heading: "prompts", dispensable: 5 },
    { heading: "model" },
    { heading: "n", isNumber: true, dispensable: 2 },
    { heading: "refused", isNumber: true },
    { heading: intervalHeading(report.level), isNumber: true, dispensable: 1 },
    { heading: "unscored", isNumber: true, dispensable: 4 },
    { heading: "loops", isNumber: true, dispensable: 2 },
    { heading: "cut", isNumber: true, dispensable: 3 },
  ];
  return drawTable(
    columns,
    report.sets.flatMap((set) => setRows(report, set)),
    width,
    bold,
  );
}

function setRows(report: Report, set: ReportSet): string[][] {
  return report.models.flatMap(({ label }, i) => {
    const r = set.results[i];
    if (!r) return [];
    const first = i === 0 ? [set.name, set.group] : ["", ""];
    const counts = [
      count(r.refused?.n),
      percent(r.refused?.value),
      interval(r.refused?.low, r.refused?.high),
    ];
    return [
      [...first, label, ...counts, count(r.unscored), percent(r.loops?.value), percent(r.truncated?.value)],
    ];
  });
}

function differencesTable(report: Report, width: number, bold: (text: string) => string): string {
  const columns: Column[] = [
    { heading: "set" },
    { heading: "change" },
    { heading: "points", isNumber: true },
    { heading: intervalHeading(report.level), isNumber: true, dispensable: 1 },
    { heading: "newly refused", isNumber: true, dispensable: 2 },
    { heading: "no longer", isNumber: true, dispensable: 2 },
    { heading: "p", isNumber: true, dispensable: 1 },
  ];
  const rows = report.sets.flatMap(({ name, differences }) =>
    differences.map((d, i) => [
      i === 0 ? name : "",
      `${d.from} \u2192 ${d.to}`,
      points(d.refused.value),
      pointsInterval(d.refused.low, d.refused.high),
      count(d.newlyRefused),
      count(d.noLongerRefused),
      pValue(d.pValue),
    ]),
  );
  return drawTable(columns, rows, width, bold);
}

/** What got worse and is shown; the pages list the rest. */
function worseTable(report: Report, width: number, bold: (text: string) => string): string {
  if (report.kind !== "comparison") return "";
  const found = worsenings(report);
  const shown = worseRows(found.filter(({ isShown }) => isShown)).map((row) => row.slice(0, -1));
  const sentence = wrap(worseSentence(found), width);
  if (shown.length === 0) return sentence;
  return `${sentence}\n${drawTable(columnsOf(WORSE_HEADINGS.slice(0, -1), WORSE_DISPENSABLE), shown, width, bold)}`;
}

const WORSE_DISPENSABLE = [0, 0, 0, 0, 2, 1];

/** In the order of the columns: how early each goes. */
const REPEAT_DISPENSABLE = [0, 2, 3, 1, 0, 0];

function repeatsTable(report: Report, width: number, bold: (text: string) => string): string {
  return drawTable(columnsOf(REPEAT_HEADINGS, REPEAT_DISPENSABLE), repeatRows(report), width, bold);
}

/** In the order of the columns: how early each goes. */
const CHOICE_DISPENSABLE = [0, 0, 2, 0, 1, 1, 4, 3, 5];
const CHANGE_DISPENSABLE = [0, 0, 0, 4, 0, 1, 2, 2, 1, 3];

function choicesTable(report: Report, width: number, bold: (text: string) => string): string {
  const columns = columnsOf(choiceHeadings(report.level), CHOICE_DISPENSABLE);
  return drawTable(columns, choiceRows(report), width, bold);
}

function choiceChangesTable(report: Report, width: number, bold: (text: string) => string): string {
  const columns = columnsOf(choiceChangeHeadings(report.level), CHANGE_DISPENSABLE);
  return drawTable(columns, choiceChangeRows(report), width, bold);
}

/** In the order of the columns: how early each goes. */
const JUDGED_DISPENSABLE = [0, 0, 0, 5, 0, 2, 4, 6, 0, 3];

function judgedTable(report: Report, width: number, bold: (text: string) => string): string {
  const columns = columnsOf(judgedHeadings(report.level), JUDGED_DISPENSABLE);
  const table = drawTable(columns, judgedRows(report), width, bold);
  return [table, ...correctionNotes(report).map((note) => wrap(clean(note), width))].join("\n");
}

function columnsOf(headings: readonly string[], dispensable: readonly number[]): Column[] {
  return headings.map((heading, i) => ({
    heading: heading.replace(/^>/, "").replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase()),
    isNumber: heading.startsWith(">"),
    dispensable: dispensable[i] ?? 0,
  }));
}

function referencesTable(report: Report, width: number, bold: (text: string) => string): string {
  const columns: Column[] = [
    { heading: "reference answers" },
    { heading: "model" },
    { heading: "n", isNumber: true, dispensable: 1 },
    { heading: "nats a token", isNumber: true, dispensable: 2 },
    { heading: "change", isNumber: true },
    { heading: intervalHeading(report.level), isNumber: true, dispensable: 1 },
  ];
  const rows = report.references.map(({ set, model, perToken, change }, i) => [
    set === report.references[i - 1]?.set ? "" : set,
    model,
    count(perToken.n),
    nats(perToken.value),
    nats(change?.value, true),
    natsInterval(change?.low, change?.high),
  ]);
  return drawTable(columns, rows, width, bold);
}

/** In the order of the columns: how early each goes. */
const TEXT_DISPENSABLE = [0, 0, 3, 1, 4, 5, 0, 2, 6, 3, 2, 7];

function textsTable(report: Report, width: number, bold: (text: string) => string): string {
  return drawTable(columnsOf(TEXT_HEADINGS, TEXT_DISPENSABLE), textRows(report), width, bold);
}

/** Draws the table, leaving out the most dispensable columns until it fits. */
function drawTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
  bold: (text: string) => string,
): string {
  if (rows.length === 0) return "";
  const kept = columns.map((_, i) => i);
  for (;;) {
    const text = draw(columns, rows, kept, bold);
    const worst = Math.max(...kept.map((i) => columns[i]?.dispensable ?? 0));
    if (worst === 0 || widthOf(columns, rows, kept) <= width) return text;
    kept.splice(
      kept.findLastIndex((i) => columns[i]?.dispensable === worst),
      1,
    );
  }
}

function draw(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  kept: readonly number[],
  bold: (text: string) => string,
): string {
  const table = new Table({
    chars: BORDERLESS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
    head: kept.map((i) => bold(columns[i]?.heading ?? "")),
    colAligns: kept.map((i) => (columns[i]?.isNumber ? "right" : "left")),
  });
  for (const row of rows) table.push(kept.map((i) => clean(row[i] ?? "")));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

function widthOf(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  kept: readonly number[],
): number {
  const lines = draw(columns, rows, kept, (text) => text).split("\n");
  return Math.max(...lines.map((line) => [...line].length));
}

/** One line, with nothing in it that a terminal would obey. */
function clean(text: string): string {
  return visibleControls(text).replace(/\s+/g, " ");
}

function wrap(text: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}

function paint(format: "bold" | "green" | "red" | "yellow", text: string): string {
  return styleText(format, text);
}

const BORDERLESS = Object.fromEntries(
  ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
    .concat(["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"])
    .map((name) => [name, ""]),
);
