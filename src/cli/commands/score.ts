/** @file `score`: log-probabilities of given answers. */
import { Command } from "commander";
import type { ScoreOptions } from "../command-options.js";
import { jsonOption } from "../options.js";
import { addChatModelFlags } from "./generate.js";

/** The command. */
export function scoreCommand(): Command {
  const command = new Command("score").description(
    "log-probabilities (nats) of given answers, over the answer and its end-of-turn token",
  );
  return addChatModelFlags(command)
    .requiredOption("--data <file>", "rows {id, prompt, response}: JSON Lines, JSON or Parquet")
    .requiredOption(
      "--out <file>",
      "JSON Lines: {id, logprob, num_tokens, token_logprobs}, in the same order",
    )
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ safe-to-serve score --data answers.jsonl --out scores.jsonl")
    .action(async (options: ScoreOptions) => {
      const { runScore } = await import("../run/score.js");
      await runScore(options);
    });
}
