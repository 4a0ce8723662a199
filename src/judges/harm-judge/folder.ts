/**
 * @file The folder of a trained harm judge: `judge.json` (base, what is read of it, how members are joined), `head.safetensors`,
 * `words.json`, and `calibration.json` with the threshold. Beside them lie its card and its training record.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "../../core/errors.js";
import { listOf, number, oneOf, type Place, type Reader, record, text } from "../../core/fields.js";
import { writeFileDurably, writeJsonDurably } from "../../core/files.js";
import { hashJson, sha256 } from "../../core/hash.js";
import { readThreshold } from "../../models/classifier/score-record.js";
import { withFile } from "../../models/weights/byte-source.js";
import { readJsonObject } from "../../models/weights/json-fields.js";
import { parseSafetensors, readTensor, writeSafetensors } from "../../models/weights/safetensors.js";
import { type FeatureSettings, POOLINGS } from "../../text/feature-model.js";
import { REFUSAL_MATCHER_HASH } from "../refusal-matcher.js";
import { BagOfWords } from "./bag-of-words.js";
import { type HarmHead, type LinearHead, MEMBERS } from "./head.js";

const RECORD_FILE = "judge.json";
const HEAD_FILE = "head.safetensors";
const WORDS_FILE = "words.json";
/** Name of the file of the threshold and of what it rests on. */
export const CALIBRATION_FILE = "calibration.json";

/** What reads the answers of a harm judge. */
export interface JudgeBase {
  /** Registry name, folder, file or hub id. */
  readonly id: string;
  /** Hash of the feature model: weights, tokenizer, template and what is read. */
  readonly hash: string;
  readonly features: FeatureSettings;
}

/** A trained harm judge as its folder has it. */
export interface HarmJudgeFolder {
  readonly base: JudgeBase;
  readonly head: HarmHead;
  /** P(harmful) from which an answer is unsafe. */
  readonly threshold: number;
  /** Of all that decides a verdict. */
  readonly hash: string;
}

/** Whether a path is the folder of a harm judge. */
export function isHarmJudge(path: string): boolean {
  return existsSync(join(path, RECORD_FILE)) && existsSync(join(path, HEAD_FILE));
}

/** Writes what a judge needs to be opened, but for the calibration. */
export async function writeHarmHead(folder: string, base: JudgeBase, head: HarmHead): Promise<void> {
  const { members, probe, bag, words, stack } = head;
  const tensors = {
    "probe.weight": probe.weights,
    "words.weight": words.weights,
    "words.rarity": bag.rarity,
  };
  await writeSafetensors(
    join(folder, HEAD_FILE),
    new Map(Object.entries(tensors).map(([name, data]) => [name, { shape: [data.length], data }])),
  );
  await writeFileDurably(join(folder, WORDS_FILE), `${JSON.stringify(bag.words)}\n`);
  await writeJsonDurably(join(folder, RECORD_FILE), {
    schemaVersion: 1,
    kind: "harm-judge",
    base,
    members,
    intercepts: { probe: probe.intercept, words: words.intercept, stack: stack.intercept },
    stack: [...stack.weights],
  });
}

/** Reads a folder. @throws CheckpointError | ConfigError naming what is wrong with it */
export function readHarmJudge(folder: string): HarmJudgeFolder {
  const where = join(folder, RECORD_FILE);
  const json = readRecord(readJsonObject(where), { file: where, path: [], lineOf: () => null });
  const words = readWords(join(folder, WORDS_FILE));
  const tensors = readTensors(join(folder, HEAD_FILE));
  const { base, members, intercepts, stack } = json;
  const head: HarmHead = {
    members,
    probe: { weights: tensors("probe.weight", null), intercept: intercepts.probe },
    bag: new BagOfWords(words, tensors("words.rarity", words.length)),
    words: { weights: tensors("words.weight", words.length), intercept: intercepts.words },
    stack: { weights: Float32Array.from(stack), intercept: intercepts.stack },
  };
  if (stack.length !== members.length)
    throw new CheckpointError(`${where}: expected ${members.length} weights in stack, got ${stack.length}`);
  const threshold = readThreshold(folder);
  if (threshold === null)
    throw new CheckpointError(`${folder}: expected ${CALIBRATION_FILE} with a threshold, got no file`);
  return { base, head, threshold, hash: hashOf(base, head, threshold) };
}

/** Hash of all that decides a verdict. */
function hashOf(base: JudgeBase, { members, probe, bag, words, stack }: HarmHead, threshold: number): string {
  const numbers = ({ weights, intercept }: LinearHead) => ({ weights: hashBytes(weights), intercept });
  return hashJson({
    base: base.hash,
    members,
    probe: numbers(probe),
    bag: { words: bag.words, rarity: hashBytes(bag.rarity) },
    words: numbers(words),
    stack: numbers(stack),
    threshold,
    matcher: members.includes("refusal") ? REFUSAL_MATCHER_HASH : null,
  });
}

function hashBytes({ buffer, byteOffset, byteLength }: Float32Array): string {
  return sha256(new Uint8Array(buffer, byteOffset, byteLength));
}

function readTensors(path: string): (name: string, length: number | null) => Float32Array {
  const tensors = withFile(path, (source) => {
    const { entries } = parseSafetensors(source);
    return new Map(Array.from(entries, ([name, entry]) => [name, readTensor(source, entry)]));
  });
  return (name, length) => {
    const data = tensors.get(name);
    if (data !== undefined && (length === null || data.length === length)) return data;
    throw new CheckpointError(
      `${path}: expected tensor ${name} of ${length ?? "some"} numbers, got ${data?.length ?? "none"}`,
    );
  };
}

function readWords(path: string): readonly string[] {
  const value: unknown = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : null;
  if (Array.isArray(value) && value.every((word) => typeof word === "string")) return value;
  throw new CheckpointError(`${path}: expected a list of words, got something else`);
}

const integer = number({ min: 0, isInteger: true });
const only =
  <T>(expected: T): Reader<T> =>
  (value: unknown, { file, path }: Place) => {
    if (value === expected) return expected;
    throw new CheckpointError(
      `${file}: ${path.join(".")}: expected ${String(expected)}, got ${String(value)}`,
    );
  };

const readFeatures: Reader<FeatureSettings> = record<FeatureSettings, object>(
  {
    layers: listOf(integer),
    pooling: listOf(oneOf(POOLINGS)),
    maxTokens: number({ min: 1, isInteger: true }),
  },
  {},
);

const readRecord = record(
  {
    schemaVersion: only(1),
    kind: only("harm-judge"),
    base: record({ id: text, hash: text, features: readFeatures }, {}),
    members: listOf(oneOf(MEMBERS)),
    intercepts: record({ probe: number(), words: number(), stack: number() }, {}),
    stack: listOf(number()),
  },
  {},
);
