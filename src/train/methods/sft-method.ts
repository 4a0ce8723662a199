/** @file Supervised fine-tuning for the loop: token-mean cross-entropy, metrics as TRL's SFTTrainer logs them. */
import type { PackedRows } from "../../data/packing.js";
import type { TensorData } from "../../engine/types.js";
import {
  figure,
  type Metrics,
  type Sums,
  sumTokens,
  type TrainingMethod,
  type TrainingRow,
  trainedTokens,
  vector,
} from "../method.js";
import type { TokenOutputs } from "../runner.js";

/** The method of SFT and SIT. */
export function sftMethod(name: "sft" | "sit"): TrainingMethod<TrainingRow> {
  return { name, inputs, measure, summarise };
}

function inputs(
  _microBatch: readonly TrainingRow[],
  step: readonly TrainingRow[],
): Record<string, TensorData> {
  return { normaliser: vector(step.reduce((sum, row) => sum + trainedTokens(row), 0)) };
}

function measure(microBatch: readonly TrainingRow[], packed: PackedRows, tokens: TokenOutputs): Sums {
  const all = (values: Float32Array) => sumTokens(values, packed, () => true);
  return {
    tokens: microBatch.reduce((sum, row) => sum + trainedTokens(row), 0),
    logProb: all(tokens.logProbs),
    ...(tokens.entropy && { entropy: all(tokens.entropy) }),
    ...(tokens.isCorrect && { correct: all(tokens.isCorrect) }),
  };
}

function summarise(sums: Sums): Metrics {
  const tokens = figure(sums, "tokens");
  return {
    loss: -figure(sums, "logProb") / tokens,
    ...(sums["entropy"] !== undefined && { entropy: sums["entropy"] / tokens }),
    ...(sums["correct"] !== undefined && { mean_token_accuracy: sums["correct"] / tokens }),
  };
}
