/** @file Tiny Llamas on disk and packed rows through a session, for tests of graphs over a model. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SeededRandom } from "../../src/core/random.js";
import { type PackedRows, packSegments, type Segment } from "../../src/data/packing.js";
import type { BufferRef, Session, TensorData } from "../../src/engine/types.js";
import { packedFeeds } from "../../src/generate/score.js";
import type { DecoderConfig } from "../../src/models/config.js";
import { LOGIT_CHUNKS } from "../../src/models/decoder/token-log-probs.js";
import type { LoadedModel, LoraConfig } from "../../src/models/loaded-model.js";
import { loraFactors } from "../../src/models/lora/lora.js";
import { openModel } from "../../src/models/open.js";
import {
  TINY_CONFIG,
  tinyConfig,
  tinyTensors,
  writeTinyFolder,
} from "../../src/models/tiny-checkpoint.test-data.js";

/** Tensors by input name. */
export type Feeds = Record<string, TensorData | BufferRef>;

/** A checkpoint of transformers with its logits, from reference/tiny_golden.py. */
export interface GoldenModel {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly sequences: readonly { readonly ids: readonly number[]; readonly logits: string }[];
}

/** The golden checkpoints: tied and untied, grouped and multi-head, three element types. */
export const goldenModels: {
  readonly tolerance: { readonly absolute: number; readonly relative: number };
  readonly variants: readonly GoldenModel[];
} = JSON.parse(readFileSync(new URL("../golden/tiny-llama.json", import.meta.url), "utf8"));

/** Logits [T][V] of a golden sequence. */
export function goldenLogits(logits: string, vocabSize: number): Float32Array[] {
  const all = new Float32Array(Uint8Array.from(Buffer.from(logits, "base64")).buffer);
  return Array.from({ length: all.length / vocabSize }, (_, t) =>
    all.subarray(t * vocabSize, (t + 1) * vocabSize),
  );
}

/** Writes a golden checkpoint under `root`; returns its folder. */
export function writeGolden(root: string, { name, files }: Pick<GoldenModel, "name" | "files">): string {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of Object.entries(files))
    writeFileSync(
      join(folder, file.replace(/\.base64$/, "")),
      file.endsWith(".base64") ? Buffer.from(content, "base64") : content,
    );
  return folder;
}

/** Writes a golden checkpoint under `root` and opens it. */
export function openGolden(root: string, golden: GoldenModel): Promise<LoadedModel> {
  return openModel(writeGolden(root, golden));
}

/** Opens a random float32 model with a vocabulary of 23 and two layers. */
export async function openRandom(root: string, changes: Record<string, unknown> = {}): Promise<LoadedModel> {
  const config = { ...TINY_CONFIG, vocab_size: 23, ...changes };
  const folder = join(root, `random-${Object.values(changes).join("-")}`);
  mkdirSync(folder, { recursive: true });
  await writeTinyFolder(folder, tinyTensors(tinyConfig(config)), config);
  return openModel(folder);
}

/** A float32 tensor. */
export function floats(shape: readonly number[], data: Float32Array): TensorData {
  return { dtype: "float32", shape, data };
}

/** Values in ±scale. */
export function noise(count: number, scale: number, ...key: (string | number)[]): Float32Array {
  const random = new SeededRandom("tiny model", ...key);
  return Float32Array.from({ length: count }, () => (2 * random.next() - 1) * scale);
}

/** Factors in ±0.5 as feeds; with `zeroB` all B are zero. */
export function factorFeeds(
  config: DecoderConfig,
  lora: LoraConfig,
  zeroB = false,
): Record<string, TensorData> {
  const isZero = (name: string) => zeroB && name.includes(".lora_B.");
  return Object.fromEntries(
    loraFactors(config, lora).map(({ name, shape }) => [
      name,
      floats(shape, noise(shape[0] * shape[1], isZero(name) ? 0 : 0.5, name)),
    ]),
  );
}

/** Random segments: prompts of 1–6 tokens, two answers of 1–5. */
export function randomSegments(count: number, vocabSize: number, answers = 2): Segment[] {
  const random = new SeededRandom("segments", count, answers);
  const ids = (most: number) =>
    Array.from({ length: 1 + random.integer(most) }, () => random.integer(vocabSize));
  const head = [1, 2, 3];
  return Array.from({ length: count }, (_, i) => ({
    id: `segment ${i}`,
    prompt: [...head, ...ids(6)],
    branches: Array.from({ length: answers }, () => ids(5)),
  }));
}

/** Packs segments into rows of at most `rowCapacity` positions. */
export function packed(segments: readonly Segment[], rowCapacity?: number): PackedRows {
  return packSegments(segments, {
    chunks: LOGIT_CHUNKS,
    ...(rowCapacity === undefined ? {} : { rowCapacity }),
  });
}

/** Runs packed rows; the first `labels` entries of an [M] output are those of labels. */
export async function runPacked(
  session: Session,
  rows: PackedRows,
  feeds: Feeds = {},
): Promise<Record<string, Float32Array>> {
  const outputs = await session.run({ ...packedFeeds(rows), ...feeds });
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]));
}

/** An [M] output as one list a sequence. */
export function bySequence(rows: PackedRows, values: Float32Array): number[][] {
  const lists = Array.from({ length: rows.sequences }, (): number[] => []);
  for (const [m, sequence] of rows.sequenceOf.entries()) lists[sequence]?.push(values[m] ?? Number.NaN);
  return lists;
}

/** Largest |a − b| / (1 + |b|); infinite when the lengths differ. */
export function worstDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  const differences = Array.from(
    a,
    (x, i) => Math.abs(x - (b[i] as number)) / (1 + Math.abs(b[i] as number)),
  );
  return differences.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(0, ...differences);
}

/** Log-softmax of logits, in double precision. */
export function logSoftmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const largest = Math.max(...values);
  const logSum = largest + Math.log(values.reduce((sum, x) => sum + Math.exp(x - largest), 0));
  return values.map((x) => x - logSum);
}
