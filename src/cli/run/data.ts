/** @file The work of `data list | fetch | check`. Prompts of benchmarks are named by id, never printed. */
import { join } from "node:path";
import { ConfigError, DatasetError } from "../../core/errors.js";
import { writeFileDurably } from "../../core/files.js";
import { benchmarkSets, loadBenchmarkPrompts } from "../../data/benchmarks.js";
import {
  type CatalogueEntry,
  type DataFolders,
  loadCatalogue,
  locateEntry,
  type ResolvedDataset,
  resolveDataset,
} from "../../data/catalogue.js";
import { toCheckedRows } from "../../data/columns.js";
import {
  type BenchmarkPrompt,
  type CheckedRow,
  countOverlaps,
  findContamination,
  type Overlap,
} from "../../data/contamination.js";
import { readContent, readRows } from "../../data/readers.js";
import type { DataCheckOptions, DataFetchOptions, DataListOptions } from "../command-options.js";
import { EXIT } from "../failure.js";
import { printJson, printLine, printTable } from "../output.js";

/** Overlaps that are listed one by one; `--json` has all. */
const LISTED = 20;

/** Prints the catalogue. */
export function runDataList(options: DataListOptions): void {
  const entries = loadCatalogue().map((entry) => ({ ...entry, path: locateEntry(entry, options) }));
  if (options.json === true) {
    printJson({ dataSets: entries });
    return;
  }
  const rows = entries.map((entry) => [
    entry.name,
    entry.rows,
    entry.role,
    entry.mayTrain,
    entry.path === null ? "needs --data-dir" : "here",
    `${entry.isNonCommercial ? "NC " : "   "}${entry.isShareAlike ? "SA  " : "    "}${entry.licence}`,
  ]);
  printTable(["name", "rows", "for", "may train", "state", "licence"], rows);
  printLine();
  printLine(
    "NC: non-commercial use only, or no licence stated. SA: share-alike. Sources and checksums: data/LICENSES.md.",
  );
}

/** Checks data sets and writes them as plain JSON Lines, in the catalogue's folders. */
export async function runDataFetch(names: readonly string[], options: DataFetchOptions): Promise<void> {
  const present = loadCatalogue().filter((entry) => locateEntry(entry, options) !== null);
  const wanted = names.length > 0 ? names : present.map((entry) => entry.name);
  const files: { name: string; path: string; sha256: string }[] = [];
  for (const name of wanted) {
    const { path, entry, sha256 } = await resolveDataset(name, options);
    if (entry === null)
      throw new ConfigError(`${name}: expected the name of a data set, got a file of your own`);
    const out = join(options.out, entry.file.replace(/\.gz$/, ""));
    await writeFileDurably(out, await readContent(path));
    files.push({ name: entry.name, path: out, sha256 });
  }
  if (options.json === true) printJson({ files });
  else
    printTable(
      ["name", "file", "sha256"],
      files.map((file) => [file.name, file.path, file.sha256.slice(0, 16)]),
    );
}

/** Prints what a file is and which of its rows overlap with evaluation prompts. */
export async function runDataCheck(file: string, options: DataCheckOptions): Promise<void> {
  const dataset = await resolveDataset(file, options);
  const rows = await checkedRows(dataset, options);
  const against = await promptsAgainst(options, dataset.entry);
  const overlaps = findContamination(rows, against.prompts);
  const { remove } = options;
  if (remove !== undefined) await writeOthers(dataset.path, rows, overlaps, remove);
  const { name, role, mayTrain, licence, isNonCommercial, sha256 } = dataset;
  const about = { path: dataset.path, name, role, mayTrain, licence, isNonCommercial, sha256 };
  const { sets, absent } = against;
  const summary = {
    ...about,
    rows: rows.length,
    overlappingRows: countRows(overlaps),
    ...countOverlaps(overlaps),
  };
  if (options.json === true) printJson({ ...summary, sets, absent, overlaps, removedTo: remove ?? null });
  else {
    printCheck(summary, sets, absent, overlaps);
    if (remove !== undefined)
      printLine(`the other ${summary.rows - summary.overlappingRows} rows: ${remove}`);
  }
  if (overlaps.length > 0 && remove === undefined) process.exitCode = EXIT.failed;
}

