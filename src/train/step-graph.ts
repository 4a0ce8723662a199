/**
 * @file The training step as one graph: packed rows and LoRA factors in; loss, metrics and the factors' gradients out.
 * The backward pass starts at the log-probabilities, crosses the projection by its closed form (token-log-probs.ts), and
 * goes down only as far as trained factors reach.
 */
import {
  cast,
  type Dim,
  equal,
  gradients,
  greaterOrEqual,
  input,
  integers,
  matmul,
  multiplyDims,
  range,
  reshape,
  type SymbolicDim,
  split,
  symbol,
  type Value,
} from "../engine/graph/ops.js";
import { emitModel, type GraphDefinition } from "../engine/onnx/emit.js";
import type { EmittedModel } from "../engine/types.js";
import { headGraph, packedScores } from "../models/classifier/head-graph.js";
import { DecoderGraph } from "../models/decoder/decoder.js";
import { linearShape } from "../models/decoder/linear-layers.js";
import { packedInputs, packedLogProbs, scoreGraph } from "../models/decoder/score-graph.js";
import type { LoadedModel, LoraConfig } from "../models/loaded-model.js";
import { DropoutNoise, LoraInputs } from "../models/lora/lora.js";
import { dpoLoss } from "./losses/dpo.js";
import type { DpoLossOptions } from "./losses/dpo-options.js";
import { type GraphLoss, sftLoss } from "./losses/sft.js";

/** What a loss may be made of. */
export interface StepTokens {
  /** [M] log-probability of each label, nats */
  readonly logProbs: Value;
  /** [M] 1 where the label counts, 0 for padding */
  readonly isTrained: Value;
  /** int64 [M] the sequence of each label, −1 for padding */
  readonly sequenceIds: Value;
}

/** Builds a loss, declaring the method's own inputs. */
export type StepLoss = (tokens: StepTokens) => GraphLoss;

/** A loss over the scores of a class head. */
export interface HeadLoss {
  /** @param scores [M, labels]: those of sequences 0, 1, … in order, then padding */
  ofScores(scores: Value): GraphLoss;
}

/** The graph of a step: {@link tokenStepGraph}, or {@link headStepGraph} for a loss over scores. */
export function stepGraph(model: LoadedModel, lora: LoraConfig, loss: StepLoss | HeadLoss): GraphDefinition {
  return "ofScores" in loss ? headStepGraph(model, lora, loss) : tokenStepGraph(model, lora, loss);
}

/** The graph that evaluates what an adapter of this shape learns: log-probabilities, or scores where it has a head. */
export function forwardGraph(model: LoadedModel, lora: LoraConfig): GraphDefinition {
  return lora.labels === undefined ? scoreGraph(model, lora) : headGraph(model, lora);
}

/**
 * Inputs: those of `packedInputs`, `sequence_ids` int64 [M], the LoRA factors, the loss's own, and with dropout
 * `dropout_a` and `dropout_b` float32 [B·T, W], uniform in [0, 1), W as {@link noiseWidth} says.
 * Outputs: `loss` [1], `log_probs`, `entropy`, `is_correct`, `mean_logit` [M], and `grad.<factor>` for every factor.
 */
function tokenStepGraph(model: LoadedModel, lora: LoraConfig, loss: StepLoss): GraphDefinition {
  const inputs = packedInputs();
  const noise = dropoutNoise(model, lora, inputs.inputIds);
  const adapter = new LoraInputs(model.config, lora, null, noise);
  const { hidden, tokens } = packedLogProbs(new DecoderGraph(model, adapter), inputs);
  const sequenceIds = input("sequence_ids", "int64", inputs.labels.shape);
  const isTrained = cast(greaterOrEqual(sequenceIds, integers(0)), "float32");
  const result = loss({ logProbs: tokens.logProbs, isTrained, sequenceIds });
  const [byToken] = gradients([{ value: result.loss }], [tokens.logProbs]) as [Value];
  const factors = [...adapter.factors];
  const found = gradients(
    [{ value: hidden, cotangent: tokens.pullback(byToken) }],
    factors.map(([, value]) => value),
  );
  return {
    name: "step",
    outputs: {
      loss: result.loss,
      log_probs: tokens.logProbs,
      entropy: tokens.entropy,
      is_correct: tokens.isCorrect,
      mean_logit: tokens.meanLogit,
      ...Object.fromEntries(factors.map(([name], i) => [`grad.${name}`, found[i] as Value])),
    },
    externalDataFolder: model.folder,
  };
}

