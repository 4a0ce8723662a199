/**
 * @file The catalogue of data sets: what is bundled in `data/`, what is only known by its checksum, under which licence,
 * and what may be trained on. Names and paths are one thing to the rest: a file that is a copy of a catalogued one is
 * recognised by the checksum of its (uncompressed) content.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError, DatasetError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { readContent } from "./readers.js";

/** Version of the catalogue file's shape. */
export const CATALOGUE_VERSION = 1;

/** Environment variable that names the folder of data that is not bundled. */
export const DATA_DIR_VARIABLE = "SAFE_TO_SERVE_DATA";

/** What a data set is for; labelled answers either train judges or measure them, never both. */
export type DatasetRole = "train" | "evaluate" | "judge-train" | "judge-validation";

/** The most that may be trained on a data set: a policy never sees a benchmark, a judge may see labelled answers. */
export type MayTrain = "policy" | "judge" | "none";

/** One data set of the catalogue. */
export interface CatalogueEntry {
  readonly name: string;
  /** Path relative to `data/` if bundled, else to the folder given by `--data-dir`. */
  readonly file: string;
  readonly isBundled: boolean;
  readonly rows: number;
  readonly columns: readonly string[];
  readonly what: string;
  readonly role: DatasetRole;
  readonly mayTrain: MayTrain;
  /** Columns that hold the prompt; several are joined by a blank line, empty ones left out. */
  readonly promptColumns: readonly string[];
  readonly upstream: string;
  readonly licence: string;
  readonly isNonCommercial: boolean;
  /** What is made from it must be passed on under the same licence. */
  readonly isShareAlike: boolean;
  /** Of the uncompressed content. */
  readonly sha256: string;
  /** Of the upstream file before it was mended, so that it is recognised too. */
  readonly originalSha256: string;
}

/** Where data is looked for. */
export interface DataFolders {
  /** Folder of data sets that are not bundled; default: the environment variable `SAFE_TO_SERVE_DATA`. */
  readonly dataDir?: string;
}

/** A data file that exists; `entry` is null for a file that the catalogue does not know. */
export interface ResolvedDataset {
  readonly path: string;
  readonly name: string | null;
  readonly entry: CatalogueEntry | null;
  readonly licence: string | null;
  readonly isNonCommercial: boolean;
  readonly role: DatasetRole | null;
  readonly mayTrain: MayTrain;
  /** Of the uncompressed content. */
  readonly sha256: string;
}

/** All entries, bundled ones first. @throws DatasetError when the `data` folder is not beside the package */
export function loadCatalogue(): readonly CatalogueEntry[] {
  const path = join(bundledDataFolder(), "catalogue.json");
  if (!existsSync(path))
    throw new DatasetError(`${path}: expected the data catalogue, got no file`, {
      hint: "the npm package has no data: run in a checkout of the repository, or give files by path",
    });
  const { entries } = JSON.parse(readFileSync(path, "utf8")) as { entries: CatalogueEntry[] };
  return entries;
}

/** The `data` folder at the package's root. */
export function bundledDataFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json")) && dirname(folder) !== folder) folder = dirname(folder);
  return join(folder, "data");
}

/** The folder of data that is not bundled, or null when none is named. */
export function externalDataFolder(folders: DataFolders = {}): string | null {
  const folder = folders.dataDir ?? process.env[DATA_DIR_VARIABLE];
  return folder === undefined || folder === "" ? null : resolve(folder);
}

/** The entry of that name or relative path (`.gz` may be left out), or null. */
export function findEntry(nameOrFile: string): CatalogueEntry | null {
  const wanted = nameOrFile.replace(/\.gz$/, "");
  const entries = catalogueOrEmpty();
  return entries.find((e) => e.name === nameOrFile || e.file.replace(/\.gz$/, "") === wanted) ?? null;
}

