/** @file Answers to judge or to label: a file, a data set of the catalogue, or the folder of an evaluation. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { DatasetError } from "../../core/errors.js";
import { sha256File } from "../../core/hash.js";
import { type DataFolders, type ResolvedDataset, resolveDataset } from "../../data/catalogue.js";
import { readRows, type SourceRow } from "../../data/readers.js";
import { SAMPLES_FILE } from "../../evaluate/evaluation-files.js";
import { readEvaluation } from "../../evaluate/read.js";
import { labelledSet } from "../../judges/labelled-sets.js";

/** Rows and what they come from. */
export interface AnswerSource {
  readonly dataset: Pick<ResolvedDataset, "path" | "name" | "sha256" | "licence">;
  readonly rows: readonly SourceRow[];
}

/**
 * Reads answers. Of an evaluation those are taken that a model wrote: no failures, no multiple choice.
 * @throws ConfigError | DatasetError when there are none
 */
export async function readAnswers(nameOrPath: string, folders: DataFolders): Promise<AnswerSource> {
  if (statSync(nameOrPath, { throwIfNoEntry: false })?.isDirectory() === true)
    return await readEvaluationAnswers(nameOrPath);
  const { path, name, sha256, licence } = await resolveDataset(nameOrPath, folders);
  return { dataset: { path, name, sha256, licence }, rows: await readRows(path) };
}

/** Column of the prompt: as the flag says, else the catalogue. */
export function promptFieldOf(options: { readonly promptField?: string }, dataset: string | null): string {
  return options.promptField ?? labelledSet(dataset)?.promptField ?? "prompt";
}

async function readEvaluationAnswers(folder: string): Promise<AnswerSource> {
  const { samples } = readEvaluation(folder);
  const path = join(folder, SAMPLES_FILE);
  const written = samples.filter((row) => row.finishReason !== "error" && row.choices === undefined);
  if (written.length === 0) throw new DatasetError(`${path}: expected answers that a model wrote, got none`);
  const rows = written.map((row, i) => ({ file: path, line: i + 1, fields: { ...row } }));
  return { dataset: { path, name: null, sha256: await sha256File(path), licence: null }, rows };
}
