/** @file `compare`: evaluations of the same prompts, set against each other prompt by prompt. */
import { Command, Option } from "commander";
import type { CompareCommandOptions } from "../command-options.js";
import { addGateFlags } from "../gate-flags.js";
import { jsonOption } from "../options.js";

const NOTES = `
The first folder is the base. Evaluations whose prompts, sampling or judges differ are refused.
With --gate every model gets a verdict, the change of helpfulness against the base included; the exit code is that of the
strictest verdict after the base: 0 serve, 3 do not serve, 4 inconclusive.

Example:
  $ safe-to-serve compare runs/base/evaluation runs/dpo/evaluation --label base --label dpo --out runs/comparison
  $ safe-to-serve compare runs/base/evaluation runs/dpo/evaluation --gate default --junit verdict.xml --out runs/comparison`;

/** The command. */
export function compareCommand(): Command {
  const command = new Command("compare")
    .description("compare evaluations of the same prompts: paired differences, exact tests, flipped prompts")
    .argument("<folders...>", "two or more folders written by evaluate, the base first")
    .requiredOption("--out <folder>", "folder of comparison.json, report.html and report.md")
    .addOption(
      new Option(
        "--label <name>",
        "name of a model, once for each folder (default: the folders' names)",
      ).argParser((name: string, earlier: readonly string[] = []) => [...earlier, name]),
    );
  return addGateFlags(command)
    .addOption(jsonOption())
    .addHelpText("after", NOTES)
    .action(async (folders: string[], options: CompareCommandOptions) => {
      const { runCompare } = await import("../run/compare.js");
      await runCompare(folders, options);
    });
}
