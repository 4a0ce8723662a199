/** @file Runs `compare`: reads the evaluations, compares, writes data and report, prints the table. */
import { join } from "node:path";
import { compareEvaluations } from "../../evaluate/compare.js";
import { readEvaluation } from "../../evaluate/read.js";
import { writeComparisonReport } from "../../report/write.js";
import type { CompareCommandOptions } from "../command-options.js";
import { printJson, printLine } from "../output.js";
import { exitWith, openGate, writeGate } from "./gate.js";
import { printReport } from "./print-report.js";

/** Compares and prints; `--json` leaves the answers to `comparison.json`. With a policy the exit code tells the verdict. */
export async function runCompare(folders: readonly string[], options: CompareCommandOptions): Promise<void> {
  const { label: labels } = options;
  const policy = openGate(options);
  const comparison = compareEvaluations(folders.map(readEvaluation), {
    ...(labels === undefined ? {} : { labels }),
    ...(policy === undefined ? {} : { policy }),
  });
  const report = await writeComparisonReport(comparison, options.out);
  await writeGate(report, options);
  if (policy !== undefined) exitWith(report.verdict.decision);
  if (options.json === true) {
    const { answers: _, ...numbers } = comparison;
    printJson(numbers);
    return;
  }
  printReport(report);
  printLine(`Report: ${join(options.out, "report.html")}`);
}
