/**
 * @file The model cache: downloaded files, converted checkpoints and remembered hashes. Folders appear in one rename,
 * so a killed process leaves nothing half-made behind and two processes cannot disturb each other.
 */
import { randomUUID } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, statSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { ConfigError, StorageError } from "../../core/errors.js";
import { fileProblem } from "../../core/file-problems.js";
import { makeFolder, writeError, writeJsonDurably } from "../../core/files.js";
import { sha256, sha256File } from "../../core/hash.js";
import { readOptionalJsonObject } from "../weights/json-fields.js";
import type { OnProgress } from "./progress.js";

/** What to do when the cache cannot be written. */
export const CACHE_HINT =
  "make room on that disk, or set SAFE_TO_SERVE_CACHE to a folder with some gigabytes of free space";

const STALE_MS = 24 * 60 * 60 * 1000;

/** The cache's root: SAFE_TO_SERVE_CACHE, else `safe-to-serve` in XDG_CACHE_HOME or `~/.cache`. */
export function cacheRoot(): string {
  const own = process.env["SAFE_TO_SERVE_CACHE"];
  if (own) return own;
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "safe-to-serve");
}

/**
 * Makes a folder that others see complete or not at all. When another process was faster, its folder stays.
 * @param build fills the temporary folder it is given
 * @throws ConfigError | StorageError when the cache cannot be written
 */
export async function publishFolder(
  folder: string,
  build: (temporary: string) => Promise<void>,
): Promise<void> {
  if (existsSync(folder)) return;
  const temporary = `${folder}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    makeFolder(temporary);
    await removeStale(dirname(folder));
    await build(temporary);
    await renameUnlessThere(temporary, folder);
    syncFolder(dirname(folder));
  } catch (cause) {
    throw cacheError(folder, cause);
  } finally {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Errors of the disk say what can be done about a cache; others pass. */
function cacheError(path: string, cause: unknown): unknown {
  const inner = cause instanceof ConfigError || cause instanceof StorageError ? cause.cause : cause;
  return fileProblem(inner).isKnown ? writeError(path, inner, CACHE_HINT) : cause;
}

/**
 * sha256 of a file, remembered in the cache by path, size and time of change, so that a checkpoint of gigabytes is read
 * once and not on every start.
 */
export function rememberedHash(path: string, onProgress?: OnProgress): Promise<string> {
  return remembered("hashes", "sha256", path, async ({ size }) => {
    onProgress?.({ phase: "hash", label: basename(path), doneBytes: 0, totalBytes: size });
    const fresh = await sha256File(path);
    onProgress?.({ phase: "hash", label: basename(path), doneBytes: size, totalBytes: size });
    return fresh;
  });
}

/**
 * What was found out about a file, remembered in the cache by path, size and time of change.
 * @param kind folder of the cache
 * @param field under which the answer is stored
 */
export async function remembered(
  kind: string,
  field: string,
  path: string,
  find: (status: { readonly size: number }) => Promise<string>,
): Promise<string> {
  const { size, mtimeMs } = statSync(path);
  const record = join(cacheRoot(), kind, `${sha256(path)}.json`);
  const known = readOptionalJsonObject(record);
  const answer = known?.[field];
  if (known?.["size"] === size && known["mtimeMs"] === mtimeMs && typeof answer === "string") return answer;
  const fresh = await find({ size });
  await writeJsonDurably(record, { path, size, mtimeMs, [field]: fresh }).catch((cause: unknown) => {
    throw cacheError(record, cause);
  });
  return fresh;
}

async function renameUnlessThere(temporary: string, folder: string): Promise<void> {
  try {
    await rename(temporary, folder);
  } catch (cause) {
    if (!existsSync(folder)) throw cause;
  }
}

/** Temporary folders that a killed process left behind. */
async function removeStale(parent: string): Promise<void> {
  for (const name of readdirSync(parent)) {
    if (!name.endsWith(".tmp")) continue;
    const path = join(parent, name);
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > STALE_MS) await rm(path, { recursive: true, force: true });
  }
}

function syncFolder(path: string): void {
  try {
    const folder = openSync(path, "r");
    fsyncSync(folder);
    closeSync(folder);
  } catch {
    // Some file systems cannot flush a folder; the rename itself stands.
  }
}
