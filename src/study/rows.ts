/**
 * @file Rows for a recipe: the fit ones of a data set (no benchmark prompt, each prompt once, short enough, refusing if
 * asked), of which a seeded draw is trained on and some of the others are held out to watch.
 */
import { ConfigError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { assertTrainable, type DataFolders, resolveDataset } from "../data/catalogue.js";
import { toPromptCompletions, userTurns } from "../data/columns.js";
import { type BenchmarkPrompt, dropContaminated } from "../data/contamination.js";
import type { PromptCompletion } from "../data/examples.js";
import { readRows } from "../data/readers.js";
import { promptKey, seededOrder } from "../data/splits.js";
import { matchRefusal } from "../judges/refusal-matcher.js";
import type { RowSelection } from "./recipe.js";

/** The fit rows of a data set, in seeded order, with what was left out. */
export interface FitRows {
  readonly rows: readonly PromptCompletion[];
  readonly record: SelectionRecord;
}

/** What `study.json` says about the rows of a data set. */
export interface SelectionRecord {
  /** As the recipe names it. */
  readonly name: string;
  /** Of the data file's content. */
  readonly sha256: string;
  readonly licence: string | null;
  readonly isNonCommercial: boolean;
  readonly rows: number;
  /** Rows left out, by reason: each row counts once. */
  readonly left: Readonly<
    Record<
      | "contaminated"
      | "repeatedPrompt"
      | "otherPrompt"
      | "emptyAnswer"
      | "longAnswer"
      | "otherAnswer"
      | "noRefusal",
      number
    >
  >;
  readonly fit: number;
}

/** Rows that were drawn to train on, and the rest in seeded order. */
export interface Draw {
  readonly drawn: readonly PromptCompletion[];
  readonly rest: readonly PromptCompletion[];
}

/** What the draws of a study share. */
export interface RowContext extends DataFolders {
  readonly seed: number;
  /** Prompts that no row may overlap with. */
  readonly benchmarks: readonly BenchmarkPrompt[];
}

/**
 * Reads the fit rows of a data set; the set's name goes before their ids.
 * @throws ConfigError, DatasetError for files and names, and for benchmarks, which nothing is trained on
 */
export async function loadFitRows(selection: RowSelection, context: RowContext): Promise<FitRows> {
  const dataset = await resolveDataset(selection.name, context);
  assertTrainable(dataset, "policy");
  const name = dataset.name ?? selection.name;
  const rows = toPromptCompletions(await readRows(dataset.path));
  const named = rows.map((row) => ({ ...row, id: `${name}/${row.id}` }));
  const { sha256: hash, licence, isNonCommercial } = dataset;
  const { fit, left } = fitRows(named, selection, context.benchmarks);
  const ordered = seededOrder(fit, (row) => row.id, context.seed).map((row) => limited(row, selection));
  const record = { name, sha256: hash, licence, isNonCommercial, rows: rows.length, left, fit: fit.length };
  return { rows: ordered, record };
}

function limited(row: PromptCompletion, { maxCompletionLength }: RowSelection): PromptCompletion {
  return maxCompletionLength === undefined ? row : { ...row, maxCompletionLength };
}

/** Sorts out unfit rows; the order stays. */
export function fitRows(
  rows: readonly PromptCompletion[],
  selection: RowSelection,
  benchmarks: readonly BenchmarkPrompt[],
): { readonly fit: PromptCompletion[]; readonly left: SelectionRecord["left"] } {
  const left = {
    contaminated: 0,
    repeatedPrompt: 0,
    otherPrompt: 0,
    emptyAnswer: 0,
    longAnswer: 0,
    otherAnswer: 0,
    noRefusal: 0,
  };
  const clean = new Set(dropContaminated(rows, (row) => userTurns(row.prompt), benchmarks).rows);
  const seen = new Set<string>();
  const isWanted = matching(selection.promptMatches);
  const reasonOf = (row: PromptCompletion): keyof typeof left | null => {
    if (!clean.has(row)) return "contaminated";
    const key = promptKey(row);
    if (seen.has(key)) return "repeatedPrompt";
    seen.add(key);
    if (!isWanted(userTurns(row.prompt).join("\n"))) return "otherPrompt";
    return unfitAnswer(answerText(row), selection);
  };
  const fit = rows.filter((row) => {
    const reason = reasonOf(row);
    if (reason !== null) left[reason]++;
    return reason === null;
  });
  return { fit, left };
}

function unfitAnswer(
  answer: string,
  { maxAnswerCharacters = Number.POSITIVE_INFINITY, answerMatches, mustRefuse = false }: RowSelection,
): "emptyAnswer" | "longAnswer" | "otherAnswer" | "noRefusal" | null {
  if (answer.trim() === "") return "emptyAnswer";
  if (answer.length > maxAnswerCharacters) return "longAnswer";
  if (!matching(answerMatches)(answer)) return "otherAnswer";
  return mustRefuse && matchRefusal(answer) === undefined ? "noRefusal" : null;
}

/** Whether a text matches a pattern; all do when there is none. */
function matching(source: string | undefined): (text: string) => boolean {
  const expression = source === undefined ? null : new RegExp(source, "iu");
  return (text) => expression?.test(text) ?? true;
}

/** The fit rows of several selections, none of them without those that an earlier one draws. */
export async function loadSelections(
  selections: readonly RowSelection[],
  context: RowContext,
): Promise<{ readonly selection: RowSelection; readonly fit: FitRows }[]> {
  const loaded: { selection: RowSelection; fit: FitRows }[] = [];
  const taken = new Set<string>();
  for (const selection of selections) {
    const { rows, record } = await loadFitRows(selection, context);
    const own = rows.filter((row) => !taken.has(promptKey(row)));
    for (const row of own.slice(0, selection.rows)) taken.add(promptKey(row));
    loaded.push({ selection, fit: { rows: own, record: { ...record, fit: own.length } } });
  }
  return loaded;
}

/** Takes the first rows in seeded order. @throws ConfigError when there are not as many as the recipe asks for */
export function drawRows({ rows, record }: FitRows, asked: number | undefined): Draw {
  const wanted = asked ?? rows.length;
  if (wanted > rows.length)
    throw new ConfigError(
      `recipe: expected at most ${rows.length} rows of ${record.name}, as many as are fit, got ${wanted}`,
      { hint: `of ${record.rows} rows ${leftInWords(record)} were left out; lower rows or leave it out` },
    );
  return { drawn: rows.slice(0, wanted), rest: rows.slice(wanted) };
}

/** Up to `wanted` rows from what several draws left, from each in turn; no prompt that is drawn, none twice. */
export function holdOut(draws: readonly Draw[], wanted: number): PromptCompletion[] {
  const known = new Set(draws.flatMap(({ drawn }) => drawn.map(promptKey)));
  const held: PromptCompletion[] = [];
  const longest = Math.max(0, ...draws.map(({ rest }) => rest.length));
  for (let i = 0; i < longest; i++) {
    for (const row of draws.flatMap(({ rest }) => rest.slice(i, i + 1))) {
      if (held.length === wanted) return held;
      if (!known.has(promptKey(row))) held.push(row);
      known.add(promptKey(row));
    }
  }
  return held;
}

/** sha256 of rows as they are trained. */
export function hashRows(rows: readonly PromptCompletion[]): string {
  return sha256(JSON.stringify(rows));
}

function answerText(row: PromptCompletion): string {
  return row.completion.map(({ content }) => content).join("\n");
}

function leftInWords({ left }: SelectionRecord): string {
  const counts = Object.entries(left).filter(([, n]) => n > 0);
  return counts.map(([reason, n]) => `${n} ${reason}`).join(", ") || "none";
}
