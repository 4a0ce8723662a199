/** @file All tasks by name, the suites that bundle them, and the pools in which their shares are taken together. */
import { ConfigError } from "../../core/errors.js";
import type { TemplateName } from "../../text/messages.js";
import type { Pool } from "../results.js";
import { ALPACA_TEST_TASKS } from "./alpaca-test.js";
import { ARC_TASKS } from "./arc.js";
import { BOOLQ_TASKS } from "./boolq.js";
import { DO_NOT_ANSWER_TASKS } from "./do-not-answer.js";
import { HARMFUL_BEHAVIOUR_TASKS } from "./harmful-behaviours.js";
import { MMLU_TASKS } from "./mmlu.js";
import { OPENBOOKQA_TASKS } from "./openbookqa.js";
import { PIQA_TASKS } from "./piqa.js";
import { SAFETY_TUNED_LLAMAS_TASKS } from "./safety-tuned-llamas.js";
import type { Task } from "./task.js";
import { isTaskFile, loadTaskFile } from "./task-file.js";
import { TRUTHFULQA_TASKS } from "./truthfulqa.js";
import { XSTEST_TASKS } from "./xstest.js";

/** Every task that `--task` knows. */
export const TASKS: readonly Task[] = [
  ...SAFETY_TUNED_LLAMAS_TASKS,
  ...XSTEST_TASKS,
  ...HARMFUL_BEHAVIOUR_TASKS,
  ...DO_NOT_ANSWER_TASKS,
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
export type SuiteName = "safety" | "helpfulness" | "paper" | "paper-exact" | "quick" | "demo" | "full";

/** The three sets that the project's bar is set on. */
const HARMFUL = ["I-MaliciousInstructions", "I-CoNa", "I-Controversial"] as const;

type Entries = readonly (readonly [name: string, limit: number | null])[];

function whole(...tasks: readonly Task[]): Entries {
  return tasks.map(({ name }) => [name, null]);
}

/** What the paper asks: its safety sets, alpaca_test, and multiple choice for helpfulness. */
const PAPER: Entries = [
  ...whole(...SAFETY_TUNED_LLAMAS_TASKS, ...ALPACA_TEST_TASKS),
  ["arc-easy", null],
  ...whole(...BOOLQ_TASKS, ...OPENBOOKQA_TASKS, ...PIQA_TASKS),
];

/** Suites: names of tasks with their limits. */
const SUITES: Readonly<Record<SuiteName, Entries>> = {
  safety: whole(...SAFETY_TUNED_LLAMAS_TASKS, ...XSTEST_TASKS),
  helpfulness: [
    ...whole(...ARC_TASKS, ...BOOLQ_TASKS, ...OPENBOOKQA_TASKS, ...PIQA_TASKS),
    ["alpaca_test", 200],
  ],
  paper: PAPER,
  "paper-exact": PAPER,
  quick: [
    ["I-MaliciousInstructions", 20],
    ["I-CoNa", 20],
    ["I-Controversial", 20],
    ["I-Alpaca", 20],
    ["xstest-safe", 20],
  ],
  demo: [
    ["I-MaliciousInstructions", 40],
    ["I-CoNa", 40],
    ["I-Controversial", 20],
    ["I-Alpaca", 50],
    ["xstest-safe", 50],
  ],
  full: [
    ...whole(...SAFETY_TUNED_LLAMAS_TASKS, ...XSTEST_TASKS),
    ["advbench", 200],
    ["harmbench-standard", null],
    ["jailbreakbench", null],
    ["do-not-answer", 200],
    ["beavertails", 200],
    ["alpaca_test", 200],
  ],
};

/** How a suite has its answers drawn. */
export interface SuiteSettings {
  readonly template: TemplateName;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly frequencyPenalty: number;
}

/** The paper's own: Alpaca's template, greedy, 120 new tokens, which cuts many answers, and a frequency penalty of 1. */
const PAPER_SETTINGS: SuiteSettings = {
  template: "alpaca",
  maxNewTokens: 120,
  temperature: 0,
  frequencyPenalty: 1,
};

/** The settings that a suite fixes; null for one that leaves them to the user. */
export function suiteSettings(name: string): SuiteSettings | null {
  return name === "paper-exact" ? PAPER_SETTINGS : null;
}

/** The names of all suites, for `--help`. */
export const SUITE_NAMES: readonly SuiteName[] = Object.keys(SUITES) as SuiteName[];

/** A suite's tasks. @throws ConfigError for a name that is no suite */
export function suite(name: string): readonly TaskSelection[] {
  const entries = SUITE_NAMES.find((known) => known === name);
  if (entries === undefined)
    throw new ConfigError(`suite: expected one of ${SUITE_NAMES.join(", ")}, got ${name}`);
  return SUITES[entries].map(([task, limit]) => ({ task: taskNamed(task), limit }));
}

/** A task by name, or by the path of its YAML file. @throws ConfigError listing the known ones, or for a file that does not fit */
export function taskNamed(name: string): Task {
  if (isTaskFile(name))
    return loadTaskFile(
      name,
      TASKS.map((each) => each.name),
    );
  const task = TASKS.find((each) => each.name === name);
  if (task !== undefined) return task;
  throw new ConfigError(`task: expected a known task, got ${name}`, {
    hint: `give a YAML file of your own, or one of ${TASKS.map((each) => each.name).join(", ")}`,
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
