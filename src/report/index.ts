/** @module Reports of evaluations and comparisons: one HTML page, Markdown and a terminal table over the same numbers; pages to label on and of mistakes. */
export { type ReportOrigin, reportFromComparison } from "./from-comparison.js";
export { reportFromEvaluation } from "./from-evaluation.js";
export { type LabellingServer, serveLabelling } from "./labelling/server.js";
export { renderMarkdown } from "./markdown.js";
export { renderMistakes } from "./mistakes.js";
export { renderPage } from "./page.js";
export type { Report } from "./report.js";
export { renderTerminal, type TerminalOptions } from "./terminal.js";
export { writeComparisonReport, writeEvaluationReport } from "./write.js";
