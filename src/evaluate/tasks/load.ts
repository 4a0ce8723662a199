/** @file Reads a task's prompts from its data set and takes the seeded sample that `--limit` asks for. */

import { hashJson, sha256 } from "../../core/hash.js";
import { hashKey } from "../../core/random.js";
import { findEntry, locateEntry, resolveDataset } from "../../data/catalogue.js";
import { toPromptResponses, toPromptRows } from "../../data/columns.js";
import { readRows, type SourceRow } from "../../data/readers.js";
import type { Message } from "../../text/messages.js";
import type { EvaluationTask } from "../results.js";
import { idOf } from "./fields.js";
import { type ChoiceQuestion, effectiveFewShot, toQuestions } from "./questions.js";
import type { TaskSelection } from "./suites.js";
import type { Fields, MultipleChoice, Task } from "./task.js";

/** One prompt of a task. */
export interface TaskPrompt {
  readonly id: string;
  readonly messages: readonly Message[];
  /** sha256 of the messages; of a question also of its choices and the right one. */
  readonly hash: string;
  /** The reference answer, where the task has one. */
  readonly reference?: string;
  /** Its kind, where the data set tells kinds apart. */
  readonly category?: string;
  /** There for multiple choice; `messages` then holds its context, to be read and not to be put in a template. */
  readonly question?: ChoiceQuestion;
}

/** A task with the prompts that will be asked, in the order of the data set. */
export interface LoadedTask {
  readonly task: Task;
  readonly prompts: readonly TaskPrompt[];
  readonly record: EvaluationTask;
}

/** How prompts are picked and where data lies. */
export interface LoadOptions {
  /** The most prompts a task, below any limit of the suite; null for no further limit. */
  readonly limit: number | null;
  readonly seed: number;
  readonly dataDir?: string;
  /** Worked examples before a question of multiple choice; default 0. */
  readonly fewShot?: number;
}

/** The tasks that could be read, and a note for each that was left out. */
export interface LoadedTasks {
  readonly tasks: readonly LoadedTask[];
  readonly notes: readonly string[];
}

/**
 * Loads a selection; a task whose data set is not bundled and not there is left out with a note.
 * @throws DatasetError when a data set is not what its checksum says
 */
export async function loadTasks(
  selection: readonly TaskSelection[],
  options: LoadOptions,
): Promise<LoadedTasks> {
  const tasks: LoadedTask[] = [];
  const notes: string[] = [];
  for (const { task, limit } of selection) {
    if (isMissing(task, options)) notes.push(missingNote(task));
    else tasks.push(await loadTask(task, { ...options, limit: smaller(limit, options.limit) }));
  }
  return { tasks, notes };
}

/** Loads one task. @throws ConfigError when its data set is not there */
export async function loadTask(task: Task, options: LoadOptions): Promise<LoadedTask> {
  const { multipleChoice } = task;
  if (multipleChoice !== undefined) return loadQuestions(task, multipleChoice, options);
  const { path } = await resolveDataset(task.dataset, folders(options));
  const rows = (await readRows(path)).filter(task.includes ?? (() => true));
  const all = task.hasReferences ? toPromptResponses(rows) : toPromptRows(rows);
  const categories = categoriesOf(task, rows);
  const prompts = samplePrompts(task.name, all, options).map(
    (row: { id: string; messages: readonly Message[]; response?: string }) => ({
      id: row.id,
      messages: row.messages,
      hash: hashMessages(row.messages),
      ...(row.response === undefined ? {} : { reference: row.response }),
      ...(categories.has(row.id) ? { category: categories.get(row.id) as string } : {}),
    }),
  );
  return { task, prompts, record: record(task, prompts, all.length) };
}

/** Kinds by id of the prompt; those without one are left out. */
function categoriesOf({ category }: Task, rows: readonly SourceRow[]): ReadonlyMap<string, string> {
  if (category === undefined) return new Map();
  return new Map(
    rows.flatMap(({ fields }): [string, string][] => {
      const value = fields[category];
      return typeof value === "string" && value !== "" ? [[idOf(fields), value]] : [];
    }),
  );
}

