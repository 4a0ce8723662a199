/** @file What distinguishes SFT from DPO, as the loop sees it: inputs of the step graph, and metrics from its outputs. */
import { type PackedRows, type Segment, targetCount } from "../data/packing.js";
import type { TensorData } from "../engine/types.js";
import type { TokenOutputs } from "./runner.js";

/** A row ready to train on. */
export interface TrainingRow {
  readonly id: string;
  readonly segment: Segment;
}

/** Additive figures of micro-batches; they are summed and then summarised. */
export type Sums = Readonly<Record<string, number>>;

/** Metrics by TRL's names. */
export type Metrics = Readonly<Record<string, number>>;

/** A training method. */
export interface TrainingMethod<Row extends TrainingRow> {
  readonly name: string;
  /** The method's inputs of a micro-batch inside an optimiser step (whose rows fix the normalisers). */
  inputs(microBatch: readonly Row[], step: readonly Row[]): Record<string, TensorData>;
  /** Figures of a micro-batch that add up over micro-batches. */
  measure(microBatch: readonly Row[], packed: PackedRows, tokens: TokenOutputs): Sums;
  /** TRL's metrics, `loss` first, of summed figures. */
  summarise(sums: Sums): Metrics;
  /** Says what is wrong with the metrics of the very first step, or null. */
  checkFirstStep?(metrics: Metrics): string | null;
}

/** Adds figures up; of those named `min…` and `max…` the least and the greatest stays. */
export function addSums(a: Sums, b: Sums): Sums {
  const sum: Record<string, number> = { ...a };
  for (const [name, value] of Object.entries(b)) {
    const before = sum[name];
    sum[name] = before === undefined ? value : joined(name, before, value);
  }
  return sum;
}

function joined(name: string, a: number, b: number): number {
  if (name.startsWith("min")) return Math.min(a, b);
  return name.startsWith("max") ? Math.max(a, b) : a + b;
}

/** Tokens of a row as TRL counts them: prompt and answer of every branch. */
export function tokenCount(row: TrainingRow): number {
  const { prompt, branches } = row.segment;
  return branches.reduce((sum, branch) => sum + prompt.length + branch.length, 0);
}

/** Tokens with loss of a row; under a class head the last of every branch. */
export function trainedTokens(row: TrainingRow): number {
  return targetCount(row.segment);
}

/** A float32 vector as a tensor. */
export function vector(...values: readonly number[]): TensorData {
  return { dtype: "float32", shape: [values.length], data: Float32Array.from(values) };
}

/** A figure of the sums; 0 when absent. */
export function figure(sums: Sums, name: string): number {
  return sums[name] ?? 0;
}

/** Sum of per-label values over the labels that `accepts` (by sequence number). */
export function sumTokens(
  values: Float32Array,
  packed: PackedRows,
  accepts: (sequence: number) => boolean,
): number {
  let sum = 0;
  packed.sequenceOf.forEach((sequence, m) => {
    if (sequence >= 0 && accepts(sequence)) sum += values[m] ?? Number.NaN;
  });
  return sum;
}

/** Sum of per-label values by sequence. */
export function sequenceTotals(values: Float32Array, packed: PackedRows): Float64Array {
  const totals = new Float64Array(packed.sequences);
  packed.sequenceOf.forEach((sequence, m) => {
    if (sequence >= 0) totals[sequence] = (totals[sequence] as number) + (values[m] ?? Number.NaN);
  });
  return totals;
}
