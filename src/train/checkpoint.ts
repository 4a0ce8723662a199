/**
 * @file Checkpoints: everything that the next step depends on (factors, AdamW's moments, counters), so that a resumed run
 * is the uninterrupted one, bit for bit. A checkpoint is a folder that appears whole, by rename; the last two are kept.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "../core/errors.js";
import { writeFolderDurably, writeJsonDurably } from "../core/files.js";
import { withFile } from "../models/weights/byte-source.js";
import { readJsonObject, wholeNumber } from "../models/weights/json-fields.js";
import {
  type FloatTensor,
  parseSafetensors,
  readTensor,
  writeSafetensors,
} from "../models/weights/safetensors.js";
import type { AdamWState, NamedArrays } from "./optimizer.js";

/** What a run goes on from. */
export interface TrainingState {
  /** Optimiser steps done. */
  readonly step: number;
  /** Tokens seen, as TRL counts them. */
  readonly numTokens: number;
  readonly factors: NamedArrays;
  readonly optimizer: AdamWState;
}

/** Writes the factors as an adapter that other tools read; must write `adapter_model.safetensors` under PEFT names. */
export type SaveAdapter = (folder: string, factors: NamedArrays) => Promise<void>;

/** Checkpoints kept; older ones are removed. */
const CHECKPOINTS_KEPT = 2;
const NAME = /^step-(\d+)$/;

/** Writes `<run>/checkpoints/step-<n>/` and removes all but the newest {@link CHECKPOINTS_KEPT}. */
export async function saveCheckpoint(
  run: string,
  state: TrainingState,
  saveAdapter: SaveAdapter,
): Promise<void> {
  const root = join(run, "checkpoints");
  const target = join(root, `step-${String(state.step).padStart(7, "0")}`);
  await writeFolderDurably(target, async (temporary) => {
    await saveAdapter(temporary, state.factors);
    await writeSafetensors(join(temporary, "optimizer.safetensors"), momentTensors(state.optimizer));
    const { step, numTokens } = state;
    await writeJsonDurably(join(temporary, "state.json"), {
      step,
      numTokens,
      optimizerStep: state.optimizer.step,
    });
  });
  removeOld(root);
}

/** The newest checkpoint of a run; null when there is none. @throws CheckpointError when it does not fit the factors */
export function loadCheckpoint(run: string, factors: NamedArrays): TrainingState | null {
  const root = join(run, "checkpoints");
  const newest = checkpointNames(root).at(-1);
  if (newest === undefined) return null;
  const folder = join(root, newest);
  const { step, numTokens, optimizerStep } = readState(join(folder, "state.json"));
  const stored = readTensors(join(folder, "adapter_model.safetensors"));
  const moments = readTensors(join(folder, "optimizer.safetensors"));
  const pick = (source: NamedArrays, prefix: string) =>
    new Map(
      Array.from(factors, ([name, like]) => [name, member(folder, source, prefix + name, like.length)]),
    );
  return {
    step,
    numTokens,
    factors: pick(stored, ""),
    optimizer: { step: optimizerStep, mean: pick(moments, "mean."), square: pick(moments, "square.") },
  };
}

interface StateFile {
  readonly step: number;
  readonly numTokens: number;
  readonly optimizerStep: number;
}

function readState(path: string): StateFile {
  const state = readJsonObject(path);
  return {
    step: wholeNumber(state, "step", path),
    numTokens: wholeNumber(state, "numTokens", path),
    optimizerStep: wholeNumber(state, "optimizerStep", path),
  };
}

function momentTensors({ mean, square }: AdamWState): Map<string, FloatTensor> {
  const tensors = new Map<string, FloatTensor>();
  for (const [name, data] of mean) tensors.set(`mean.${name}`, { shape: [data.length], data });
  for (const [name, data] of square) tensors.set(`square.${name}`, { shape: [data.length], data });
  return tensors;
}

function readTensors(path: string): Map<string, Float32Array> {
  return withFile(path, (source) => {
    const { entries } = parseSafetensors(source);
    return new Map(Array.from(entries, ([name, entry]) => [name, readTensor(source, entry)]));
  });
}

function member(folder: string, arrays: NamedArrays, name: string, length: number): Float32Array {
  const array = arrays.get(name);
  if (array?.length === length) return array;
  throw new CheckpointError(
    `${folder}: expected ${length} numbers in ${name}, got ${array?.length ?? "none"}`,
    {
      hint: "the checkpoint belongs to another run; use another --out",
    },
  );
}

function checkpointNames(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((name) => NAME.test(name))
    .sort((a, b) => Number(NAME.exec(a)?.[1]) - Number(NAME.exec(b)?.[1]));
}

function removeOld(root: string): void {
  const names = checkpointNames(root);
  const kept = new Set(names.slice(-CHECKPOINTS_KEPT));
  for (const name of readdirSync(root))
    if (!kept.has(name)) rmSync(join(root, name), { recursive: true, force: true });
}
