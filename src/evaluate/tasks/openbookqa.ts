/** @file OpenBookQA (Mihaylov et al. 2018, arXiv 1809.02789): the bare stem, as lm-eval's `openbookqa` asks it. */
import { textOf } from "./fields.js";
import type { Task } from "./task.js";

/** The test set. */
export const OPENBOOKQA_TASKS: readonly Task[] = [
  {
    name: "openbookqa",
    dataset: "openbookqa",
    expectation: "neutral",
    description: "elementary science, multiple choice",
    multipleChoice: {
      context: (fields) => textOf(fields, "question"),
      examples: "own-set",
      metrics: ["acc", "acc_norm", "acc_bytes", "brier_score"],
    },
  },
];
