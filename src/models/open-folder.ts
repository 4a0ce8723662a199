/**
 * @file Opens a Hugging Face folder: config, tokenizer, template and safetensors (one file or shards). Float32 weights
 * stay where they are; F16 and BF16 ones are converted into the cache first.
 */
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CheckpointError } from "../core/errors.js";
import { hashJson, sha256 } from "../core/hash.js";
import type { DecoderConfig } from "./config.js";
import { rememberedHash } from "./hub/cache.js";
import type { OnProgress } from "./hub/progress.js";
import type { LoadedModel, StoredTensor } from "./loaded-model.js";
import { checkpointShapes, parseConfig } from "./parse-config.js";
import { readTokenizerFiles } from "./tokenizer-files.js";
import { withFile } from "./weights/byte-source.js";
import {
  type ConvertibleTensor,
  convert,
  convertedFolder,
  SOURCE_FILE,
  WEIGHTS_FILE,
} from "./weights/convert.js";
import { checkFinite } from "./weights/finite-weights.js";
import {
  isJsonObject,
  type JsonObject,
  readJsonObject,
  readOptionalJsonObject,
  readOptionalText,
} from "./weights/json-fields.js";
import {
  parseSafetensors,
  READABLE_DTYPES,
  readTensor,
  type SafetensorsEntry,
} from "./weights/safetensors.js";

/** Names the shards of a checkpoint in several files. */
export const INDEX_FILE = "model.safetensors.index.json";

/** Files beside the weights that make the model what it is; hashed and carried along by a conversion. */
export const TEXT_FILES: readonly string[] = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
  "chat_template.json",
];

/** The tensors that a folder must hold, as its config.json has it. */
export interface CheckpointLayout {
  /** What they are the parts of, for messages: `llama decoder`. */
  readonly kind: string;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Whether a further tensor is one that some checkpoints carry and nobody reads. */
  isIgnorable(tensor: string): boolean;
}

