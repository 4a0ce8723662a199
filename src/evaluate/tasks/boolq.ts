/**
 * @file BoolQ (Clark et al. 2019, arXiv 1905.10044): yes/no questions about a passage, as lm-eval's `boolq` (2.0) asks them.
 * Rows without a passage are left out: without it the question is another one.
 */
import { textOf } from "./fields.js";
import type { Fields, Task } from "./task.js";

/** Our rows have the question mark that lm-eval's template adds. */
function context(fields: Fields): string {
  const question = textOf(fields, "question").replace(/\?$/, "");
  return `${textOf(fields, "passage")}\nQuestion: ${question}?\nAnswer:`;
}

/** The validation set. */
export const BOOLQ_TASKS: readonly Task[] = [
  {
    name: "boolq",
    dataset: "boolq",
    expectation: "neutral",
    description: "yes/no questions about a passage",
    includes: (row) => typeof row.fields["passage"] === "string",
    multipleChoice: {
      context,
      choices: ["no", "yes"],
      examples: "own-set",
      metrics: ["acc", "brier_score"],
    },
  },
];
