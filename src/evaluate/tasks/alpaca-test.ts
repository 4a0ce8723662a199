/** @file The paper's helpfulness set: Alpaca instructions with reference answers. Not bundled, see `data/LICENSES.md`. */
import type { Task } from "./task.js";

/** alpaca_test. */
export const ALPACA_TEST_TASKS: readonly Task[] = [
  {
    name: "alpaca_test",
    dataset: "alpaca_test",
    expectation: "should-answer",
    description: "helpfulness: instructions with reference answers",
    hasReferences: true,
  },
];
