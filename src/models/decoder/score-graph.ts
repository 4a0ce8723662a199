/** @file The graphs that score: packed rows in, log-probabilities of the trained tokens out. */
import { gather, input, multiplyDims, type SymbolicDim, symbol, type Value } from "../../engine/graph/ops.js";
import { emitModel, type GraphDefinition } from "../../engine/onnx/emit.js";
import type { EmittedModel } from "../../engine/types.js";
import type { LoadedModel, LoraConfig } from "../loaded-model.js";
import { LoraInputs } from "../lora/lora.js";
import { type PackedLayout, packedAttention } from "./attention.js";
import { DecoderGraph, type DecoderInputs } from "./decoder.js";
import { LOGIT_CHUNKS, type TokenLogProbs, tokenLogProbs } from "./token-log-probs.js";

/** Inputs of graphs over packed rows; names are those of the ONNX inputs in snake case. */
export interface PackedInputs extends DecoderInputs, PackedLayout {
  /** Flattened position whose hidden state predicts each trained token, int64 [M] */
  readonly targetIndex: Value;
  /** The trained tokens, int64 [M] */
  readonly labels: Value;
  /** M / LOGIT_CHUNKS */
  readonly chunk: SymbolicDim;
}

/** Declares `input_ids`, `position_ids`, `segment_ids`, `branch_ids` [B,T], `target_index` and `labels` [M]. */
export function packedInputs(): PackedInputs {
  const [b, t, chunk] = [symbol("B"), symbol("T"), symbol("C")];
  const trained = multiplyDims(LOGIT_CHUNKS, chunk);
  const rows = (name: string) => input(name, "int64", [b, t]);
  return {
    inputIds: rows("input_ids"),
    positionIds: rows("position_ids"),
    segmentIds: rows("segment_ids"),
    branchIds: rows("branch_ids"),
    targetIndex: input("target_index", "int64", [trained]),
    labels: input("labels", "int64", [trained]),
    chunk,
  };
}

/** Hidden states that predict the trained tokens [M,D], and the tokens' log-probabilities. */
export function packedLogProbs(
  graph: DecoderGraph,
  inputs: PackedInputs,
): { readonly hidden: Value; readonly tokens: TokenLogProbs } {
  const { hidden } = graph.decoder(inputs, packedAttention(graph.config, inputs));
  const predicting = gather(hidden, inputs.targetIndex);
  return { hidden: predicting, tokens: tokenLogProbs(predicting, graph.head(), inputs.labels, inputs.chunk) };
}

/**
 * Scores packed rows. Inputs: {@link packedInputs}, with an adapter also its factors and `adapter_strength` [1].
 * Outputs `log_probs`, `entropy`, `is_correct`, `mean_logit`, [M] each.
 */
export function scoreGraph(model: LoadedModel, lora: LoraConfig | null): GraphDefinition {
  const tokens = scoredTokens(model, lora);
  return {
    name: "score",
    outputs: {
      log_probs: tokens.logProbs,
      entropy: tokens.entropy,
      is_correct: tokens.isCorrect,
      mean_logit: tokens.meanLogit,
    },
    externalDataFolder: model.folder,
  };
}

/**
 * {@link scoreGraph} with the one output `log_probs`: entropies need a second product with the vocabulary, which nothing
 * reaches here, so that scoring costs half as much a token beyond the decoder.
 */
export function logProbGraph(model: LoadedModel, lora: LoraConfig | null): GraphDefinition {
  const { logProbs } = scoredTokens(model, lora);
  return { name: "log_probs", outputs: { log_probs: logProbs }, externalDataFolder: model.folder };
}

function scoredTokens(model: LoadedModel, lora: LoraConfig | null): TokenLogProbs {
  const adapter = lora && new LoraInputs(model.config, lora, input("adapter_strength", "float32", [1]), null);
  return packedLogProbs(new DecoderGraph(model, adapter), packedInputs()).tokens;
}

/** {@link scoreGraph} for a session. */
export function buildScoreGraph(model: LoadedModel, lora: LoraConfig | null): EmittedModel {
  return emitModel(scoreGraph(model, lora));
}
