/** @file `generate`: answers to a file of prompts. */
import { Command, Option } from "commander";
import type { GenerateOptions } from "../command-options.js";
import {
  adapterOption,
  adapterStrengthOption,
  deviceOption,
  integer,
  jsonOption,
  modelOption,
  systemOption,
  templateOption,
  threadsOption,
  weightsOption,
} from "../options.js";
import { addSamplingFlags } from "../sampling-flags.js";

/** Adds the options that name a local chat model. @param strength `--adapter-strength`, one strength by default */
export function addChatModelFlags(command: Command, strength: Option = adapterStrengthOption()): Command {
  return command
    .addOption(modelOption())
    .addOption(adapterOption())
    .addOption(strength)
    .addOption(templateOption())
    .addOption(systemOption())
    .addOption(weightsOption())
    .addOption(threadsOption())
    .addOption(deviceOption());
}

/** The command. */
export function generateCommand(): Command {
  const command = new Command("generate").description(
    "answer a file of prompts; an interrupted run goes on where it stopped",
  );
  addChatModelFlags(command)
    .requiredOption("--prompts <file>", "rows {id, prompt} or {id, messages}: JSON Lines, JSON or Parquet")
    .requiredOption(
      "--out <file>",
      "JSON Lines: {id, prompt, sample, response, token_ids, finish_reason, seed}",
    );
  return addSamplingFlags(command, { maxNewTokens: 128, temperature: 0 })
    .addOption(new Option("--samples <n>", "answers a prompt").argParser(integer({ min: 1 })).default(1))
    .addOption(
      new Option("--batch-size <n>", "answers drawn side by side; results do not depend on it")
        .argParser(integer({ min: 1 }))
        .default(16),
    )
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  $ safe-to-serve generate --prompts prompts.jsonl --out answers.jsonl --temperature 0.8 --samples 4",
    )
    .action(async (options: GenerateOptions) => {
      const { runGenerate } = await import("../run/generate.js");
      await runGenerate(options);
    });
}
