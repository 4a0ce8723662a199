/**
 * @file The Hugging Face hub: models that its own tools have cached on this machine, and downloads of the files that a
 * checkpoint needs. HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE mean what they mean there.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { CheckpointError, FetchError } from "../../core/errors.js";
import { makeFolder, writeJsonDurably } from "../../core/files.js";
import { INDEX_FILE, TEXT_FILES, weightFilesOf } from "../open-folder.js";
import { WEIGHTS_FILE } from "../weights/convert.js";
import { readJsonObject, readOptionalText } from "../weights/json-fields.js";
import { cacheRoot, publishFolder } from "./cache.js";
import { requestFile, saveFile } from "./download.js";
import type { OnProgress } from "./progress.js";

/** `org/name`, as the hub spells model ids. */
export function isHubId(id: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(id) && !id.includes("..");
}

/** Whether the environment forbids asking the hub. */
export function isHubOffline(): boolean {
  return ["1", "true", "yes", "on"].includes((process.env["HF_HUB_OFFLINE"] ?? "").toLowerCase());
}

/** The folder of a model that is on this machine already (the hub's own cache, or ours); null when there is none. */
export function cachedHubModel(id: string): string | null {
  const own = ownFolder(id);
  if (existsSync(own)) return own;
  return snapshotFolders(id).find(isComplete) ?? null;
}

/** The address of a file; HF_ENDPOINT names a mirror. */
export function hubUrl(id: string, revision: string, file: string): string {
  const endpoint = (process.env["HF_ENDPOINT"] || "https://huggingface.co").replace(/\/+$/, "");
  return `${endpoint}/${id}/resolve/${revision}/${file}`;
}

/** HF_TOKEN, or null. */
export function hubToken(): string | null {
  return process.env["HF_TOKEN"] || null;
}

/**
 * Downloads a model's config, tokenizer and weights into the cache, all or nothing.
 * @returns the folder
 * @throws FetchError when the hub cannot be reached, has no such model, or the bytes are not what it announced
 */
export async function downloadHubModel(id: string, onProgress?: OnProgress): Promise<string> {
  const folder = ownFolder(id);
  await publishFolder(folder, async (temporary) => {
    const revision = await downloadConfig(id, temporary);
    const fetchOne = (file: string): Promise<boolean> =>
      downloadInto(temporary, id, revision, file, onProgress);
    for (const file of TEXT_FILES) if (file !== "config.json") await fetchOne(file);
    await downloadWeights(id, temporary, fetchOne);
    await writeJsonDurably(join(temporary, "revision.json"), { id, revision });
  });
  return folder;
}

/** Downloads config.json of the newest revision and pins that revision for all other files. */
async function downloadConfig(id: string, folder: string): Promise<string> {
  const remote = await requestFile(hubUrl(id, "main", "config.json"), hubToken()).catch((cause: unknown) => {
    throw unreachable(id, cause);
  });
  if (remote === null)
    throw new FetchError(
      `${hubUrl(id, "main", "config.json")}: there is no such model, or it has no config.json`,
    );
  await saveFile(remote, join(folder, "config.json"), "config.json");
  return headerOf(remote.headers, "x-repo-commit") ?? "main";
}

/** An error of the first request says what else can be done. */
function unreachable(id: string, cause: unknown): unknown {
  if (!(cause instanceof FetchError) || cause.hint !== undefined) return cause;
  return new FetchError(`${id}: the hub cannot be reached (${cause.message})`, {
    hint: "connect, set HF_ENDPOINT to a mirror, or name a local folder or file",
    cause,
  });
}

async function downloadWeights(
  id: string,
  folder: string,
  fetchOne: (file: string) => Promise<boolean>,
): Promise<void> {
  if (await fetchOne(WEIGHTS_FILE)) return;
  if (!(await fetchOne(INDEX_FILE)))
    throw new CheckpointError(
      `${id}: expected ${WEIGHTS_FILE} or ${INDEX_FILE} among its files, got neither`,
      {
        hint: "only safetensors checkpoints are read; name a .gguf file by its path",
      },
    );
  for (const file of weightFilesOf(readJsonObject(join(folder, INDEX_FILE)), join(folder, INDEX_FILE)))
    if (!(await fetchOne(file))) throw new FetchError(`${hubUrl(id, "main", file)}: the shard is missing`);
}

/** Downloads one file; false when the model has none of that name. */
async function downloadInto(
  folder: string,
  id: string,
  revision: string,
  file: string,
  onProgress: OnProgress | undefined,
): Promise<boolean> {
  const remote = await requestFile(hubUrl(id, revision, file), hubToken());
  if (remote === null) return false;
  makeFolder(dirname(join(folder, file)));
  // For large files the hub announces the sha256 as an entity tag.
  const tag = headerOf(remote.headers, "x-linked-etag")?.replaceAll('"', "") ?? "";
  const sha256 = /^[0-9a-f]{64}$/.test(tag) ? tag : null;
  await saveFile(remote, join(folder, file), `${id}/${file}`, { sha256 }, onProgress);
  return true;
}

function headerOf(headers: readonly Headers[], name: string): string | null {
  for (const answer of headers) if (answer.get(name) !== null) return answer.get(name);
  return null;
}

function ownFolder(id: string): string {
  return join(cacheRoot(), "hub", id.replace("/", "--"));
}

function repositoryFolder(id: string): string {
  const home =
    process.env["HF_HOME"] || join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "huggingface");
  return join(process.env["HF_HUB_CACHE"] || join(home, "hub"), `models--${id.replaceAll("/", "--")}`);
}

/** Snapshots of a model in the hub's cache: what `main` points at first, then the newest. */
function snapshotFolders(id: string): string[] {
  const repository = repositoryFolder(id);
  const snapshots = join(repository, "snapshots");
  if (!existsSync(snapshots)) return [];
  const main = readOptionalText(join(repository, "refs", "main"))?.trim();
  const names = readdirSync(snapshots).toSorted((a, b) => changed(snapshots, b) - changed(snapshots, a));
  return [...names.filter((name) => name === main), ...names.filter((name) => name !== main)].map((name) =>
    join(snapshots, name),
  );
}

function changed(folder: string, name: string): number {
  return statSync(join(folder, name)).mtimeMs;
}

/** Another tool may have fetched the tokenizer alone. */
function isComplete(folder: string): boolean {
  if (!["config.json", "tokenizer.json"].every((file) => existsSync(join(folder, file)))) return false;
  if (existsSync(join(folder, WEIGHTS_FILE))) return true;
  const index = join(folder, INDEX_FILE);
  return (
    existsSync(index) &&
    weightFilesOf(readJsonObject(index), index).every((file) => existsSync(join(folder, file)))
  );
}
