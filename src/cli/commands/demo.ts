/** @file `demo`: the whole path on the embedded model: evaluate, SIT, DPO, evaluate, compare. */
import { Command, Option } from "commander";
import type { DemoCommandOptions } from "../command-options.js";
import { integer, jsonOption, threadsOption } from "../options.js";

const NOTES = `
Interrupted (Ctrl-C, a crash, a reboot), the same command goes on where it stopped. The recipe is data: copy
recipes/demo.yaml, change it, and run it with --recipe. The folder then holds study.json (recipe, hashes, timings), the
rows and pairs trained on, both adapters, all answers, and report.html.

Example:
  $ safe-to-serve demo
  $ safe-to-serve demo --full --data-dir ../shared/data
  $ safe-to-serve demo --recipe mine.yaml --out runs/mine`;

/** The command. */
export function demoCommand(): Command {
  return new Command("demo")
    .description("make the embedded model safer and show the difference: evaluate, SIT, DPO, compare")
    .option("--full", "whole evaluation sets, and AdvBench and HarmBench for the final model")
    .addOption(new Option("--recipe <file>", "a recipe of your own (YAML)").conflicts("full"))
    .option("--out <folder>", "folder of the study (default: runs/demo, runs/demo-full or runs/<recipe>)")
    .addOption(
      new Option("--seed <n>", "seed of every random draw (default: the recipe's)").argParser(
        integer({ min: 0, max: 4294967295 }),
      ),
    )
    .addOption(threadsOption())
    .option("--data-dir <folder>", "folder of data sets that are not bundled (default: SAFE_TO_SERVE_DATA)")
    .addOption(jsonOption())
    .addHelpText("after", NOTES)
    .action(async (options: DemoCommandOptions) => {
      const { runDemo } = await import("../run/demo.js");
      await runDemo(options);
    });
}
