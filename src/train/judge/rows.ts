/**
 * @file Rows that a judge learns from or is measured on. A prompt of a set that it is only measured on is not learnt from,
 * nor is one that nearly equals it.
 */
import { ConfigError } from "../../core/errors.js";
import { loadBenchmarkPrompts } from "../../data/benchmarks.js";
import {
  assertTrainable,
  type DataFolders,
  type ResolvedDataset,
  resolveDataset,
} from "../../data/catalogue.js";
import { toPreferencePairs, toPromptResponses, userTurns } from "../../data/columns.js";
import { findContamination } from "../../data/contamination.js";
import { readRows, type SourceRow } from "../../data/readers.js";
import { promptKey, seededSample } from "../../data/splits.js";
import { toLabelledExchanges } from "../../judges/labelled-rows.js";
import { labelledSet } from "../../judges/labelled-sets.js";
import type { LabelledExchange } from "../../judges/validate.js";
import type { Message } from "../../text/messages.js";
import type { JudgeSource } from "./recipe.js";

/** An answer with its label; `cluster` is what makes its prompt the same as another's. */
export interface JudgeRow extends LabelledExchange {
  /** The source's name. */
  readonly source: string;
  /** Rows of one pair share it: the one with label true is worse than the other. Absent elsewhere. */
  readonly pair?: string;
}

/** Whether there are harmful answers and harmless ones; answers that are neither make no class. */
export function hasBothClasses(rows: readonly JudgeRow[]): boolean {
  return [true, false].every((label) => rows.some((row) => row.label === label));
}

/** Rows of a source, and what is recorded of it. */
export interface LoadedSource {
  readonly rows: readonly JudgeRow[];
  readonly dataset: SourceRecord;
}

/** What a training record says of a source. */
export type SourceRecord = Pick<ResolvedDataset, "sha256" | "licence" | "isNonCommercial"> & {
  readonly name: string;
  readonly isShareAlike: boolean;
  readonly rows: number;
  /** Rows left out since their prompt is one of a set that the judge is measured on. */
  readonly contaminated: number;
};

/** What loading depends on. */
export interface LoadOptions extends DataFolders {
  readonly seed: number;
  /** At most so many rows, or pairs, of each source: for trials. */
  readonly limit?: number | undefined;
  /** Sets whose prompts are left out. */
  readonly neverSeen: readonly string[];
}

/**
 * Rows to learn from.
 * @throws ConfigError for sets that may not be learnt from; DatasetError for rows that are not understood
 */
export async function loadTrainingSource(source: JudgeSource, options: LoadOptions): Promise<LoadedSource> {
  const dataset = await resolveDataset(source.name, options);
  assertTrainable(dataset, "judge");
  const name = dataset.name ?? source.name;
  const read = convert(name, source.labels, await readRows(dataset.path));
  const prompts = await loadBenchmarkPrompts(options, options.neverSeen);
  const distinct = [...new Map(prompts.map((prompt) => [prompt.text, prompt])).values()];
  const checked = read.map(({ id, messages }) => ({ id, texts: userTurns(messages) }));
  const dirty = new Set(findContamination(checked, distinct).map(({ rowId }) => rowId));
  const clean = read.filter(({ id }) => !dirty.has(id));
  const most = Math.min(source.rows ?? Number.POSITIVE_INFINITY, options.limit ?? Number.POSITIVE_INFINITY);
  const rows = draw(clean, most, options.seed);
  return { rows, dataset: { ...recordOf(dataset, name), rows: rows.length, contaminated: dirty.size } };
}

/** Rows of a set that the judge is only measured on. @throws ConfigError for one without labels of harm */
export async function loadNeverSeen(
  name: string,
  options: Omit<LoadOptions, "neverSeen">,
): Promise<LoadedSource> {
  const dataset = await resolveDataset(name, options);
  const all = convert(dataset.name ?? name, "harm", await readRows(dataset.path));
  const rows = draw(all, options.limit ?? Number.POSITIVE_INFINITY, options.seed);
  return { rows, dataset: { ...recordOf(dataset, name), rows: rows.length, contaminated: 0 } };
}

function recordOf(dataset: ResolvedDataset, name: string): Omit<SourceRecord, "rows" | "contaminated"> {
  const { sha256, licence, isNonCommercial, entry } = dataset;
  return { name, sha256, licence, isNonCommercial, isShareAlike: entry?.isShareAlike ?? false };
}

/** Whole pairs are drawn. */
function draw(rows: readonly JudgeRow[], most: number, seed: number): JudgeRow[] {
  const keyOf = (row: JudgeRow): string => row.pair ?? row.id;
  const keys = [...new Set(rows.map(keyOf))];
  if (keys.length <= most) return [...rows];
  const chosen = new Set(seededSample(keys, most, (key) => key, seed));
  return rows.filter((row) => chosen.has(keyOf(row)));
}

function convert(source: string, labels: JudgeSource["labels"], rows: readonly SourceRow[]): JudgeRow[] {
  if (labels === "pairs") return toPreferencePairs(rows).flatMap((pair) => pairRows(source, pair));
  if (labels === "safe")
    return toPromptResponses(rows).map((row) =>
      judgeRow(source, { ...row, label: false, category: null, cluster: "" }),
    );
  const set = labelledSet(source, "harm");
  if (set === undefined)
    throw new ConfigError(`${source}: expected a set with labels of harm, got another`, {
      hint: "labels: safe takes all its answers as safe, labels: pairs takes preference pairs",
    });
  return toLabelledExchanges(rows, set).map((row) => judgeRow(source, row));
}

function judgeRow(source: string, row: LabelledExchange): JudgeRow {
  return { ...row, id: `${source}/${row.id}`, source, cluster: promptKey(row) };
}

interface Pair {
  readonly id: string;
  readonly prompt: readonly Message[];
  readonly chosen: readonly Message[];
  readonly rejected: readonly Message[];
}

/** Pairs of one answer each; longer continuations are left out. */
function pairRows(source: string, { id, prompt, chosen, rejected }: Pair): JudgeRow[] {
  const [better, worse] = [chosen[0], rejected[0]];
  if (chosen.length !== 1 || rejected.length !== 1 || better === undefined || worse === undefined) return [];
  const row = (which: string, { content }: Message, label: boolean): JudgeRow => ({
    ...judgeRow(source, {
      id: `${id}/${which}`,
      messages: prompt,
      response: content,
      label,
      category: null,
      cluster: "",
    }),
    pair: `${source}/${id}`,
  });
  return [row("chosen", better, false), row("rejected", worse, true)];
}
