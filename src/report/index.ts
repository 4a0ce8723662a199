/** @module Reports of evaluations and comparisons: one HTML page, Markdown and a terminal table over the same numbers. */
export { type ReportOrigin, reportFromComparison } from "./from-comparison.js";
export { reportFromEvaluation } from "./from-evaluation.js";
export { renderMarkdown } from "./markdown.js";
export { renderPage } from "./page.js";
export type { Report } from "./report.js";
export { renderTerminal, type TerminalOptions } from "./terminal.js";
export { writeComparisonReport, writeEvaluationReport } from "./write.js";
