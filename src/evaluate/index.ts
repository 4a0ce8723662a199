/** @module Evaluations of a chat model: tasks and suites, resumable runs, numbers with intervals, comparisons, verdicts. */
export { findLoop, type Loop } from "../stats/loops.js";
export type { BertScoring } from "./bert-scores.js";
export { type CompareOptions, compareEvaluations } from "./compare.js";
export * from "./comparison.js";
export type { EvaluateOptions, EvaluationProgress } from "./options.js";
export {
  type ChangeRule,
  type JudgeRequirement,
  loadPolicy,
  type Policy,
  parsePolicy,
  type ShareRule,
} from "./policy.js";
export { type Evaluation, readEvaluation } from "./read.js";
export * from "./results.js";
export type { RuleName, RuleVerdict } from "./rule.js";
export { evaluate } from "./run.js";
export { type LabelSource, readLabels } from "./run-labels.js";
export { type Sweep, type SweepRow, sumUpSweep, type VariantShare } from "./sweep/table.js";
export { variantModel } from "./sweep/variant-model.js";
export { loadSweep, type Variant } from "./sweep/variants.js";
export { SUITE_NAMES, suite, TASKS, type TaskSelection, taskNamed } from "./tasks/suites.js";
export type { MultipleChoice, Task, WorkedExamples } from "./tasks/task.js";
export { decide, strictest } from "./verdict.js";
