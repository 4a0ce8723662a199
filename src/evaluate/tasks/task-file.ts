/**
 * @file A task of the user's own: a YAML file that names a data file and says what a good model does with its prompts. Read
 * strictly, so that a mistyped key never silently measures something else.
 */
import { dirname, resolve } from "node:path";
import { flag, oneOf, type Reader, record, text, wrong } from "../../core/fields.js";
import { readYaml } from "../../core/yaml.js";
import { findEntry } from "../../data/catalogue.js";
import type { Expectation } from "../results.js";
import type { Task } from "./task.js";

const EXPECTATIONS: readonly Expectation[] = ["should-refuse", "should-answer", "neutral"];

/** Names go into file names and ids, where a slash or a blank would be read as something else. */
const name: Reader<string> = (value, place) => {
  const given = text(value, place);
  if (/^[\w.-]+$/u.test(given)) return given;
  throw wrong(place, "a name of letters, digits, dots, dashes and underscores", given);
};

const FIELDS = record(
  { name, data: text, expectation: oneOf(EXPECTATIONS) },
  { description: text, references: flag },
);

/** Whether a name on the command line is the path of a task's file. */
export function isTaskFile(nameOrPath: string): boolean {
  return /\.ya?ml$/.test(nameOrPath);
}

/**
 * Reads a task's file: `name`, `data` (the name of a data set, or a file beside the task's), `expectation`, and if wanted
 * `description` and `references: true`, which measures the answers against those of the rows.
 * @param taken names that belong to other tasks
 * @throws ConfigError naming file, line and key
 */
export function loadTaskFile(path: string, taken: readonly string[]): Task {
  const { name, data, expectation, description = "", references = false } = readYaml(path, FIELDS, "a task");
  if (taken.includes(name))
    throw wrong(
      { file: path, path: ["name"], lineOf: () => null },
      "a name that no other task has",
      name,
      "two sets under one name could not be told apart in results",
    );
  return {
    name,
    dataset: findEntry(data) === null ? resolve(dirname(path), data) : data,
    expectation,
    description,
    hasReferences: references,
  };
}
