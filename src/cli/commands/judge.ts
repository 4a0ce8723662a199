/** @file `judge`: the judges that there are, their verdicts on a file of answers, and how well they agree with labels. */
import { Command, Option } from "commander";
import type { JudgeListOptions, JudgeScoreOptions, JudgeValidateOptions } from "../command-options.js";
import { integer, jsonOption, seedOption, threadsOption } from "../options.js";

const VALIDATE_NOTES = `
Of the catalogue's labelled sets the label column is known; of your own files name it with --label-field. Rates count the
answers to one prompt as alike. What the judge could not decide is in no rate and is counted.

Example:
  $ safe-to-serve judge validate --judge refusal-matcher --data gptfuzz --out runs/matcher-on-gptfuzz
  $ safe-to-serve judge validate --judge refusal-matcher --data mine.jsonl --label-field refused --labels refusal --out runs/mine`;

/** The command. */
export function judgeCommand(): Command {
  return new Command("judge")
    .description("list judges, judge answers, measure judges against labels")
    .addCommand(listCommand())
    .addCommand(scoreCommand())
    .addCommand(validateCommand())
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
    .option("--category-field <column>", "column to break the rates down by (default: the catalogue's)")
    .addOption(new Option("--limit <n>", "only the first rows of the file").argParser(integer({ min: 1 })))
    .requiredOption("--out <folder>", "folder of validation.json and mistakes.html")
    .addOption(seedOption())
    .addHelpText("after", VALIDATE_NOTES)
    .action(async (options: JudgeValidateOptions) => {
      const { runJudgeValidate } = await import("../run/judge.js");
      await runJudgeValidate(options);
    });
}

function withData(command: Command): Command {
  return command
    .requiredOption("--judge <name>", "a judge of `judge list`, name=model where it needs one")
    .requiredOption("--data <file>", "rows {id, prompt, response}, or the name of a data set")
    .option("--prompt-field <column>", "column of the prompt (default: the catalogue's, else prompt)")
    .addOption(threadsOption())
    .addOption(
      new Option(
        "--data-dir <folder>",
        "folder of data sets that are not bundled (default: SAFE_TO_SERVE_DATA)",
      ),
    )
    .addOption(jsonOption());
}
