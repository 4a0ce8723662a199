/** @file Opens a GGUF file: dequantised once into a float32 folder of the cache, then opened like any other folder. */
import { realpathSync } from "node:fs";
import { CheckpointError } from "../core/errors.js";
import { rememberedHash } from "./hub/cache.js";
import type { OnProgress } from "./hub/progress.js";
import type { LoadedModel } from "./loaded-model.js";
import { openFolder } from "./open-folder.js";
import { checkpointShapes, parseConfig } from "./parse-config.js";
import { type ByteSource, openFile } from "./weights/byte-source.js";
import {
  type Conversion,
  type ConvertibleTensor,
  convert,
  convertedFolder,
  isConverted,
} from "./weights/convert.js";
import {
  checkpointName,
  configFromGguf,
  ROPE_FACTORS_TENSOR,
  readCheckpointTensor,
} from "./weights/gguf/llama.js";
import { type GgufFile, type GgufTensor, parseGguf, readGgufTensor } from "./weights/gguf/parse.js";
import { tokenizerFromGguf } from "./weights/gguf/tokenizer.js";

/**
 * Opens a GGUF file.
 * @throws CheckpointError for damaged files and for architectures, block types and tokenizers that are not supported
 */
export async function openGguf(id: string, path: string, onProgress?: OnProgress): Promise<LoadedModel> {
  const real = realpathSync(path);
  const hash = await rememberedHash(real, onProgress);
  if (isConverted(hash)) return openConverted(id, hash);
  const source = openFile(real);
  try {
    await convert(describeConversion(id, hash, source), onProgress);
  } finally {
    source.close();
  }
  return openConverted(id, hash);
}

/** Opens the conversion of a file with this hash, which must have been made. */
export function openConverted(id: string, hash: string): Promise<LoadedModel> {
  return openFolder(id, convertedFolder(hash));
}

function describeConversion(id: string, hash: string, source: ByteSource): Conversion {
  const file = parseGguf(source);
  const ropeFactors = file.tensors.get(ROPE_FACTORS_TENSOR);
  const configJson = configFromGguf(file, ropeFactors ? readGgufTensor(source, ropeFactors) : null);
  const config = parseConfig(configJson, file.name);
  const areInterleaved = config.architecture === "llama";
  const heads = areInterleaved
    ? { query: config.numAttentionHeads, keyValue: config.numKeyValueHeads }
    : null;
  const byName = checkpointTensors(file);
  const tensors = Array.from(checkpointShapes(config), ([name, shape]): ConvertibleTensor => {
    const tensor = byName.get(name);
    if (tensor === undefined) throw new CheckpointError(`${file.name}: tensor ${name} is missing`);
    if (tensor.shape.join() !== shape.join())
      throw new CheckpointError(
        `${file.name}: tensor ${tensor.name}: expected shape [${shape}], got [${tensor.shape}]`,
      );
    return { name, shape, read: () => readCheckpointTensor(source, tensor, heads) };
  });
  return { hash, label: id, tensors, texts: textsOf(file, configJson) };
}

function checkpointTensors(file: GgufFile): ReadonlyMap<string, GgufTensor> {
  const weights = [...file.tensors.values()].filter(({ name }) => name !== ROPE_FACTORS_TENSOR);
  return new Map(weights.map((tensor) => [checkpointName(tensor.name, file.name), tensor]));
}

function textsOf(file: GgufFile, config: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const text = tokenizerFromGguf(file);
  const generation = {
    bos_token_id: config["bos_token_id"],
    eos_token_id: text.eosTokenIds.length === 1 ? text.eosTokenIds[0] : text.eosTokenIds,
    pad_token_id: config["pad_token_id"],
  };
  const texts = new Map([
    ["config.json", pretty(config)],
    ["generation_config.json", pretty(generation)],
    ["tokenizer.json", JSON.stringify(text.tokenizer)],
    ["tokenizer_config.json", pretty(text.config)],
  ]);
  if (text.chatTemplate !== null) texts.set("chat_template.jinja", text.chatTemplate);
  return texts;
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
