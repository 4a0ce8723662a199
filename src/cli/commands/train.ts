/** @file `train sft|sit|dpo|raft|reward`: one training run into one folder. */
import { Command, Option } from "commander";
import { DPO_LOSSES } from "../../train/losses/dpo-options.js";
import { type MethodName, REWARD_HEADS } from "../../train/options.js";
import type { TrainDpoFlags, TrainFlags, TrainRewardFlags, TrainSitFlags } from "../command-options.js";
import {
  adapterOption,
  countOrShare,
  decimal,
  deviceOption,
  jsonOption,
  modelOption,
  systemOption,
  templateOption,
  threadsOption,
} from "../options.js";
import { loraOptions, number, settingOptions } from "../training-options.js";
import { raftCommand } from "./train-raft.js";

/** The command. */
export function trainCommand(): Command {
  return new Command("train")
    .description(
      "train a LoRA adapter: sft, sit (instructions with safety examples), dpo (preference pairs) or raft (own best answers); or reward, a head that scores answers",
    )
    .addCommand(sftCommand())
    .addCommand(sitCommand())
    .addCommand(dpoCommand())
    .addCommand(raftCommand())
    .addCommand(rewardCommand())
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

function rewardCommand(): Command {
  return methodCommand(
    "reward",
    "a head that scores answers: reward, cost (zero is the threshold of harm) or classifier",
  )
    .addOption(
      new Option(
        "--head <kind>",
        "reward: rows {prompt, chosen, rejected[, margin]}; cost: those with is_chosen_safe and is_rejected_safe; classifier: {prompt, response, label}",
      )
        .choices(REWARD_HEADS)
        .makeOptionMandatory(),
    )
    .addOption(
      number(
        "--center-rewards-coefficient <c>",
        "reward: pull of a pair's rewards towards a mean of 0 (default: 0)",
        decimal(),
      ),
    )
    .addOption(
      number(
        "--cost-regularization <c>",
        "cost: weight of the mean squared cost (default: 0.001)",
        decimal(),
      ),
    )
    .addOption(new Option("--labels <names>", "classifier: classes (default: safe,unsafe)").argParser(names))
    .addOption(new Option("--label-field <name>", "classifier: column of the label (default: label)"))
    .addOption(
      new Option(
        "--class-weights <w>",
        "classifier: balanced, or a weight for each class (default: 1 each)",
      ).argParser((text: string) => (text === "balanced" ? text : text.split(",").map(decimal()))),
    )
    .addHelpText(
      "after",
      "\nExample:\n  $ safe-to-serve train reward --head classifier --data gptfuzz --label-field human_jailbroken --class-weights balanced --out runs/harm",
    )
    .action(async (flags: TrainRewardFlags) => {
      const { runTrainReward } = await import("../run/train.js");
      await runTrainReward(flags);
    });
}

function names(text: string): readonly string[] {
  return text.split(",");
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