/** Writes the rows that overlap with nothing, as they stand in the file. */
async function writeOthers(
  path: string,
  checked: readonly CheckedRow[],
  overlaps: readonly Overlap[],
  out: string,
): Promise<void> {
  const dropped = new Set(overlaps.map(({ rowId }) => rowId));
  const rows = (await readRows(path)).filter((_, i) => !dropped.has(checked[i]?.id ?? ""));
  if (rows.length === 0)
    throw new DatasetError(`${path}: expected rows without an evaluation prompt, got none`, {
      hint: "every row overlaps: look at them without --remove, or compare with fewer sets (--against)",
    });
  await writeFileDurably(out, rows.map(({ fields }) => `${JSON.stringify(fields)}\n`).join(""));
}

/** Benchmarks have columns of their own; their prompt is what the catalogue says. */
async function checkedRows({ path, entry }: ResolvedDataset, folders: DataFolders): Promise<CheckedRow[]> {
  if (entry?.role !== "evaluate" || locateEntry(entry, folders) === null)
    return toCheckedRows(await readRows(path));
  const prompts = await loadBenchmarkPrompts(folders, [entry.name]);
  return prompts.map(({ id, text }) => ({ id, texts: [text] }));
}

/** The prompts of `--against`, or of all evaluation sets but the checked one itself. */
async function promptsAgainst(
  options: DataCheckOptions,
  checked: CatalogueEntry | null,
): Promise<{ prompts: BenchmarkPrompt[]; sets: string[]; absent: string[] }> {
  const { present, absent } = benchmarkSets(options);
  const others = present.map((entry) => entry.name).filter((name) => name !== checked?.name);
  const sets = [...(options.against ?? others)];
  const prompts: BenchmarkPrompt[] = [];
  for (const set of sets) prompts.push(...(await promptsOf(set, options)));
  const missing = options.against === undefined ? absent.map((entry) => entry.name) : [];
  return { prompts, sets, absent: missing };
}

/** Prompts of a benchmark, or the user turns of any other data set or file. */
async function promptsOf(nameOrPath: string, folders: DataFolders): Promise<BenchmarkPrompt[]> {
  const { path, entry } = await resolveDataset(nameOrPath, folders);
  if (entry?.role === "evaluate" && entry.name === nameOrPath)
    return loadBenchmarkPrompts(folders, [nameOrPath]);
  const rows = toCheckedRows(await readRows(path));
  return rows.flatMap(({ id, texts }) => texts.map((text) => ({ set: nameOrPath, id, text })));
}

function countRows(overlaps: readonly Overlap[]): number {
  return new Set(overlaps.map((overlap) => overlap.rowId)).size;
}

interface CheckSummary extends ReturnType<typeof countOverlaps> {
  readonly path: string;
  readonly name: string | null;
  readonly mayTrain: string;
  readonly licence: string | null;
  readonly isNonCommercial: boolean;
  readonly sha256: string;
  readonly rows: number;
  readonly overlappingRows: number;
}

function printCheck(
  summary: CheckSummary,
  sets: readonly string[],
  absent: readonly string[],
  overlaps: readonly Overlap[],
): void {
  const { name, licence, isNonCommercial, mayTrain, rows, overlappingRows } = summary;
  printLine(`${summary.path}: ${rows} rows, sha256 ${summary.sha256.slice(0, 16)}`);
  if (name === null) printLine("not in the catalogue: its licence is yours to know");
  else
    printLine(
      `${name}: ${licence}${isNonCommercial ? " (non-commercial)" : ""}; may be trained on by: ${mayTrain}`,
    );
  printLine(`checked against ${sets.length} sets: ${sets.join(", ")}`);
  if (absent.length > 0) printLine(`not at hand, not checked: ${absent.join(", ")} (see --data-dir)`);
  printLine();
  printLine(`${overlappingRows} of ${rows} rows overlap with evaluation prompts`);
  if (overlaps.length === 0) return;
  const listed = overlaps
    .slice(0, LISTED)
    .map((overlap) => [
      overlap.rowId,
      overlap.kind,
      overlap.similarity.toFixed(2),
      overlap.set,
      overlap.benchmarkId,
    ]);
  printTable(["row", "overlap", "similarity", "set", "prompt"], listed);
  if (overlaps.length > LISTED) printLine(`… and ${overlaps.length - LISTED} more; --json lists all`);
}