/** A folder whose tensors are ready for graphs. */
export interface OpenedFolder<Layout extends CheckpointLayout> {
  readonly layout: Layout;
  /** sha256 over the checkpoint's content. */
  readonly hash: string;
  /** The real folder (links resolved) that the tensors' files lie in. */
  readonly folder: string;
  /** The folder of its other files. */
  readonly textFolder: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** How a folder is opened. */
export interface OpenFolderOptions {
  /** A `.safetensors` file of the folder; found by its usual names when left out. */
  readonly weightsFile?: string;
  readonly onProgress?: OnProgress | undefined;
}

/** A tensor and the file, links resolved, that it lies in. */
interface LocatedTensor {
  readonly path: string;
  readonly entry: SafetensorsEntry;
}

/**
 * Opens the folder of a decoder.
 * @throws CheckpointError for incomplete, damaged or unsupported checkpoints, naming file and tensor
 */
export async function openFolder(
  id: string,
  folder: string,
  options: OpenFolderOptions = {},
): Promise<LoadedModel> {
  const opened = await openCheckpoint(id, folder, decoderLayout, options);
  const { layout, hash, tensors, textFolder } = opened;
  const text = readTokenizerFiles(textFolder);
  return { id, hash, config: layout.config, folder: opened.folder, tensors, text };
}

/**
 * Opens a checkpoint folder of any kind.
 * @param readLayout what the folder must hold, by its config.json
 * @throws CheckpointError for incomplete, damaged or unsupported checkpoints, naming file and tensor
 */
export async function openCheckpoint<Layout extends CheckpointLayout>(
  id: string,
  folder: string,
  readLayout: (json: JsonObject, where: string) => Layout,
  options: OpenFolderOptions = {},
): Promise<OpenedFolder<Layout>> {
  const configFile = join(folder, "config.json");
  const layout = readLayout(readJsonObject(configFile), configFile);
  const located = locateTensors(folder, options.weightsFile);
  const tensors = checkTensors(folder, layout, located);
  if (commonFloat32Folder(tensors) !== null) await checkWeights(folder, tensors);
  const hash = await folderHash(folder, tensors, options.onProgress);
  const realFolder = commonFloat32Folder(tensors);
  if (realFolder === null) {
    const conversion = { hash, label: id, tensors: convertible(tensors), texts: readTexts(folder) };
    return openCheckpoint(id, await convert(conversion, options.onProgress), readLayout);
  }
  return { layout, hash, folder: realFolder, textFolder: folder, tensors: stored(tensors) };
}

function decoderLayout(
  json: JsonObject,
  where: string,
): CheckpointLayout & { readonly config: DecoderConfig } {
  const config = parseConfig(json, where);
  return {
    config,
    kind: `${config.architecture} decoder`,
    shapes: checkpointShapes(config),
    // Buffers of old checkpoints; a copy of tied embeddings.
    isIgnorable: (tensor) =>
      tensor.endsWith(".rotary_emb.inv_freq") || (config.tieWordEmbeddings && tensor === "lm_head.weight"),
  };
}

/** All tensors of the folder's weight files. */
function locateTensors(folder: string, weightsFile: string | undefined): ReadonlyMap<string, LocatedTensor> {
  const found = new Map<string, LocatedTensor>();
  for (const file of weightsFile === undefined ? weightFiles(folder) : [weightsFile]) {
    const path = realPath(join(folder, file));
    for (const [name, entry] of withFile(path, parseSafetensors).entries) {
      if (found.has(name)) throw new CheckpointError(`${folder}: tensor ${name} is in two files`);
      found.set(name, { path, entry });
    }
  }
  return found;
}

function weightFiles(folder: string): readonly string[] {
  const index = readOptionalJsonObject(join(folder, INDEX_FILE));
  return index === null ? [WEIGHTS_FILE] : weightFilesOf(index, join(folder, INDEX_FILE));
}

/**
 * The shards that a checkpoint's index names.
 * @throws CheckpointError when they are not plain file names of the same folder
 */
export function weightFilesOf(index: JsonObject, where: string): readonly string[] {
  const map = index["weight_map"];
  const values = isJsonObject(map) ? Object.values(map) : [];
  const names = new Set(values.filter((file): file is string => typeof file === "string"));
  if (names.size > 0 && [...names].every((name) => name === basename(name) && name.endsWith(".safetensors")))
    return [...names].sort();
  throw new CheckpointError(`${where}: expected weight_map to name safetensors files of this folder`);
}

/** The tensors that the configuration asks for, in its order; refuses missing, misshapen and unknown ones. */
function checkTensors(
  folder: string,
  { kind, shapes, isIgnorable }: CheckpointLayout,
  located: ReadonlyMap<string, LocatedTensor>,
): ReadonlyMap<string, LocatedTensor> {
  const missing = [...shapes.keys()].filter((name) => !located.has(name));
  if (missing.length > 0)
    throw new CheckpointError(`${folder}: ${missing.length} tensors are missing: ${firstOf(missing)}`, {
      hint: "config.json does not belong to these weights, or a file of the checkpoint is missing",
    });
  const unknown = [...located.keys()].filter((name) => !shapes.has(name) && !isIgnorable(name));
  if (unknown.length > 0)
    throw new CheckpointError(
      `${folder}: ${unknown.length} tensors have no place in a ${kind}: ${firstOf(unknown)}`,
    );
  return new Map(Array.from(shapes, ([name, shape]) => [name, checkTensor(name, shape, located.get(name))]));
}

function checkTensor(
  name: string,
  shape: readonly number[],
  tensor: LocatedTensor | undefined,
): LocatedTensor {
  if (tensor === undefined) throw new CheckpointError(`tensor ${name} is missing`);
  const { entry, path } = tensor;
  if (entry.shape.join() !== shape.join())
    throw new CheckpointError(
      `${path}: tensor ${name}: expected shape [${shape}] by config.json, got [${entry.shape}]`,
    );
  if (!READABLE_DTYPES.includes(entry.dtype))
    throw new CheckpointError(
      `${path}: tensor ${name}: expected dtype ${READABLE_DTYPES.join(", ")}, got ${entry.dtype}`,
    );
  return tensor;
}

/** Looks for NaN in weights that are used where they lie; a conversion has looked at its own. */
async function checkWeights(folder: string, tensors: ReadonlyMap<string, LocatedTensor>): Promise<void> {
  const source = readOptionalJsonObject(join(folder, SOURCE_FILE))?.["hash"];
  if (typeof source === "string" && folder === convertedFolder(source)) return;
  const files = new Map<string, SafetensorsEntry[]>();
  for (const { path, entry } of tensors.values()) files.set(path, [...(files.get(path) ?? []), entry]);
  for (const [path, entries] of files) await checkFinite(path, entries);
}

/** The one real folder that all tensors lie in as float32; null when they must be converted. */
function commonFloat32Folder(tensors: ReadonlyMap<string, LocatedTensor>): string | null {
  const folders = new Set<string>();
  for (const { entry, path } of tensors.values()) {
    if (entry.dtype !== "F32") return null;
    folders.add(dirname(path));
  }
  const [folder] = folders;
  return folders.size === 1 && folder !== undefined ? folder : null;
}

/** Hash of the whole checkpoint; a converted folder has that of its source. */
async function folderHash(
  folder: string,
  tensors: ReadonlyMap<string, LocatedTensor>,
  onProgress: OnProgress | undefined,
): Promise<string> {
  const source = readOptionalJsonObject(join(folder, SOURCE_FILE))?.["hash"];
  // A copy of a converted folder may have been changed, so only the cache's own word is taken.
  if (typeof source === "string" && folder === convertedFolder(source)) return source;
  const hashes: Record<string, string | null> = {};
  const paths = new Set(Array.from(tensors.values(), ({ path }) => path));
  for (const [i, path] of [...paths].sort().entries())
    hashes[`weights.${i}`] = await rememberedHash(path, onProgress);
  for (const [name, text] of readTexts(folder)) hashes[name] = sha256(text);
  return hashJson(hashes);
}

function readTexts(folder: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const name of TEXT_FILES) {
    const text = readOptionalText(join(folder, name));
    if (text !== null) texts.set(name, text);
  }
  return texts;
}

function convertible(tensors: ReadonlyMap<string, LocatedTensor>): ConvertibleTensor[] {
  return Array.from(tensors, ([name, { path, entry }]) => ({
    name,
    shape: entry.shape,
    read: () => withFile(path, (source) => readTensor(source, entry)),
  }));
}

function stored(tensors: ReadonlyMap<string, LocatedTensor>): ReadonlyMap<string, StoredTensor> {
  const list = Array.from(tensors, ([name, { path, entry }]): [string, StoredTensor] => [
    name,
    { name, shape: entry.shape, file: basename(path), offset: entry.offset, length: entry.length },
  ]);
  return new Map(list);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new CheckpointError(`${path}: no such file`, {
      hint: `weights are read from ${WEIGHTS_FILE}, or from shards named in ${INDEX_FILE}; other formats (pytorch_model.bin) must be converted to safetensors`,
      cause,
    });
  }
}

function firstOf(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(", ")}, …` : names.join(", ");
}
