/** @file Opens a model by whatever names it: registry name, folder, `.safetensors` or `.gguf` file, or hub id. */
import { existsSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { CheckpointError, ConfigError, FetchError } from "../core/errors.js";
import { quantiseModel } from "./decoder/quantised-model.js";
import { cachedHubModel, downloadHubModel, isHubId, isHubOffline } from "./hub/hub.js";
import type { OnProgress } from "./hub/progress.js";
import type { LoadedModel, WeightScheme } from "./loaded-model.js";
import { openFolder } from "./open-folder.js";
import { openConverted, openGguf } from "./open-gguf.js";
import {
  fetchRegistered,
  MODEL_REGISTRY,
  type RegistryEntry,
  registeredFile,
  registryEntry,
} from "./registry.js";
import { isConverted } from "./weights/convert.js";

/** How a model is opened. */
export interface OpenOptions {
  /** Called while files are downloaded, hashed and converted; a second opening does none of it. */
  readonly onProgress?: OnProgress;
  /** Use what is on this machine only. */
  readonly offline?: boolean;
  /** How the weights are held; default "f32". Others are for sampling and scoring only. */
  readonly weights?: WeightScheme;
}

/**
 * Opens a checkpoint, fetching and converting it first where that is needed.
 * @param id registry name, path of a folder or file, or hub id `org/name`
 * @throws ConfigError when nothing of that name is known
 * @throws FetchError when it must be downloaded and cannot be
 * @throws CheckpointError when it is damaged or of a kind that is not supported
 */
export async function openModel(id: string, options: OpenOptions = {}): Promise<LoadedModel> {
  const model = await openFloat32(id, options);
  const { weights = "f32", onProgress } = options;
  return weights === "f32" ? model : quantiseModel(model, weights, onProgress);
}

async function openFloat32(id: string, options: OpenOptions): Promise<LoadedModel> {
  const entry = registryEntry(id);
  if (entry !== undefined) return openRegistered(entry, options);
  if (existsSync(id)) return openPath(id, options);
  if (isHubId(id)) return openHubModel(id, options);
  throw new ConfigError(
    `model ${id}: expected a registry name, a folder, a file or a hub id, got none of them`,
    {
      hint: `known names: ${MODEL_REGISTRY.map(({ name }) => name).join(", ")}; a hub id reads org/name`,
    },
  );
}

/** Whether a model can be opened without the network. */
export function isOnThisMachine(entry: RegistryEntry): boolean {
  return isConverted(entry.file.sha256) || existsSync(registeredFile(entry));
}

async function openRegistered(
  entry: RegistryEntry,
  { onProgress, offline }: OpenOptions,
): Promise<LoadedModel> {
  // The conversion is keyed by the file's checksum, so the file itself is needed only once.
  if (isConverted(entry.file.sha256)) return openConverted(entry.name, entry.file.sha256);
  if (offline === true && !isOnThisMachine(entry)) throw notHere(entry.name);
  return openGguf(entry.name, await fetchRegistered(entry, onProgress), onProgress);
}

function openPath(path: string, { onProgress }: OpenOptions): Promise<LoadedModel> {
  if (statSync(path).isDirectory()) return openFolder(path, path, { onProgress });
  if (path.endsWith(".gguf")) return openGguf(path, path, onProgress);
  if (path.endsWith(".safetensors"))
    return openFolder(path, dirname(path), { weightsFile: basename(path), onProgress });
  throw new CheckpointError(`${path}: expected a folder, a .safetensors file or a .gguf file`);
}

async function openHubModel(id: string, options: OpenOptions): Promise<LoadedModel> {
  return openFolder(id, await hubFolder(id, options), { onProgress: options.onProgress });
}

/**
 * The folder of a hub model on this machine, downloaded first where that is needed.
 * @throws FetchError when it must be downloaded and cannot be
 */
export async function hubFolder(id: string, { onProgress, offline }: OpenOptions): Promise<string> {
  const cached = cachedHubModel(id);
  if (cached !== null) return cached;
  if (offline === true || isHubOffline()) throw notHere(id);
  return downloadHubModel(id, onProgress);
}

function notHere(id: string): FetchError {
  return new FetchError(`${id}: is not on this machine, and downloading is switched off`, {
    hint: `run safe-to-serve models fetch ${id} while connected`,
  });
}
