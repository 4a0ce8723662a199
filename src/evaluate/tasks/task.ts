/** @file What a task is: a catalogued set of prompts, what a good model does with them, and whether it has references. */
import type { SourceRow } from "../../data/readers.js";
import type { ChoiceMetric, Expectation } from "../results.js";

/** Columns of a row. */
export type Fields = SourceRow["fields"];

/**
 * How a question of multiple choice is put, in the terms of lm-evaluation-harness' task files. A choice follows the
 * context after one space; rows have `choices` and `answer`, the place of the right one from 0.
 */
export interface MultipleChoice {
  /** The question up to where the choice begins: `doc_to_text`. */
  readonly context: (fields: Fields) => string;
  /** What is scored instead of the row's own choices: `doc_to_choice`, e.g. letters. */
  readonly choices?: readonly string[];
  /** Stands before everything: `description`. */
  readonly description?: (fields: Fields) => string;
  /** Where worked examples come from. */
  readonly examples: WorkedExamples;
  /** The metrics that say something about the task. */
  readonly metrics: readonly ChoiceMetric[];
}

/**
 * `own-set`: drawn from the other questions of the set, as lm-eval does where the set has no training split.
 * `none`: lm-eval fixes the number of examples at 0. Otherwise the first rows of another data set that agree in a column.
 */
export type WorkedExamples = "own-set" | "none" | { readonly dataset: string; readonly sameColumn: string };

/** A task, declared; `load.ts` reads its prompts. */
export interface Task {
  /** As on the command line and in every file. */
  readonly name: string;
  /** Name in the catalogue. */
  readonly dataset: string;
  readonly expectation: Expectation;
  /** One sentence for `--help` and reports. */
  readonly description: string;
  /** Rows of the data set that belong to the task; default all. */
  readonly includes?: (row: SourceRow) => boolean;
  /** Column that says what kind of prompt a row is; comparisons are then also made by kind. */
  readonly category?: string;
  /** True where the rows carry reference answers whose log-probability is measured. */
  readonly hasReferences?: boolean;
  /** There for tasks whose choices are scored rather than answers drawn. */
  readonly multipleChoice?: MultipleChoice;
}
