/**
 * @file Which rows an optimiser step trains: a pure function of (seed, epoch, step), so a resumed run sees the same rows.
 * The last partial batch of an epoch is kept; no step crosses from one epoch into the next.
 */
import { ConfigError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";

/** What fixes the order of training. */
export interface SamplerOptions {
  /** Number of training rows. */
  readonly rows: number;
  /** Rows of one micro-batch. */
  readonly batchSize: number;
  /** Micro-batches of one optimiser step. */
  readonly gradientAccumulation: number;
  /** Passes over the data; a fraction ends inside an epoch. */
  readonly epochs: number;
  /** Overrides `epochs` when positive. */
  readonly maxSteps?: number;
  readonly seed: number;
  readonly shuffle: boolean;
}

/** The rows of one optimiser step. */
export interface StepRows {
  readonly rows: readonly number[];
  /** Epochs finished after this step, as transformers logs it (micro-batches done / micro-batches per epoch). */
  readonly epoch: number;
}

/** Optimiser steps of one epoch. */
export function stepsPerEpoch(options: SamplerOptions): number {
  return Math.ceil(options.rows / (options.batchSize * options.gradientAccumulation));
}

/** Optimiser steps of the run. @throws ConfigError without rows or for a count that is not positive */
export function totalSteps(options: SamplerOptions): number {
  requirePositive("rows", options.rows);
  requirePositive("--batch-size", options.batchSize);
  requirePositive("--gradient-accumulation", options.gradientAccumulation);
  if (options.maxSteps !== undefined && options.maxSteps > 0) return options.maxSteps;
  if (!(options.epochs > 0))
    throw new ConfigError(`--epochs: expected a positive number, got ${options.epochs}`);
  return Math.ceil(options.epochs * stepsPerEpoch(options));
}

/** Rows of optimiser step `step` (0-based) in training order. */
export function rowsOfStep(step: number, options: SamplerOptions): StepRows {
  const perEpoch = stepsPerEpoch(options);
  const epoch = Math.floor(step / perEpoch);
  const size = options.batchSize * options.gradientAccumulation;
  const first = (step - epoch * perEpoch) * size;
  const order = epochOrder(epoch, options);
  const rows = Array.from(order.subarray(first, first + size));
  const done = Math.ceil((first + rows.length) / options.batchSize);
  return { rows, epoch: epoch + done / Math.ceil(options.rows / options.batchSize) };
}

/** The order of all rows in one epoch. */
export function epochOrder(epoch: number, options: SamplerOptions): Int32Array {
  if (!options.shuffle) return Int32Array.from({ length: options.rows }, (_, i) => i);
  return new SeededRandom("train order", options.seed, epoch).permutation(options.rows);
}

function requirePositive(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new ConfigError(`${name}: expected a whole number of at least 1, got ${value}`);
}
