/** @file `train raft`: stages of sampling, ranking by reward, and fine-tuning on the best, in one folder. */
import { Command, InvalidArgumentError, Option } from "commander";
import { RAFT_DEFAULTS, RANKINGS } from "../../train/raft/options.js";
import type { NumberedModel, TrainRaftFlags } from "../command-options.js";
import {
  adapterOption,
  decimal,
  deviceOption,
  integer,
  jsonOption,
  modelOption,
  systemOption,
  templateOption,
  threadsOption,
} from "../options.js";
import { loraOptions, number, settingOptions } from "../training-options.js";

/** The command. */
export function raftCommand(): Command {
  const command = new Command("raft")
    .description("Reward rAnked FineTuning: sample, keep the answers with the greatest reward, train on them")
    .requiredOption(
      "--prompts <file>",
      "prompts {prompt}: JSON Lines, JSON, Parquet, or the name of a data set",
    )
    .option("--eval-prompts <file>", "held-out prompts (default: some of --prompts, left out of training)")
    .requiredOption("--out <folder>", "folder of the run")
    .addOption(modelOption())
    .addOption(adapterOption("PEFT folder to start from"))
    .addOption(templateOption())
    .addOption(systemOption());
  for (const option of [...scorerOptions(), ...raftOptions(), ...settingOptions("raft"), ...loraOptions()])
    command.addOption(option);
  return command
    .addOption(threadsOption())
    .addOption(deviceOption())
    .option("--resume", "go on where the run in --out stopped; --stages may be larger than before")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  $ safe-to-serve train raft --prompts prompts.jsonl --reward ./helpful=1 --veto ./harm=0.5 --out runs/raft",
    )
    .action(async (flags: TrainRaftFlags) => {
      const { runTrainRaft } = await import("../run/train-raft.js");
      await runTrainRaft(flags);
    });
}

function scorerOptions(): Option[] {
  return [
    new Option(
      "--reward <path=weight>",
      "reward model to rank by, with its weight; may be given several times",
    )
      .argParser(numberedModel(1))
      .makeOptionMandatory(),
    new Option(
      "--veto <path=threshold>",
      "harm classifier: a sample whose P(unsafe) reaches the threshold is never trained on; may be given several times",
    )
      .argParser(numberedModel(0.5))
      .default([], "none"),
    new Option(
      "--second-reward <path>",
      "reward model that held-out answers are scored by, never ranked by, and that decides when to stop",
    ),
  ];
}

function raftOptions(): Option[] {
  const d = RAFT_DEFAULTS;
  const count = integer({ min: 1 });
  const from0 = integer({ min: 0 });
  return [
    number("--samples <k>", `answers drawn for each that is kept (default: ${d.samples})`, count),
    number("--stage-prompts <b>", `answers kept in a stage at most (default: ${d.stagePrompts})`, count),
    number("--stages <n>", `stages at most (default: ${d.stages})`, count),
    number("--temperature <t>", `of the samples (default: ${d.temperature})`, decimal()),
    number("--top-p <p>", `keep the likeliest tokens up to this share (default: ${d.topP})`, decimal()),
    number("--max-new-tokens <n>", `at most this many tokens an answer (default: ${d.maxNewTokens})`, count),
    new Option(
      "--ranking <name>",
      `the best of each prompt, or the best of all with one sample a prompt (default: ${d.ranking})`,
    ).choices(RANKINGS),
    number("--kl-weight <b>", `ranks by reward − b · log(p_t/p_0) (default: ${d.klWeight})`, decimal()),
    number(
      "--min-answer-tokens <n>",
      `shorter answers are never trained on (default: ${d.minAnswerTokens})`,
      from0,
    ),
    number("--held-out <n>", `prompts answered after every stage (default: ${d.heldOut})`, from0),
    number("--patience <n>", `stop after so many stages without a new best (default: ${d.patience})`, count),
    number(
      "--epochs-per-stage <n>",
      `passes over the kept answers (default: ${d.epochsPerStage})`,
      decimal(),
    ),
    number(
      "--sample-batch-size <n>",
      `answers drawn side by side: memory and speed only (default: ${d.sampleBatchSize})`,
      count,
    ),
  ];
}

/** Parses `path=number`; the number behind the last "=" may be left out. */
export function numberedModel(
  fallback: number,
): (text: string, before?: readonly NumberedModel[]) => NumberedModel[] {
  return (text, before = []) => {
    const [, path = text, given] = /^(.+)=([^=]*)$/.exec(text) ?? [];
    const value = given === undefined ? fallback : Number(given);
    if (path === "" || given?.trim() === "" || !Number.isFinite(value))
      throw new InvalidArgumentError(`expected <path>=<number>, got "${text}"`);
    return [...before, { path, number: value }];
  };
}
