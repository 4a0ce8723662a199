/** @file Prints a report's tables on stdout, as wide as the terminal. */
import type { Report } from "../../report/report.js";
import { renderTerminal } from "../../report/terminal.js";

/** Prints the tables; colours on a terminal only, and not where NO_COLOR asks for none. */
export function printReport(report: Report): void {
  const { isTTY, columns } = process.stdout;
  const useColour = isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
  process.stdout.write(renderTerminal(report, { width: columns ?? 100, useColour }));
}
