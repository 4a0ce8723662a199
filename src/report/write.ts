/** @file Writes reports into folders: `report.html`, `report.md`, and for a comparison its data. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileDurably, writeJsonDurably } from "../core/files.js";
import type { Comparison } from "../evaluate/comparison.js";
import { type ReportOrigin, reportFromComparison } from "./from-comparison.js";
import { reportFromEvaluation } from "./from-evaluation.js";
import { renderMarkdown } from "./markdown.js";
import { renderPage } from "./page.js";
import type { Report } from "./report.js";

/**
 * Writes `report.html` and `report.md` beside the `results.json` and `samples.jsonl` of an evaluation folder.
 * @param date ISO date of the report; today when left out
 * @returns the report, for {@link renderTerminal}
 * @throws ConfigError when the folder holds no finished evaluation or cannot be written
 * @throws DatasetError when a file of it does not parse
 */
export async function writeEvaluationReport(dir: string, date: string = today()): Promise<Report> {
  const report = reportFromEvaluation(dir, origin(date));
  await writePages(report, dir);
  return report;
}

/**
 * Writes `report.html`, `report.md` and `comparison.json` into a folder.
 * @param date ISO date of the report; today when left out
 * @returns the report, for {@link renderTerminal}
 * @throws ConfigError when a file cannot be written
 */
export async function writeComparisonReport(
  comparison: Comparison,
  dir: string,
  date: string = today(),
): Promise<Report> {
  const report = reportFromComparison(comparison, origin(date));
  await writeJsonDurably(join(dir, "comparison.json"), comparison);
  await writePages(report, dir);
  return report;
}

async function writePages(report: Report, dir: string): Promise<void> {
  await writeFileDurably(join(dir, "report.html"), renderPage(report));
  await writeFileDurably(join(dir, "report.md"), renderMarkdown(report));
}

function origin(date: string): ReportOrigin {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const isRecord = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return { date, version: isRecord ? String(manifest.version) : "unknown" };
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}
