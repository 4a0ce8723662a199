/** @file PIQA (Bisk et al. 2019, arXiv 1911.11641): which of two ways reaches a goal, as lm-eval's `piqa` asks it. */
import { questionAnswer } from "./arc.js";
import type { Task } from "./task.js";

/** The validation set. */
export const PIQA_TASKS: readonly Task[] = [
  {
    name: "piqa",
    dataset: "piqa",
    expectation: "neutral",
    description: "physical common sense, two ways to a goal",
    multipleChoice: {
      context: questionAnswer,
      examples: "own-set",
      metrics: ["acc", "acc_norm", "acc_bytes", "brier_score"],
    },
  },
];
