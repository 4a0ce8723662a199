/**
 * @file All evaluation prompts of the catalogue, which training data is checked against by default.
 */
import { DatasetError } from "../core/errors.js";
import {
  type CatalogueEntry,
  type DataFolders,
  loadCatalogue,
  locateEntry,
  resolveDataset,
} from "./catalogue.js";
import type { BenchmarkPrompt } from "./contamination.js";
import { placeOf, readRows, type SourceRow } from "./readers.js";

/** The data sets that training data is checked against, and those of them whose file is not at hand. */
export function benchmarkSets(folders: DataFolders = {}): {
  present: CatalogueEntry[];
  absent: CatalogueEntry[];
} {
  const sets = loadCatalogue().filter((entry) => entry.role === "evaluate" && entry.promptColumns.length > 0);
  return {
    present: sets.filter((entry) => locateEntry(entry, folders) !== null),
    absent: sets.filter((entry) => locateEntry(entry, folders) === null),
  };
}

/**
 * The prompts of all evaluation sets that are at hand: the bundled ones, and those of the data folder if one is named.
 * @param names only these sets; default all
 * @throws DatasetError when a file does not have its checksum, ConfigError when a named set is not at hand
 */
export async function loadBenchmarkPrompts(
  folders: DataFolders = {},
  names: readonly string[] = benchmarkSets(folders).present.map((entry) => entry.name),
): Promise<BenchmarkPrompt[]> {
  const prompts: BenchmarkPrompt[] = [];
  for (const name of names) {
    const { path, entry } = await resolveDataset(name, folders);
    const columns = entry?.promptColumns ?? [];
    for (const row of await readRows(path)) prompts.push(benchmarkPrompt(name, columns, row));
  }
  return prompts;
}

function benchmarkPrompt(set: string, columns: readonly string[], row: SourceRow): BenchmarkPrompt {
  const parts = columns.map((column) => row.fields[column] ?? "");
  if (!parts.every((part) => typeof part === "string") || parts.join("") === "")
    throw new DatasetError(`${row.file}:${row.line}: expected the prompt's text in ${columns.join(", ")}`);
  const text = parts.filter((part) => part !== "").join("\n\n");
  return { set, id: String(row.fields["id"] ?? placeOf(row)), text };
}
