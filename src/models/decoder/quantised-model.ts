/**
 * @file A checkpoint with the weights of its base quantised, for sampling and scoring: made once into a folder of the model
 * cache, which is all that its graphs need. Linear layers have 4 or 8 bits, embeddings and output projection always 8;
 * norms and biases stay float32. Matrices that read one input (queries, keys and values; gate and up) are stacked, so that
 * a graph multiplies once. The folder's name is a hash of the checkpoint's and of the scheme.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "../../core/errors.js";
import { writeJsonDurably } from "../../core/files.js";
import { sha256 } from "../../core/hash.js";
import { cacheRoot, publishFolder } from "../hub/cache.js";
import type { OnProgress } from "../hub/progress.js";
import type { LoadedModel, QuantisedScheme, QuantisedTensor, StoredTensor } from "../loaded-model.js";
import { withFile } from "../weights/byte-source.js";
import { SOURCE_FILE, WEIGHTS_FILE } from "../weights/convert.js";
import { readJsonObject } from "../weights/json-fields.js";
import { BLOCK_SIZE, blockBytes, quantise } from "../weights/quantise.js";
import {
  type AnnouncedTensor,
  elementCount,
  parseSafetensors,
  readTensor,
  type SafetensorsEntry,
  SafetensorsWriter,
} from "../weights/safetensors.js";
import { stackedName } from "./linear-layers.js";

/** Raised whenever quantised bytes change, so that old ones are not used. */
const QUANTISER_VERSION = 2;
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

/** A tensor of the quantised file, and those of the checkpoint whose rows it holds. */
interface Stack {
  readonly name: string;
  readonly shape: readonly number[];
  readonly members: readonly StoredTensor[];
  /** null: stays float32 */
  readonly bits: 4 | 8 | null;
}

/** All tensors, in checkpoint order. */
function stacksOf(model: LoadedModel, scheme: QuantisedScheme): Stack[] {
  const groups = new Map<string, StoredTensor[]>();
  for (const tensor of model.tensors.values()) {
    const name = tensor.shape.length === 2 ? stackedName(tensor.name) : tensor.name;
    groups.set(name, [...(groups.get(name) ?? []), tensor]);
  }
  return Array.from(groups, ([name, members]) => {
    const [, ...rest] = members[0]?.shape ?? [];
    const shape = [members.reduce((sum, member) => sum + (member.shape[0] as number), 0), ...rest];
    return { name, shape, members, bits: bitsOf(name, shape, scheme) };
  });
}

function bitsOf(name: string, shape: readonly number[], scheme: QuantisedScheme): 4 | 8 | null {
  if (shape.length !== 2) return null;
  return scheme === "int8" || EMBEDDINGS.includes(name) ? 8 : 4;
}

async function writeQuantised(
  folder: string,
  model: LoadedModel,
  scheme: QuantisedScheme,
  onProgress?: OnProgress,
): Promise<void> {
  const stacks = stacksOf(model, scheme);
  const writer = new SafetensorsWriter(join(folder, WEIGHTS_FILE), stacks.flatMap(partsOf));
  const totalBytes = stacks.reduce((sum, { shape }) => sum + elementCount(shape) * 4, 0);
  const withOffsets: string[] = [];
  let doneBytes = 0;
  try {
    for (const stack of stacks) {
      const hasOffsets = writeStack(writer, model, stack);
      if (hasOffsets) withOffsets.push(stack.name);
      doneBytes += elementCount(stack.shape) * 4;
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

/** What is written of a stack, floats first so that they stay aligned. */
function partsOf({ name, shape, bits }: Stack): AnnouncedTensor[] {
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

/** Writes a stack and says whether it has offsets that are not 0. */
function writeStack(
  writer: SafetensorsWriter,
  model: LoadedModel,
  { name, shape, members, bits }: Stack,
): boolean {
  const values = new Float32Array(elementCount(shape));
  let filled = 0;
  for (const member of members) {
    const path = join(model.folder, member.file);
    const rows = withFile(path, (source) => readTensor(source, { ...member, dtype: "F32" }));
    values.set(rows, filled);
    filled += rows.length;
  }
  if (bits === null) {
    writer.write(name, values);
    return false;
  }
  const matrix = quantise(values, shape[1] as number, bits, `${model.id}: ${name}`);
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
  for (const { name, bits } of stacksOf(model, scheme)) {
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
