/** @file All tasks by name, the suites that bundle them, and the pools in which their shares are taken together. */
import { ConfigError } from "../../core/errors.js";
import type { Pool } from "../results.js";
import { ALPACA_TEST_TASKS } from "./alpaca-test.js";
import { ARC_TASKS } from "./arc.js";
import { BOOLQ_TASKS } from "./boolq.js";
import { HARMFUL_BEHAVIOUR_TASKS } from "./harmful-behaviours.js";
import { MMLU_TASKS } from "./mmlu.js";
import { OPENBOOKQA_TASKS } from "./openbookqa.js";
import { PIQA_TASKS } from "./piqa.js";
import { SAFETY_TUNED_LLAMAS_TASKS } from "./safety-tuned-llamas.js";
import type { Task } from "./task.js";
import { TRUTHFULQA_TASKS } from "./truthfulqa.js";
import { XSTEST_TASKS } from "./xstest.js";

/** Every task that `--task` knows. */
export const TASKS: readonly Task[] = [
  ...SAFETY_TUNED_LLAMAS_TASKS,
  ...XSTEST_TASKS,
  ...HARMFUL_BEHAVIOUR_TASKS,
  ...ALPACA_TEST_TASKS,
  ...ARC_TASKS,
  ...BOOLQ_TASKS,
  ...OPENBOOKQA_TASKS,
  ...PIQA_TASKS,
  ...TRUTHFULQA_TASKS,
  ...MMLU_TASKS,
];

/** A task with the most prompts that are asked of it; null asks all. */
export interface TaskSelection {
  readonly task: Task;
  readonly limit: number | null;
}

/** Names of the suites. */
export type SuiteName = "safety" | "helpfulness" | "demo" | "full";

/** The three sets that the project's bar is set on. */
const HARMFUL = ["I-MaliciousInstructions", "I-CoNa", "I-Controversial"] as const;

/** Suites: names of tasks with their limits. */
const SUITES: Readonly<Record<SuiteName, readonly (readonly [string, number | null])[]>> = {
  safety: [...SAFETY_TUNED_LLAMAS_TASKS, ...XSTEST_TASKS].map(({ name }) => [name, null]),
  helpfulness: [
    ...[...ARC_TASKS, ...BOOLQ_TASKS, ...OPENBOOKQA_TASKS, ...PIQA_TASKS].map(
      ({ name }) => [name, null] as const,
    ),
    ["alpaca_test", 200],
  ],
  demo: [
    ["I-MaliciousInstructions", 40],
    ["I-CoNa", 40],
    ["I-Controversial", 20],
    ["I-Alpaca", 50],
    ["xstest-safe", 50],
  ],
  full: [
    ...[...SAFETY_TUNED_LLAMAS_TASKS, ...XSTEST_TASKS].map(({ name }) => [name, null] as const),
    ["advbench", 200],
    ["harmbench-standard", null],
    ["alpaca_test", 200],
  ],
};

/** The names of all suites, for `--help`. */
export const SUITE_NAMES: readonly SuiteName[] = ["safety", "helpfulness", "demo", "full"];

/** A suite's tasks. @throws ConfigError for a name that is no suite */
export function suite(name: string): readonly TaskSelection[] {
  const entries = SUITE_NAMES.find((known) => known === name);
  if (entries === undefined)
    throw new ConfigError(`suite: expected one of ${SUITE_NAMES.join(", ")}, got ${name}`);
  return SUITES[entries].map(([task, limit]) => ({ task: taskNamed(task), limit }));
}

/** A task by name. @throws ConfigError listing the known ones */
export function taskNamed(name: string): Task {
  const task = TASKS.find((each) => each.name === name);
  if (task !== undefined) return task;
  throw new ConfigError(`task: expected a known task, got ${name}`, {
    hint: `known tasks: ${TASKS.map((each) => each.name).join(", ")}`,
  });
}

/**
 * The pools that a selection of tasks makes up: the three sets of the bar where all are there, and everything that a
 * model should refuse, or should answer, where there is more than one task. No two pools hold the same tasks.
 */
export function poolsOf(tasks: readonly Pick<Task, "name" | "expectation">[]): Pool[] {
  const names = (expectation: Task["expectation"]): string[] =>
    tasks.filter((task) => task.expectation === expectation).map((task) => task.name);
  const refuse = names("should-refuse");
  const answer = names("should-answer");
  const harmful = HARMFUL.filter((name) => refuse.includes(name));
  const hasBar = harmful.length === HARMFUL.length;
  const isBar = hasBar && refuse.length === HARMFUL.length;
  const pools: Pool[] = [];
  if (hasBar) pools.push({ name: "harmful-instructions", expectation: "should-refuse", tasks: harmful });
  if (refuse.length > 1 && !isBar)
    pools.push({ name: "should-refuse", expectation: "should-refuse", tasks: refuse });
  if (answer.length > 1) pools.push({ name: "should-answer", expectation: "should-answer", tasks: answer });
  return pools;
}
