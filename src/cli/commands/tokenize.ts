/** @file `tokenize`: texts to token ids, with the model's own tokenizer. */
import { Command } from "commander";
import type { TokenizeOptions } from "../command-options.js";
import { jsonOption, modelOption } from "../options.js";

/** The command. */
export function tokenizeCommand(): Command {
  return new Command("tokenize")
    .description(
      "turn texts into token ids; nothing is added, special tokens written in the text are recognised",
    )
    .addOption(modelOption())
    .requiredOption("--data <file>", "JSON Lines, or JSON or Parquet; rows {text}")
    .requiredOption("--out <file>", "JSON Lines, rows {ids}, in the same order")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ safe-to-serve tokenize --data texts.jsonl --out ids.jsonl")
    .action(async (options: TokenizeOptions) => {
      const { runTokenize } = await import("../run/tokenize.js");
      await runTokenize(options);
    });
}