/** Path of an entry's file, or null when it lies in a folder that is not named or not there. */
export function locateEntry(entry: CatalogueEntry, folders: DataFolders = {}): string | null {
  const folder = entry.isBundled ? bundledDataFolder() : externalDataFolder(folders);
  if (folder === null) return null;
  const path = join(folder, entry.file);
  return existsSync(path) ? path : null;
}

/**
 * A catalogue name, a catalogued relative path or the path of any data file, made into a file with its licence and
 * role. A file on disk wins over a name; content that differs from the catalogue's checksum is refused.
 * @throws ConfigError when there is no such file or name
 * @throws DatasetError when a catalogued file does not have its checksum
 */
export async function resolveDataset(
  nameOrPath: string,
  folders: DataFolders = {},
): Promise<ResolvedDataset> {
  const named = findEntry(nameOrPath);
  if (existsSync(nameOrPath) && named?.name !== nameOrPath) return describeFile(nameOrPath);
  if (named === null) throw unknownDataset(nameOrPath);
  const path = locateEntry(named, folders);
  if (path === null) throw missingFile(named, folders);
  const sum = sha256(await readContent(path));
  if (sum !== named.sha256)
    throw new DatasetError(
      `${path}: expected sha256 ${named.sha256.slice(0, 16)}…, got ${sum.slice(0, 16)}…`,
      {
        hint: `the file is not the ${named.name} of the catalogue; restore it, or copy it elsewhere and give its path`,
      },
    );
  return described(path, named, sum);
}

/**
 * Refuses training on a benchmark. A judge may be trained on labelled answers; a policy may not.
 * @throws ConfigError naming the data set
 */
export function assertTrainable(dataset: ResolvedDataset, learner: "policy" | "judge"): void {
  if (dataset.mayTrain === "policy" || dataset.mayTrain === learner) return;
  throw new ConfigError(`${dataset.path}: expected training data, got ${dataset.name} (${dataset.role})`, {
    hint: `training a ${learner} on it would make every later result on it worthless; \`data list\` shows what may be trained on`,
  });
}

async function describeFile(path: string): Promise<ResolvedDataset> {
  const sum = sha256(await readContent(path));
  const entries = catalogueOrEmpty();
  const entry =
    entries.find((e) => e.sha256 === sum) ?? entries.find((e) => e.originalSha256 === sum) ?? null;
  return described(resolve(path), entry, sum);
}

function described(path: string, entry: CatalogueEntry | null, sum: string): ResolvedDataset {
  return {
    path,
    name: entry?.name ?? null,
    entry,
    licence: entry?.licence ?? null,
    isNonCommercial: entry?.isNonCommercial ?? false,
    role: entry?.role ?? null,
    mayTrain: entry?.mayTrain ?? "policy",
    sha256: sum,
  };
}

function catalogueOrEmpty(): readonly CatalogueEntry[] {
  return existsSync(join(bundledDataFolder(), "catalogue.json")) ? loadCatalogue() : [];
}

function unknownDataset(nameOrPath: string): ConfigError {
  const names = catalogueOrEmpty().map((entry) => entry.name);
  return new ConfigError(`${nameOrPath}: expected a file or the name of a data set, got neither`, {
    hint: names.length === 0 ? "give the path of a data file" : `known names: ${names.join(", ")}`,
  });
}

function missingFile(entry: CatalogueEntry, folders: DataFolders): ConfigError {
  const folder = entry.isBundled ? bundledDataFolder() : externalDataFolder(folders);
  const where = folder === null ? "no data folder named" : `no file ${join(folder, entry.file)}`;
  return new ConfigError(`${entry.name}: expected its file ${entry.file}, got ${where}`, {
    hint: entry.isBundled
      ? "the npm package has no data: run in a checkout of the repository"
      : `it comes from ${entry.upstream} (licence: ${entry.licence}) and is not passed on; name the folder that holds it with --data-dir or ${DATA_DIR_VARIABLE}`,
  });
}