/**
 * Inputs: those of `packedInputs` without `labels`, the LoRA factors and the head, the loss's own, and with dropout the
 * fields of {@link tokenStepGraph}. Outputs: `loss` [1], `scores` [M, labels], and `grad.<factor>` for every factor.
 */
function headStepGraph(model: LoadedModel, lora: LoraConfig, loss: HeadLoss): GraphDefinition {
  const inputs = packedInputs();
  const noise = dropoutNoise(model, lora, inputs.inputIds);
  const adapter = new LoraInputs(model.config, lora, null, noise);
  const scores = packedScores(new DecoderGraph(model, adapter), inputs);
  const result = loss.ofScores(scores);
  const factors = [...adapter.factors];
  const found = gradients(
    [{ value: result.loss }],
    factors.map(([, value]) => value),
  );
  return {
    name: "head-step",
    outputs: {
      loss: result.loss,
      scores,
      ...Object.fromEntries(factors.map(([name], i) => [`grad.${name}`, found[i] as Value])),
    },
    externalDataFolder: model.folder,
  };
}

/** {@link stepGraph} for a session. */
export function buildStepGraph(
  model: LoadedModel,
  lora: LoraConfig,
  loss: StepLoss | HeadLoss,
): EmittedModel {
  return emitModel(stepGraph(model, lora, loss));
}

/** Cross-entropy; declares `normaliser` [1]. */
export const sftStep: StepLoss = ({ logProbs, isTrained }) =>
  sftLoss({ logProbs, isTrained, normaliser: input("normaliser", "float32", [1]) });

/**
 * A DPO loss over pairs whose sequences are numbered chosen 0, rejected 0, chosen 1, …; declares `reference_chosen`,
 * `reference_rejected`, `chosen_lengths`, `rejected_lengths`, `is_pair` [P], `normaliser` and `chosen_tokens` [1].
 */
export function dpoStep(options: DpoLossOptions): StepLoss {
  return ({ logProbs, sequenceIds }) => {
    const pairs = symbol("P");
    const byPair = (name: string) => input(name, "float32", [pairs]);
    const isPair = byPair("is_pair");
    const [policyChosen, policyRejected] = pairSums(logProbs, sequenceIds, pairs);
    const inputs = {
      policyChosen,
      policyRejected,
      referenceChosen: byPair("reference_chosen"),
      referenceRejected: byPair("reference_rejected"),
      chosenLengths: byPair("chosen_lengths"),
      rejectedLengths: byPair("rejected_lengths"),
      isPair,
      normaliser: input("normaliser", "float32", [1]),
      chosenTokens: input("chosen_tokens", "float32", [1]),
    };
    return dpoLoss(inputs, options);
  };
}

/** Columns of the uniform dropout fields: the widest input of an adapted layer. */
export function noiseWidth(model: LoadedModel, lora: LoraConfig): number {
  return Math.max(...lora.modules.map((module) => linearShape(model.config, module)[1]));
}

function dropoutNoise(model: LoadedModel, lora: LoraConfig, inputIds: Value): DropoutNoise | null {
  if (lora.dropout === 0) return null;
  const shape = [multiplyDims(...inputIds.shape), noiseWidth(model, lora)];
  return new DropoutNoise(input("dropout_a", "float32", shape), input("dropout_b", "float32", shape));
}

/** Σ of log-probabilities by sequence, as chosen [P] and rejected [P]: a product with the one-hot matrix [2P,M]. */
function pairSums(logProbs: Value, sequenceIds: Value, pairs: SymbolicDim): [Value, Value] {
  const [m] = logProbs.shape as readonly [Dim];
  const sequences = multiplyDims(2, pairs);
  const belongs = equal(reshape(range(sequences), [sequences, 1]), reshape(sequenceIds, [1, m]));
  const sums = matmul(cast(belongs, "float32"), reshape(logProbs, [m, 1]));
  const [chosen, rejected] = split(reshape(sums, [pairs, 2]), 1, [1, 1]) as [Value, Value];
  return [reshape(chosen, [pairs]), reshape(rejected, [pairs])];
}
