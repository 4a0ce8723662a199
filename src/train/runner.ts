/**
 * @file What the training loop sees of the engine: one step and one scoring of packed rows. The loop is written against
 * this, so it tests without a model.
 */
import type { PackedRows } from "../data/packing.js";
import type { TensorData } from "../engine/types.js";
import type { NamedArrays } from "./optimizer.js";

/** Per-label figures [M] of one run, in the order of {@link PackedRows.labels}. */
export interface TokenOutputs {
  /** Scores of a class head [M, labels], in place of all others. */
  readonly scores?: Float32Array;
  /** Log-probability of the label, nats; empty under a class head. */
  readonly logProbs: Float32Array;
  /** Entropy of the prediction, nats. */
  readonly entropy?: Float32Array;
  /** 1 where the likeliest token is the label. */
  readonly isCorrect?: Float32Array;
  /** Mean logit over the vocabulary. */
  readonly meanLogit?: Float32Array;
}

/** One micro-batch on its way into the step graph. */
export interface StepRequest {
  readonly packed: PackedRows;
  /** LoRA factors by PEFT name. */
  readonly factors: NamedArrays;
  /** The method's own inputs. */
  readonly inputs: Readonly<Record<string, TensorData>>;
  /** Determines dropout noise: (seed, step, micro-batch). */
  readonly noiseKey: readonly [number, number, number];
}

/** What one micro-batch gives. */
export interface StepResult {
  /** Share of the optimiser step's loss; micro-batches add up. */
  readonly loss: number;
  readonly tokens: TokenOutputs;
  /** By PEFT name; micro-batches add up. */
  readonly gradients: NamedArrays;
}

/** Runs step and score graphs. */
export interface StepRunner {
  step(request: StepRequest): Promise<StepResult>;
  /** Forward only, without dropout. */
  score(packed: PackedRows, factors: NamedArrays): Promise<TokenOutputs>;
}
