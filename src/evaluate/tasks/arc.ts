/** @file ARC (Clark et al. 2018, arXiv 1803.05457): grade-school science questions, asked as lm-eval's `arc_easy` asks them. */
import { textOf } from "./fields.js";
import type { Fields, MultipleChoice, Task } from "./task.js";

/** `Question: …` and `Answer:` on two lines; ARC and PIQA share it. */
export function questionAnswer(fields: Fields): string {
  return `Question: ${textOf(fields, "question")}\nAnswer:`;
}

const ARC: MultipleChoice = {
  context: questionAnswer,
  examples: "own-set",
  metrics: ["acc", "acc_norm", "acc_bytes", "brier_score"],
};

/** Both parts of ARC's test set. */
export const ARC_TASKS: readonly Task[] = [
  {
    name: "arc-easy",
    dataset: "arc_easy",
    expectation: "neutral",
    description: "grade-school science, multiple choice",
    multipleChoice: ARC,
  },
  {
    name: "arc-challenge",
    dataset: "arc_challenge",
    expectation: "neutral",
    description: "the harder part of ARC",
    multipleChoice: ARC,
  },
];
