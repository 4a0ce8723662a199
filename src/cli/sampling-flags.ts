/** @file Flags of commands that draw answers. Light: commander only. */
import { type Command, Option } from "commander";
import { decimal, integer, seedOption } from "./options.js";

/** Sampling flags as commander gives them. */
export interface SamplingFlags {
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly frequencyPenalty: number;
  readonly stop: readonly string[];
  readonly seed: number;
}

/** Defaults that differ from command to command. */
export interface SamplingFlagDefaults {
  readonly maxNewTokens: number;
  readonly temperature: number;
}

/** Adds the sampling flags. */
export function addSamplingFlags(command: Command, defaults: SamplingFlagDefaults): Command {
  return command
    .addOption(number("--max-new-tokens <n>", "at most this many tokens an answer", 1, defaults.maxNewTokens))
    .addOption(number("--min-new-tokens <n>", "the turn cannot end before this many tokens", 0, 0))
    .addOption(
      new Option("--temperature <t>", "0 is greedy")
        .argParser(decimal({ min: 0 }))
        .default(defaults.temperature),
    )
    .addOption(number("--top-k <k>", "keep the k likeliest tokens; 0 keeps all", 0, 0))
    .addOption(
      new Option("--top-p <p>", "keep the likeliest tokens up to this share; 1 keeps all")
        .argParser(decimal({ min: 0, max: 1 }))
        .default(1),
    )
    .addOption(
      new Option("--frequency-penalty <x>", "subtracted from a token's logit for each time it was drawn")
        .argParser(decimal())
        .default(0),
    )
    .addOption(
      new Option("--stop <text>", "text that ends an answer; may be given several times")
        .argParser((text: string, earlier: readonly string[]) => [...earlier, text])
        .default([], "none"),
    )
    .addOption(seedOption());
}

function number(flags: string, description: string, min: number, value: number): Option {
  return new Option(flags, description).argParser(integer({ min })).default(value);
}
