/**
 * @file Rows → questions of multiple choice with their worked examples, put together as lm-evaluation-harness does:
 * description, examples each with its answer and an empty line, then the question.
 */
import { ConfigError, DatasetError } from "../../core/errors.js";
import { stripAsPython } from "../../text/continuation.js";
import { idOf, placeIn, textListOf } from "./fields.js";
import { PythonRandom } from "./python-random.js";
import type { Fields, MultipleChoice } from "./task.js";

/** One question, ready to be scored. */
export interface ChoiceQuestion {
  /** All that the model reads before a choice. */
  readonly context: string;
  readonly choices: readonly string[];
  /** Place of the right choice. */
  readonly gold: number;
}

/** Stands between context and choice: lm-eval's `target_delimiter` without a chat template. */
export const CHOICE_DELIMITER = " ";

const EXAMPLE_DELIMITER = "\n\n";

/** lm-eval's `--fewshot_seed` unless another is given there. */
const FEW_SHOT_SEED = 1234;

/**
 * The questions of a set, in order. Examples drawn from the set itself depend on a question's place in the whole set and
 * on nothing else, so a sample of it has the same ones.
 * @param rows    the whole set
 * @param fewShot worked examples before each question
 * @param pool    rows of the data set of examples; empty where the set has none
 * @throws ConfigError when more examples are asked for than there are
 * @throws DatasetError for a row that is no question
 */
export function toQuestions(
  task: MultipleChoice,
  rows: readonly Fields[],
  fewShot: number,
  pool: readonly Fields[],
): ChoiceQuestion[] {
  const examples = exampleSource(task, rows, fewShot, pool);
  return rows.map((fields) => {
    const worked = examples(fields).map(
      (example) => `${requireContext(task, example)}${answerOf(task, example)}${EXAMPLE_DELIMITER}`,
    );
    const context = [task.description?.(fields) ?? "", ...worked, requireContext(task, fields)].join("");
    return { context, choices: choicesOf(task, fields), gold: goldOf(task, fields) };
  });
}

/** Worked examples that a task really has when `fewShot` are asked for. */
export function effectiveFewShot(task: MultipleChoice, fewShot: number): number {
  return task.examples === "none" ? 0 : fewShot;
}

/** Gives the examples of one question after the other: to be called once a row, in order. */
function exampleSource(
  task: MultipleChoice,
  rows: readonly Fields[],
  fewShot: number,
  pool: readonly Fields[],
): (fields: Fields) => readonly Fields[] {
  const { examples } = task;
  if (fewShot === 0 || examples === "none") return () => [];
  if (examples === "own-set") return drawnFrom(rows, fewShot);
  return (fields) => firstAlike(pool, fields, examples.sameColumn, fewShot);
}

/** One more than needed is drawn, so that the question itself can be left out (lm-eval's `ContextSampler`). */
function drawnFrom(rows: readonly Fields[], fewShot: number): (fields: Fields) => readonly Fields[] {
  if (fewShot >= rows.length) throw tooMany(fewShot, rows.length - 1);
  const random = new PythonRandom(FEW_SHOT_SEED);
  return (fields) =>
    random
      .sample(rows.length, fewShot + 1)
      .map((place) => rows[place] as Fields)
      .filter((example) => idOf(example) !== idOf(fields))
      .slice(0, fewShot);
}

function firstAlike(pool: readonly Fields[], fields: Fields, column: string, fewShot: number): Fields[] {
  const alike = pool.filter((example) => example[column] === fields[column]);
  if (fewShot > alike.length) throw tooMany(fewShot, alike.length);
  return alike.slice(0, fewShot);
}

function tooMany(asked: number, available: number): ConfigError {
  return new ConfigError(`--few-shot: expected at most ${available} worked examples, got ${asked}`);
}

function requireContext(task: MultipleChoice, fields: Fields): string {
  const context = task.context(fields);
  if (stripAsPython(context) !== "") return context;
  throw new DatasetError(`question ${idOf(fields)}: expected a question, got white space`);
}

function answerOf(task: MultipleChoice, fields: Fields): string {
  return `${CHOICE_DELIMITER}${choicesOf(task, fields)[goldOf(task, fields)] ?? ""}`;
}

/** A choice may be empty, as 17 questions of TruthfulQA have one: the space before it is then all that is scored. */
function choicesOf(task: MultipleChoice, fields: Fields): readonly string[] {
  const own = textListOf(fields, "choices");
  if (own.length < 2)
    throw new DatasetError(`question ${idOf(fields)}: expected at least two choices, got ${own.length}`);
  return task.choices ?? own;
}

function goldOf(task: MultipleChoice, fields: Fields): number {
  return placeIn(fields, "answer", choicesOf(task, fields).length);
}
