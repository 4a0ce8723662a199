/** @file Options of the training commands. Light: commander and tables of defaults only. */
import { Option } from "commander";
import { LORA_DEFAULTS, METHOD_DEFAULTS, type MethodName } from "../train/options.js";
import { SCHEDULERS } from "../train/schedule.js";
import { decimal, integer } from "./options.js";

/** Settings that mean nothing for a method: stages decide how long RAFT trains, a class head reads an answer's end. */
const MEANINGLESS: Readonly<Partial<Record<MethodName, readonly string[]>>> = {
  raft: ["epochs", "maxSteps", "maxCompletionLength", "evalSteps"],
  reward: ["maxCompletionLength"],
};

/** Options of the settings that methods share, with the method's defaults. */
export function settingOptions(method: MethodName): Option[] {
  const absent = MEANINGLESS[method] ?? [];
  return sharedOptions(method).filter((option) => !absent.includes(option.attributeName()));
}

function sharedOptions(method: MethodName): Option[] {
  const d = METHOD_DEFAULTS[method];
  const count = integer({ min: 0 });
  return [
    number("--epochs <n>", `passes over the data (default: ${d.epochs})`, decimal({ min: 0 })),
    number("--max-steps <n>", "optimiser steps instead of epochs", count),
    number("--batch-size <n>", `rows of a micro-batch (default: ${d.batchSize})`, integer({ min: 1 })),
    number("--gradient-accumulation <n>", "micro-batches of a step (default: 1)", integer({ min: 1 })),
    number("--learning-rate <r>", `peak learning rate (default: ${d.learningRate})`, decimal()),
    new Option("--scheduler <name>", `learning-rate schedule (default: ${d.scheduler})`).choices(SCHEDULERS),
    number("--warmup-steps <n>", `steps of rising learning rate (default: ${d.warmupSteps})`, count),
    number("--max-length <n>", `most tokens of prompt and answer (default: ${d.maxLength})`, count),
    number(
      "--token-budget <n>",
      `most positions computed at once: memory only (default: ${d.tokenBudget})`,
      integer({ min: 1 }),
    ),
    number("--max-completion-length <n>", "cut answers at so many tokens (default: not at all)", count),
    number(
      "--max-grad-norm <n>",
      `clip gradients to this norm; 0 does not (default: ${d.maxGradNorm})`,
      decimal(),
    ),
    number("--weight-decay <w>", `AdamW's decoupled decay (default: ${d.weightDecay})`, decimal()),
    number("--eval-steps <n>", "steps between evaluations (default: every epoch)", count),
    number("--save-steps <n>", `steps between checkpoints (default: ${d.saveSteps})`, count),
    number("--seed <n>", `seed of order, dropout and fresh factors (default: ${d.seed})`, count),
  ];
}

/** Options of a fresh adapter. */
export function loraOptions(): Option[] {
  const d = LORA_DEFAULTS;
  return [
    number("--lora-rank <r>", `rank of a fresh adapter (default: ${d.loraRank})`, integer({ min: 1 })),
    number("--lora-alpha <a>", `scale of a fresh adapter, alpha/rank (default: ${d.loraAlpha})`, decimal()),
    number("--lora-dropout <p>", `dropout before the factors (default: ${d.loraDropout})`, decimal()),
    new Option(
      "--lora-targets <names...>",
      `linear layers: all-linear, or names such as q_proj,v_proj (default: ${d.loraTargets.join()})`,
    ).argParser((text: string, before: readonly string[] = []) => [...before, ...text.split(",")]),
  ];
}

/** A numeric option without a default of its own: the method's holds. */
export function number(flags: string, description: string, parse: (text: string) => number): Option {
  return new Option(flags, description).argParser(parse);
}
