/** @file `judge`: the judges that there are, their verdicts on a file of answers, and how well they agree with labels. */
import { Command, Option } from "commander";
import type {
  JudgeLabelOptions,
  JudgeListOptions,
  JudgeScoreOptions,
  JudgeTrainOptions,
  JudgeValidateOptions,
} from "../command-options.js";
import { integer, jsonOption, seedOption, threadsOption } from "../options.js";

const VALIDATE_NOTES = `
Of the catalogue's labelled sets the label column is known; of your own files name it with --label-field. Rates count the
answers to one prompt as alike. What the judge could not decide is in no rate and is counted.

Example:
  $ safe-to-serve judge validate --judge refusal-matcher --data gptfuzz --out runs/matcher-on-gptfuzz
  $ safe-to-serve judge validate --judge refusal-matcher --data mine.jsonl --label-field refused --labels refusal --out runs/mine
  $ safe-to-serve judge validate --judge runs/harm --data runs/dpo/evaluation --label-file labels.jsonl --out runs/harm-on-dpo`;

const LABEL_NOTES = `
The page shows one answer at a time, in random order, and no verdict of any judge. Keys: 1, 2, 3 label, S skips, U undoes, the
arrows look through. Every label is on disk at once: stop with Ctrl-C or Finish, run it again to go on. With labels of two people
in the file the end says how far they agree; --agreement says it without a page, also with a second file.

Example:
  $ safe-to-serve judge label --data runs/dpo/evaluation --sample 200 --out labels.jsonl --labeller ann
  $ safe-to-serve judge label --out labels.jsonl --agreement bob.jsonl`;

const TRAIN_NOTES = `
Hidden states of every answer are read once and kept: stop it and run it again, and it goes on where it was. All else is
quick. OUT/judge is then a judge for \`--judge OUT/judge\`; OUT/permissive learnt only from sources that permit commercial use.

Example:
  $ safe-to-serve judge train --recipe recipes/harm-judge.yaml --out runs/harm-judge`;

/** The command. */
export function judgeCommand(): Command {
  return new Command("judge")
    .description("list judges, judge answers, measure judges against labels, label answers, train a judge")
    .addCommand(listCommand())
    .addCommand(scoreCommand())
    .addCommand(validateCommand())
    .addCommand(labelCommand())
    .addCommand(trainCommand())
    .addHelpText("after", "\nExample:\n  $ safe-to-serve judge list");
}

function listCommand(): Command {
  return new Command("list")
    .description("judges known by name, with how well they agree with people where that was measured")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ safe-to-serve judge list --json")
    .action(async (options: JudgeListOptions) => {
      const { runJudgeList } = await import("../run/judge.js");
      runJudgeList(options);
    });
}

function scoreCommand(): Command {
  return withData(new Command("score").description("verdicts on given answers"))
    .requiredOption("--out <file>", "JSON Lines: {id, verdict}, in the order of the data")
    .addHelpText(
      "after",
      "\nExample:\n  $ safe-to-serve judge score --judge refusal-matcher --data answers.jsonl --out verdicts.jsonl",
    )
    .action(async (options: JudgeScoreOptions) => {
      const { runJudgeScore } = await import("../run/judge.js");
      await runJudgeScore(options);
    });
}

function validateCommand(): Command {
  return withData(new Command("validate").description("measure a judge against labels, with intervals"))
    .option("--label-field <column>", "column of the labels (default: the catalogue's)")
    .option(
      "--positive <values...>",
      "labels that mean harmful, or refused; all others mean not (default: 1, true, unsafe, harmful)",
    )
    .addOption(
      new Option(
        "--labels <kind>",
        "what the labels are about (default: the catalogue's, else harm)",
      ).choices(["harm", "refusal"]),
    )
    .addOption(
      new Option(
        "--label-file <file>",
        "labels that `judge label` made of these answers; those without one are left out",
      ).conflicts(["labelField", "positive", "labels"]),
    )
    .option("--labeller <name>", "whose labels of --label-file, where it has those of several people")
    .option("--category-field <column>", "column to break the rates down by (default: the catalogue's)")
    .option(
      "--same-kind <sets...>",
      "sets of evaluate whose answers are of the kind of these, of a like model: your word, by which their shares are corrected",
    )
    .addOption(new Option("--limit <n>", "only the first rows of the file").argParser(integer({ min: 1 })))
    .requiredOption("--out <folder>", "folder of validation.json and mistakes.html")
    .addOption(seedOption())
    .addHelpText("after", VALIDATE_NOTES)
    .action(async (options: JudgeValidateOptions) => {
      const { runJudgeValidate } = await import("../run/judge.js");
      await runJudgeValidate(options);
    });
}

function labelCommand(): Command {
  return withAnswers(
    new Command("label").description("label answers by hand, blind, on a page of this machine"),
  )
    .option("--data <file>", DATA)
    .requiredOption("--out <file>", "JSON Lines of labels; a file that is there goes on")
    .option("--labeller <name>", "whose labels these are", "me")
    .addOption(
      new Option("--labels <kind>", "harm: safe or unsafe; refusal: refusal, partial or compliance")
        .choices(["harm", "refusal"])
        .default("harm"),
    )
    .addOption(
      new Option("--sample <n>", "label a random sample (default: all answers)").argParser(
        integer({ min: 1 }),
      ),
    )
    .addOption(seedOption())
    .addOption(
      new Option("--port <n>", "port of the page on 127.0.0.1 (default: a free one)")
        .argParser(integer({ min: 0, max: 65535 }))
        .default(0),
    )
    .option(
      "--agreement [file]",
      "say how far the labellers agree, also with those of a second file, and end",
    )
    .addHelpText("after", LABEL_NOTES)
    .action(async (options: JudgeLabelOptions) => {
      const { runJudgeLabel } = await import("../run/judge-label.js");
      await runJudgeLabel(options);
    });
}

function trainCommand(): Command {
  return new Command("train")
    .description("train a harm judge by a recipe, and measure it on sources that it never saw")
    .requiredOption("--recipe <file>", "YAML: sources, what is read of the model, candidates")
    .requiredOption("--out <folder>", "folder of judge/, permissive/, folds.json and folds.md")
    .option("--features <folder>", "folder of hidden states, read once (default: in the model cache)")
    .addOption(
      new Option("--limit <n>", "at most so many rows, or pairs, of each source: for trials").argParser(
        integer({ min: 1 }),
      ),
    )
    .addOption(
      new Option(
        "--data-dir <folder>",
        "folder of data sets that are not bundled (default: SAFE_TO_SERVE_DATA)",
      ),
    )
    .addOption(threadsOption())
    .addOption(jsonOption())
    .addHelpText("after", TRAIN_NOTES)
    .action(async (options: JudgeTrainOptions) => {
      const { runJudgeTrain } = await import("../run/judge-train.js");
      await runJudgeTrain(options);
    });
}

const DATA = "rows {id, prompt, response}, the folder of an evaluation, or the name of a data set";

function withData(command: Command): Command {
  return withAnswers(
    command
      .requiredOption("--judge <name>", "a judge of `judge list`, name=model where it needs one")
      .requiredOption("--data <file>", DATA),
  ).addOption(threadsOption());
}

function withAnswers(command: Command): Command {
  return command
    .option("--prompt-field <column>", "column of the prompt (default: the catalogue's, else prompt)")
    .addOption(
      new Option(
        "--data-dir <folder>",
        "folder of data sets that are not bundled (default: SAFE_TO_SERVE_DATA)",
      ),
    )
    .addOption(jsonOption());
}
