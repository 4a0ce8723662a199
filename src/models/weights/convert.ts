/**
 * @file A checkpoint in another format or precision, converted once to a float32 Hugging Face folder in the cache, one
 * tensor at a time. transformers can open that folder, too.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeFileDurably, writeJsonDurably } from "../../core/files.js";
import { sha256 } from "../../core/hash.js";
import { cacheRoot, publishFolder } from "../hub/cache.js";
import type { OnProgress } from "../hub/progress.js";
import { elementCount, SafetensorsWriter } from "./safetensors.js";

/** Raised whenever converted bytes or texts change, so that old conversions are not used. */
const CONVERTER_VERSION = 1;
/** Names where a converted folder came from. */
export const SOURCE_FILE = "source.json";
export const WEIGHTS_FILE = "model.safetensors";

/** A tensor that can be read as float32, under its Hugging Face name. */
export interface ConvertibleTensor {
  readonly name: string;
  readonly shape: readonly number[];
  read(): Float32Array;
}

/** What a conversion writes. */
export interface Conversion {
  /** Hash of the original checkpoint. */
  readonly hash: string;
  /** For progress: the model's name. */
  readonly label: string;
  readonly tensors: readonly ConvertibleTensor[];
  /** config.json, tokenizer.json and the like, by file name. */
  readonly texts: ReadonlyMap<string, string>;
}

/** The folder that the conversion of a checkpoint with this hash lies in, whether made yet or not. */
export function convertedFolder(hash: string): string {
  return join(cacheRoot(), "converted", sha256(`${CONVERTER_VERSION}:${hash}`).slice(0, 32));
}

/** Whether a checkpoint with this hash has been converted. */
export function isConverted(hash: string): boolean {
  return existsSync(join(convertedFolder(hash), SOURCE_FILE));
}

/** Converts a checkpoint unless that was done before, and returns the folder. */
export async function convert(conversion: Conversion, onProgress?: OnProgress): Promise<string> {
  const folder = convertedFolder(conversion.hash);
  await publishFolder(folder, async (temporary) => {
    await writeTensors(join(temporary, WEIGHTS_FILE), conversion, onProgress);
    for (const [name, text] of conversion.texts) await writeFileDurably(join(temporary, name), text);
    await writeJsonDurably(join(temporary, SOURCE_FILE), {
      source: conversion.label,
      hash: conversion.hash,
      converterVersion: CONVERTER_VERSION,
    });
  });
  return folder;
}

async function writeTensors(path: string, conversion: Conversion, onProgress?: OnProgress): Promise<void> {
  const { tensors, label } = conversion;
  const totalBytes = tensors.reduce((sum, tensor) => sum + elementCount(tensor.shape) * 4, 0);
  const writer = new SafetensorsWriter(path, tensors, { format: "pt" });
  let doneBytes = 0;
  try {
    for (const tensor of tensors) {
      writer.write(tensor.name, tensor.read());
      doneBytes += elementCount(tensor.shape) * 4;
      onProgress?.({ phase: "convert", label, doneBytes, totalBytes });
      // Progress bars, signals and other work get their turn between tensors.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    writer.abandon();
    throw error;
  }
  writer.finish();
}
