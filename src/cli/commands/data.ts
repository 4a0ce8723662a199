/** @file `data`: list the catalogue, lay files out, look for contamination, build preference pairs, re-judge published answers. */
import { Command, Option } from "commander";
import type {
  DataCheckOptions,
  DataFetchOptions,
  DataListOptions,
  DataPairsOptions,
  DataRejudgeOptions,
} from "../command-options.js";
import {
  adapterOption,
  adapterStrengthOption,
  deviceOption,
  integer,
  jsonOption,
  modelOption,
  seedOption,
  share,
  systemOption,
  templateOption,
  threadsOption,
} from "../options.js";

/** The command. */
export function dataCommand(): Command {
  return new Command("data")
    .description("list, fetch and check data sets, build preference pairs, re-judge published answers")
    .addCommand(listCommand())
    .addCommand(fetchCommand())
    .addCommand(checkCommand())
    .addCommand(pairsCommand())
    .addCommand(rejudgeCommand())
    .addHelpText("after", "\nExample:\n  $ safe-to-serve data list");
}

function listCommand(): Command {
  return new Command("list")
    .description("data sets known by name, with rows, licence and what may be trained on them")
    .addOption(dataDirOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ safe-to-serve data list --json")
    .action(async (options: DataListOptions) => {
      const { runDataList } = await import("../run/data.js");
      runDataList(options);
    });
}

function fetchCommand(): Command {
  return new Command("fetch")
    .description("check data sets and lay them out as plain JSON Lines")
    .argument("[names...]", "names of data sets (default: all that are at hand)")
    .option("--out <folder>", "where the files go", "data-fetched")
    .addOption(dataDirOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ safe-to-serve data fetch xstest advbench --out ./sets")
    .action(async (names: string[], options: DataFetchOptions) => {
      const { runDataFetch } = await import("../run/data.js");
      await runDataFetch(names, options);
    });
}

function checkCommand(): Command {
  return new Command("check")
    .description(
      "look for evaluation prompts in a data file, equal or nearly so; exit code 1 when there are any that were not removed",
    )
    .argument("<file>", "data file or name of a data set")
    .option(
      "--against <sets...>",
      "names or files whose prompts must not occur (default: all evaluation sets)",
    )
    .option("--remove <file>", "write the other rows as JSON Lines, columns as they are")
    .addOption(dataDirOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  $ safe-to-serve data check my-training-data.jsonl --against xstest held-out.jsonl\n" +
        "  $ safe-to-serve data check my-training-data.jsonl --remove clean.jsonl",
    )
    .action(async (file: string, options: DataCheckOptions) => {
      const { runDataCheck } = await import("../run/data.js");
      await runDataCheck(file, options);
    });
}

function pairsCommand(): Command {
  return new Command("pairs")
    .description("build preference pairs from safe answers, harmless prompts and the model's own answers")
    .addOption(modelOption())
    .addOption(adapterOption())
    .addOption(adapterStrengthOption())
    .addOption(templateOption())
    .addOption(systemOption())
    .option("--safety <sets...>", "unsafe prompts with safe answers", ["safety_only_train"])
    .option("--harmless <sets...>", "harmless prompts with reference answers, taken from each set in turn", [
      "alpaca_5k",
      "benign_alarming",
    ])
    .option("--labelled <sets...>", "pairs of a safe and an unsafe answer (with --labelled-share)", [
      "safe_rlhf_mini",
    ])
    .addOption(count())
    .addOption(new Option("--share <share>", "share of safety pairs").argParser(share).default(0.5))
    .addOption(
      new Option("--labelled-share <share>", "share of labelled pairs; the rest is harmless")
        .argParser(share)
        .default(0),
    )
    .addOption(
      new Option("--harmless-chosen <whose>", "chosen answer of harmless prompts")
        .choices(["own", "reference"])
        .default("own"),
    )
    .addOption(
      new Option("--max-new-tokens <n>", "limit of the model's own answers")
        .argParser(integer({ min: 1 }))
        .default(128),
    )
    .addOption(seedOption())
    .requiredOption("--out <file>", "JSON Lines, rows {id, prompt, chosen, rejected, kind}")
    .addOption(dataDirOption())
    .addOption(threadsOption())
    .addOption(deviceOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  $ safe-to-serve data pairs --count 400 --share 0.5 --out pairs.jsonl",
    )
    .action(async (options: DataPairsOptions) => {
      const { runDataPairs } = await import("../run/data-pairs.js");
      await runDataPairs(options);
    });
}

function rejudgeCommand(): Command {
  return new Command("rejudge")
    .description("what is wrong with the paper's published answers, and the answers ready to be judged again")
    .option("--out <file>", "write the answers under their right prompts, for evaluate --responses")
    .addOption(dataDirOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  $ safe-to-serve data rejudge --data-dir data-sets --out published.jsonl",
    )
    .action(async (options: DataRejudgeOptions) => {
      const { runDataRejudge } = await import("../run/rejudge.js");
      await runDataRejudge(options);
    });
}

function count(): Option {
  return new Option("--count <n>", "pairs in all").argParser(integer({ min: 1 })).default(1000);
}

function dataDirOption(): Option {
  return new Option(
    "--data-dir <folder>",
    "folder of data sets that are not bundled (default: SAFE_TO_SERVE_DATA)",
  );
}
