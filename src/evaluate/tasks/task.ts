/** @file What a task is: a catalogued set of prompts, what a good model does with them, and whether it has references. */
import type { SourceRow } from "../../data/readers.js";
import type { Expectation } from "../results.js";

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
  /** True where the rows carry reference answers whose log-probability is measured. */
  readonly hasReferences?: boolean;
}
