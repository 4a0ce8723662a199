/** @file What commands print on stdout: a JSON result for machines, tables and lines for people. */
import { describePlan, gigabytes, type MemoryPlan } from "../models/memory-plan.js";

/** A cell of a table; numbers stand at the right. */
export type Cell = string | number;

/** Prints one JSON document on stdout (for `--json`). */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Prints a line on stdout. */
export function printLine(text = ""): void {
  process.stdout.write(`${text}\n`);
}

/** Prints a warning on stderr. */
export function printWarning(text: string): void {
  process.stderr.write(`warning: ${text}\n`);
}

/** Says on stderr what a piece of work will hold in memory, of what it may hold. */
export function printMemory(plan: MemoryPlan, roomBytes: number, indent = ""): void {
  process.stderr.write(`${indent}memory: about ${describePlan(plan)} of ${gigabytes(roomBytes)} GB free\n`);
}

/** Prints a table on stdout. */
export function printTable(header: readonly string[], rows: readonly (readonly Cell[])[]): void {
  process.stdout.write(`${formatTable(header, rows)}\n`);
}

/** Lays out a table: columns as wide as their content, a rule under the header, numeric columns right-aligned. */
export function formatTable(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = [header, ...rows].map((row) => header.map((_, column) => String(row[column] ?? "")));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => width(row[column] ?? ""))));
  const right = header.map((_, column) => rows.length > 0 && rows.every((row) => isNumeric(row[column])));
  const lines = cells.map((row) =>
    row.map((cell, column) => pad(cell, widths[column] ?? 0, right[column] ?? false)).join("  "),
  );
  const rule = widths.map((columns) => "─".repeat(columns)).join("  ");
  return [lines[0], rule, ...lines.slice(1)].map((line) => line?.trimEnd()).join("\n");
}

function isNumeric(cell: Cell | undefined): boolean {
  return typeof cell === "number" || (cell !== undefined && /^([+-]?[\d.,]+( ?%)?|–|-|)$/.test(cell));
}

function pad(cell: string, columns: number, right: boolean): string {
  const space = " ".repeat(Math.max(0, columns - width(cell)));
  return right ? space + cell : cell + space;
}

function width(text: string): number {
  return [...text].length;
}
