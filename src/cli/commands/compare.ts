/** @file `compare`: evaluations of the same prompts, set against each other prompt by prompt. */
import { Command, Option } from "commander";
import type { CompareCommandOptions } from "../command-options.js";
import { jsonOption } from "../options.js";

const NOTES = `
The first folder is the base. Evaluations whose prompts, sampling or judges differ are refused.

Example:
  $ safe-to-serve compare runs/base/evaluation runs/dpo/evaluation --label base --label dpo --out runs/comparison`;

/** The command. */
export function compareCommand(): Command {
  return new Command("compare")
    .description("compare evaluations of the same prompts: paired differences, exact tests, flipped prompts")
    .argument("<folders...>", "two or more folders written by evaluate, the base first")
    .requiredOption("--out <folder>", "folder of comparison.json, report.html and report.md")
    .addOption(
      new Option(
        "--label <name>",
        "name of a model, once for each folder (default: the folders' names)",
      ).argParser((name: string, earlier: readonly string[] = []) => [...earlier, name]),
    )
    .addOption(jsonOption())
    .addHelpText("after", NOTES)
    .action(async (folders: string[], options: CompareCommandOptions) => {
      const { runCompare } = await import("../run/compare.js");
      await runCompare(folders, options);
    });
}
