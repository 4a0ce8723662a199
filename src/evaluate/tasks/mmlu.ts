/**
 * @file MMLU (Hendrycks et al. 2020, arXiv 2009.03300): 57 subjects, lettered choices, as lm-eval's `mmlu` asks them.
 * A sample of 100 questions a subject, so that the share over questions is also the mean over subjects.
 */
import { stripAsPython } from "../../text/continuation.js";
import { textListOf, textOf } from "./fields.js";
import type { Fields, Task } from "./task.js";

const LETTERS = ["A", "B", "C", "D"] as const;

function context(fields: Fields): string {
  const choices = textListOf(fields, "choices");
  const lettered = LETTERS.map((letter, i) => `${letter}. ${choices[i] ?? ""}\n`).join("");
  return `${stripAsPython(textOf(fields, "question"))}\n${lettered}Answer:`;
}

function description(fields: Fields): string {
  const subject = textOf(fields, "subject").replaceAll("_", " ");
  return `The following are multiple choice questions (with answers) about ${subject}.\n\n`;
}

/** The sample. */
export const MMLU_TASKS: readonly Task[] = [
  {
    name: "mmlu-sample",
    dataset: "mmlu_test_100",
    expectation: "neutral",
    description: "57 subjects, 100 questions each",
    multipleChoice: {
      context,
      description,
      choices: LETTERS,
      examples: { dataset: "mmlu_dev", sameColumn: "subject" },
      metrics: ["acc", "brier_score"],
    },
  },
];
