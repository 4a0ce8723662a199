/** @file `train sft|sit|dpo`: one training run into one folder. */
import { Command, Option } from "commander";
import { DPO_LOSSES } from "../../train/losses/dpo-options.js";
import { LORA_DEFAULTS, METHOD_DEFAULTS, type MethodName } from "../../train/options.js";
import { SCHEDULERS } from "../../train/schedule.js";
import type { TrainDpoFlags, TrainFlags, TrainSitFlags } from "../command-options.js";
import {
  adapterOption,
  countOrShare,
  decimal,
  deviceOption,
  integer,
  jsonOption,
  modelOption,
  systemOption,
  templateOption,
  threadsOption,
} from "../options.js";

/** The command. */
export function trainCommand(): Command {
  return new Command("train")
    .description(
      "train a LoRA adapter: sft, sit (instructions with safety examples) or dpo (preference pairs)",
    )
    .addCommand(sftCommand())
    .addCommand(sitCommand())
    .addCommand(dpoCommand())
    .addHelpText(
      "after",
      "\nExample:\n  $ safe-to-serve train dpo --data pairs.jsonl --out runs/dpo --nll-weight 0.2",
    );
}

function sftCommand(): Command {
  return methodCommand("sft", "supervised fine-tuning on rows {prompt, completion}")
    .addHelpText(
      "after",
      "\nExample:\n  $ safe-to-serve train sft --data answers.jsonl --out runs/sft --max-steps 100",
    )
    .action(async (flags: TrainFlags) => {
      const { runTrainSft } = await import("../run/train.js");
      await runTrainSft(flags);
    });
}

function sitCommand(): Command {
  return methodCommand("sit", "safety instruction tuning: safety examples mixed into instruction rows")
    .requiredOption("--safety-data <file>", "safety rows {prompt, completion}")
    .addOption(
      new Option(
        "--safety-examples <n>",
        "how many are mixed in: a number (300) or their share of the mix (0.1)",
      )
        .argParser(countOrShare)
        .makeOptionMandatory(),
    )
    .addHelpText(
      "after",
      "\nExample:\n  $ safe-to-serve train sit --data alpaca.jsonl --safety-data safe.jsonl --safety-examples 300 --out runs/sit",
    )
    .action(async (flags: TrainSitFlags) => {
      const { runTrainSit } = await import("../run/train.js");
      await runTrainSit(flags);
    });
}

function dpoCommand(): Command {
  return methodCommand("dpo", "Direct Preference Optimization on rows {prompt, chosen, rejected}")
    .addOption(
      new Option("--reference <which>", "start (base plus --adapter), base, or a PEFT folder").default(
        "start",
      ),
    )
    .addOption(number("--beta <b>", "strength of the pull towards the reference (default: 0.1)", decimal()))
    .addOption(new Option("--loss <name>", "preference loss (default: sigmoid)").choices(DPO_LOSSES))
    .addOption(
      number(
        "--label-smoothing <e>",
        "assumed share of swapped pairs; sigmoid and robust (default: 0)",
        decimal(),
      ),
    )
    .addOption(
      number("--nll-weight <w>", "weight of the cross-entropy on chosen answers (default: 0)", decimal()),
    )
    .addHelpText(
      "after",
      "\nExample:\n  $ safe-to-serve train dpo --data pairs.jsonl --adapter runs/sit/adapter --out runs/dpo",
    )
    .action(async (flags: TrainDpoFlags) => {
      const { runTrainDpo } = await import("../run/train.js");
      await runTrainDpo(flags);
    });
}

function methodCommand(method: MethodName, description: string): Command {
  const command = new Command(method)
    .description(description)
    .requiredOption("--data <file>", "training rows: JSON Lines, JSON, Parquet, or the name of a data set")
    .option("--eval-data <file>", "held-out rows, evaluated and watched while training")
    .requiredOption("--out <folder>", "folder of the run")
    .addOption(modelOption())
    .addOption(adapterOption("PEFT folder to start from"))
    .addOption(templateOption())
    .addOption(systemOption());
  for (const option of [...settingOptions(method), ...loraOptions()]) command.addOption(option);
  return command
    .option("--no-shuffle", "train rows in the order of the file")
    .addOption(threadsOption())
    .addOption(deviceOption())
    .option("--resume", "go on from the newest checkpoint in --out")
    .addOption(jsonOption());
}

function settingOptions(method: MethodName): Option[] {
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

function loraOptions(): Option[] {
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
function number(flags: string, description: string, parse: (text: string) => number): Option {
  return new Option(flags, description).argParser(parse);
}
