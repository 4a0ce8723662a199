/**
 * @file A checkpoint with the weights of its base quantised, for sampling and scoring: made once into a folder of the model
 * cache, which is all that its graphs need. Linear layers have 4 or 8 bits, embeddings and output projection always 8;
 * norms and biases stay float32. The folder's name is a hash of the checkpoint's and of the scheme.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "../core/errors.js";
import { writeJsonDurably } from "../core/files.js";
import { sha256 } from "../core/hash.js";
import { withFile } from "./byte-source.js";
import { cacheRoot, publishFolder } from "./cache.js";
import { SOURCE_FILE, WEIGHTS_FILE } from "./convert.js";
import { readJsonObject } from "./json-fields.js";
import type { LoadedModel, QuantisedScheme, QuantisedTensor, StoredTensor } from "./loaded-model.js";
import type { OnProgress } from "./progress.js";
import { BLOCK_SIZE, blockBytes, type QuantisedMatrix, quantise } from "./quantise.js";
import {
  type AnnouncedTensor,
  parseSafetensors,
  readTensor,
  type SafetensorsEntry,
  SafetensorsWriter,
} from "./safetensors.js";

/** Raised whenever quantised bytes change, so that old ones are not used. */
const QUANTISER_VERSION = 1;
const EMBEDDINGS: readonly string[] = ["model.embed_tokens.weight", "lm_head.weight"];

/**
 * The same model with quantised weights; quantises it first unless that was done before.
 * @param model in float32
 * @throws ConfigError     when a layer's width is not a multiple of the block size
 * @throws CheckpointError when the cached file is damaged
 */
export async function quantiseModel(
  model: LoadedModel,
  scheme: QuantisedScheme,
  onProgress?: OnProgress,
): Promise<LoadedModel> {
  const folder = quantisedFolder(model.hash, scheme);
  if (!existsSync(join(folder, SOURCE_FILE)))
    await publishFolder(folder, (temporary) => writeQuantised(temporary, model, scheme, onProgress));
  return openQuantised(model, scheme, folder);
}

/** The folder that a checkpoint's quantised weights lie in, whether made yet or not. */
export function quantisedFolder(hash: string, scheme: QuantisedScheme): string {
  return join(cacheRoot(), "quantised", sha256(`${QUANTISER_VERSION}:${scheme}:${hash}`).slice(0, 32));
}

/** How many bits a tensor gets; null for those that stay float32. */
function bitsOf({ name, shape }: StoredTensor, scheme: QuantisedScheme): 4 | 8 | null {
  if (shape.length !== 2) return null;
  return scheme === "int8" || EMBEDDINGS.includes(name) ? 8 : 4;
}

async function writeQuantised(
  folder: string,
  model: LoadedModel,
  scheme: QuantisedScheme,
  onProgress?: OnProgress,
): Promise<void> {
  const tensors = [...model.tensors.values()];
  const announced = tensors.flatMap((tensor) => partsOf(tensor, bitsOf(tensor, scheme)));
  const writer = new SafetensorsWriter(join(folder, WEIGHTS_FILE), announced);
  const totalBytes = tensors.reduce((sum, { length }) => sum + length, 0);
  const withOffsets: string[] = [];
  let doneBytes = 0;
  try {
    for (const tensor of tensors) {
      const hasOffsets = writeTensor(writer, model, tensor, bitsOf(tensor, scheme));
      if (hasOffsets) withOffsets.push(tensor.name);
      doneBytes += tensor.length;
      onProgress?.({ phase: "quantise", label: `${model.id} to ${scheme}`, doneBytes, totalBytes });
      // Progress bars, signals and other work get their turn between tensors.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    writer.abandon();
    throw error;
  }
  writer.finish();
  const source = { source: model.id, hash: model.hash, scheme, quantiserVersion: QUANTISER_VERSION };
  await writeJsonDurably(join(folder, SOURCE_FILE), { ...source, withOffsets });
}

/** What is written of a tensor, floats first so that they stay aligned. */
function partsOf({ name, shape }: StoredTensor, bits: 4 | 8 | null): AnnouncedTensor[] {
  if (bits === null) return [{ name, shape }];
  const blocks = [shape[0] as number, (shape[1] as number) / BLOCK_SIZE];
  const offsets: AnnouncedTensor[] = bits === 4 ? [{ name: `${name}.offsets`, shape: blocks }] : [];
  const codes: AnnouncedTensor = {
    name: `${name}.codes`,
    shape: [...blocks, blockBytes(bits)],
    dtype: "U8",
  };
  return [{ name: `${name}.scales`, shape: blocks }, ...offsets, codes];
}

/** Writes a tensor and says whether it has offsets that are not 0. */
function writeTensor(
  writer: SafetensorsWriter,
  model: LoadedModel,
  tensor: StoredTensor,
  bits: 4 | 8 | null,
): boolean {
  const { name, shape, file } = tensor;
  const values = withFile(join(model.folder, file), (source) =>
    readTensor(source, { ...tensor, dtype: "F32" }),
  );
  if (bits === null) {
    writer.write(name, values);
    return false;
  }
  const matrix: QuantisedMatrix = quantise(values, shape[1] as number, bits, `${model.id}: ${name}`);
  writer.write(`${name}.scales`, matrix.scales);
  if (bits === 4) writer.write(`${name}.offsets`, matrix.offsets ?? new Float32Array(matrix.scales.length));
  writer.write(`${name}.codes`, matrix.codes);
  return matrix.offsets !== null;
}

function openQuantised(model: LoadedModel, scheme: QuantisedScheme, folder: string): LoadedModel {
  const path = join(folder, WEIGHTS_FILE);
  const { entries } = withFile(path, parseSafetensors);
  const list = readJsonObject(join(folder, SOURCE_FILE))["withOffsets"];
  const withOffsets = new Set(Array.isArray(list) ? list : []);
  const stored = (name: string): StoredTensor => storedTensor(path, name, entries);
  const tensors = new Map<string, StoredTensor>();
  const quantised = new Map<string, QuantisedTensor>();
  for (const tensor of model.tensors.values()) {
    const { name } = tensor;
    const bits = bitsOf(tensor, scheme);
    if (bits === null) tensors.set(name, stored(name));
    else {
      const offsets = withOffsets.has(name) ? stored(`${name}.offsets`) : null;
      quantised.set(name, {
        bits,
        codes: stored(`${name}.codes`),
        scales: stored(`${name}.scales`),
        offsets,
      });
    }
  }
  return { ...model, folder, tensors, quantised: { scheme, tensors: quantised, activations: "int8" } };
}

function storedTensor(
  path: string,
  name: string,
  entries: ReadonlyMap<string, SafetensorsEntry>,
): StoredTensor {
  const entry = entries.get(name);
  if (entry === undefined)
    throw new CheckpointError(`${path}: tensor ${name} is missing`, {
      hint: "remove that folder; it is made anew",
    });
  const { shape, offset, length } = entry;
  return { name, shape, file: WEIGHTS_FILE, offset, length };
}