/** Questions are made of the whole set before a sample is taken: see {@link toQuestions}. */
async function loadQuestions(
  task: Task,
  multipleChoice: MultipleChoice,
  options: LoadOptions,
): Promise<LoadedTask> {
  const read = async (dataset: string): Promise<SourceRow[]> =>
    readRows((await resolveDataset(dataset, folders(options))).path);
  const fewShot = effectiveFewShot(multipleChoice, options.fewShot ?? 0);
  const rows = (await read(task.dataset)).filter(task.includes ?? (() => true)).map(fieldsOf);
  const pool = fewShot === 0 ? [] : await Promise.all(exampleDatasets(multipleChoice).map(read));
  const questions = toQuestions(multipleChoice, rows, fewShot, pool.flat().map(fieldsOf));
  const all = rows.map((fields, i) => toQuestionPrompt(idOf(fields), questions[i] as ChoiceQuestion));
  const prompts = samplePrompts(task.name, all, options);
  const { metrics } = multipleChoice;
  return {
    task,
    prompts,
    record: { ...record(task, prompts, all.length), multipleChoice: { metrics, fewShot } },
  };
}

function fieldsOf(row: SourceRow): Fields {
  return row.fields;
}

function exampleDatasets({ examples }: MultipleChoice): string[] {
  return typeof examples === "string" ? [] : [examples.dataset];
}

function toQuestionPrompt(id: string, question: ChoiceQuestion): TaskPrompt {
  const { context, choices, gold } = question;
  const messages: Message[] = [{ role: "user", content: context }];
  return { id, messages, hash: hashJson({ context, choices: [...choices], gold }), question };
}

/** sha256 of a conversation: what must agree for two answers to be comparable. */
export function hashMessages(messages: readonly Message[]): string {
  return hashJson(messages.map(({ role, content }) => ({ role, content })));
}

/**
 * The `limit` rows whose hash under the seed is smallest, in the order of the data set. A larger limit keeps all rows of
 * a smaller one, and no row depends on what else is in the file.
 */
export function samplePrompts<Row extends { readonly id: string }>(
  task: string,
  rows: readonly Row[],
  { limit, seed }: Pick<LoadOptions, "limit" | "seed">,
): Row[] {
  if (limit === null || limit >= rows.length) return [...rows];
  const ranked = rows
    .map((row, i) => ({ i, rank: hashKey(["prompt-sample", seed, task, row.id]) }))
    .sort((a, b) => a.rank - b.rank || a.i - b.i)
    .slice(0, limit);
  return ranked.sort((a, b) => a.i - b.i).map(({ i }) => rows[i] as Row);
}

function record(task: Task, prompts: readonly TaskPrompt[], of: number): EvaluationTask {
  return {
    name: task.name,
    dataset: task.dataset,
    expectation: task.expectation,
    prompts: prompts.length,
    of,
    promptsHash: sha256(prompts.map(({ id, hash }) => `${id}\u0000${hash}\n`).join("")),
    hasReferences: task.hasReferences === true,
  };
}

function isMissing({ dataset, multipleChoice }: Task, options: LoadOptions): boolean {
  const examples = multipleChoice && (options.fewShot ?? 0) > 0 ? exampleDatasets(multipleChoice) : [];
  return [dataset, ...examples].some((name) => {
    const entry = findEntry(name);
    return entry !== null && !entry.isBundled && locateEntry(entry, folders(options)) === null;
  });
}

function missingNote(task: Task): string {
  return `${task.name}: left out, its data set is not bundled; name the folder that holds it with --data-dir or SAFE_TO_SERVE_DATA`;
}

function folders({ dataDir }: LoadOptions): { dataDir?: string } {
  return dataDir === undefined ? {} : { dataDir };
}

function smaller(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
