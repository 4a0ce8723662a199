/**
 * @file Rows for a run: read, refused if they are a benchmark, checked against all evaluation prompts. Which rows may not
 * be used, and why, is decided here; the counting is done when they are prepared.
 */
import { DatasetError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { benchmarkSets, loadBenchmarkPrompts } from "../data/benchmarks.js";
import { assertTrainable, type DataFolders, resolveDataset } from "../data/catalogue.js";
import { userTurns } from "../data/columns.js";
import {
  type ContaminationReport,
  countOverlaps,
  findContamination,
  type Overlap,
} from "../data/contamination.js";
import { conversationKey } from "../data/dedupe.js";
import { readRows, type SourceRow } from "../data/readers.js";
import type { Message } from "../text/messages.js";
import type { DataSource } from "./options.js";
import type { DropReason } from "./preparation-report.js";

/** A row with a prompt. */
export interface PromptedRow {
  readonly id: string;
  readonly prompt: readonly Message[];
}

/** Rows and where they come from. */
export interface LoadedRows<Row> {
  /** Path or name as given; "(rows)" when rows were given. */
  readonly name: string;
  /** sha256 of the rows. */
  readonly hash: string;
  readonly rows: readonly Row[];
}

/**
 * Reads rows; a file of a benchmark is refused.
 * @param learner what is trained: judges may learn from labelled answers, policies not
 * @throws ConfigError, DatasetError
 */
export async function loadRows<Row>(
  source: DataSource<Row>,
  convert: (rows: readonly SourceRow[]) => Row[],
  folders: DataFolders,
  learner: "policy" | "judge" = "policy",
): Promise<LoadedRows<Row>> {
  if (typeof source !== "string") return { name: "(rows)", hash: hashRows(source), rows: source };
  const dataset = await resolveDataset(source, folders);
  assertTrainable(dataset, learner);
  const rows = convert(await readRows(dataset.path));
  return { name: source, hash: hashRows(rows), rows };
}

/** What the check against evaluation prompts found. */
export interface ContaminationCheck {
  /** Names of the sets checked against, and of those that were not at hand. */
  readonly checkedAgainst: readonly string[];
  readonly absent: readonly string[];
  /** Null when nothing was checked. */
  readonly report: ContaminationReport | null;
  readonly overlaps: readonly Overlap[];
}

/** The check that was not made. */
export const NOT_CHECKED: ContaminationCheck = { checkedAgainst: [], absent: [], report: null, overlaps: [] };

/**
 * Looks for evaluation prompts among the user turns of training rows.
 * @param onWarning told when the evaluation sets are not at hand
 */
export async function checkContamination(
  rows: readonly PromptedRow[],
  folders: DataFolders,
  onWarning: (message: string) => void,
): Promise<ContaminationCheck> {
  try {
    const { present, absent } = benchmarkSets(folders);
    const prompts = await loadBenchmarkPrompts(folders);
    const overlaps = findContamination(
      rows.map(({ id, prompt }) => ({ id, texts: userTurns(prompt) })),
      prompts,
    );
    const kept = rows.length - new Set(overlaps.map(({ rowId }) => rowId)).size;
    const report = { rows: rows.length, kept, benchmarkPrompts: prompts.length, ...countOverlaps(overlaps) };
    const names = (entries: readonly { readonly name: string }[]) => entries.map(({ name }) => name);
    return { checkedAgainst: names(present), absent: names(absent), report, overlaps };
  } catch (error) {
    if (!(error instanceof DatasetError)) throw error;
    onWarning(`training data was not checked against evaluation prompts: ${error.message}`);
    return NOT_CHECKED;
  }
}

/** Training rows that hold an evaluation prompt. */
export function contaminatedRows({ overlaps }: ContaminationCheck): ReadonlyMap<string, DropReason> {
  return new Map(overlaps.map(({ rowId }) => [rowId, "prompt of an evaluation set"]));
}

/** Held-out rows whose prompt is trained on too. */
export function trainedPrompts(
  training: readonly PromptedRow[],
  heldOut: readonly PromptedRow[],
): ReadonlyMap<string, DropReason> {
  const known = new Set(training.map(({ prompt }) => conversationKey(prompt)));
  const shared = heldOut.filter(({ prompt }) => known.has(conversationKey(prompt)));
  return new Map(shared.map(({ id }) => [id, "prompt of a training row"]));
}

function hashRows(rows: readonly unknown[]): string {
  return sha256(JSON.stringify(rows));
}
