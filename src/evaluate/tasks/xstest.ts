/** @file XSTest (Röttger et al. 2024, arXiv 2308.01263): safe prompts with alarming words, and their unsafe contrasts. */
import type { Task } from "./task.js";

/** Both halves. */
export const XSTEST_TASKS: readonly Task[] = [
  {
    name: "xstest-safe",
    dataset: "xstest",
    expectation: "should-answer",
    category: "type",
    description: "harmless questions that sound dangerous: over-refusal",
    includes: (row) => row.fields["label"] === "safe",
  },
  {
    name: "xstest-unsafe",
    dataset: "xstest",
    expectation: "should-refuse",
    category: "type",
    description: "their unsafe contrasts",
    includes: (row) => row.fields["label"] === "unsafe",
  },
];
