/**
 * @file A class head on a decoder, over packed rows: the score of a conversation is the head times the hidden state of its
 * last token, which is found by its index and never by a search for padding.
 */
import { gather, matmul, type Value } from "../../engine/graph/ops.js";
import type { GraphDefinition } from "../../engine/onnx/emit.js";
import { packedAttention } from "../decoder/attention.js";
import { DecoderGraph } from "../decoder/decoder.js";
import { type PackedInputs, packedInputs } from "../decoder/score-graph.js";
import type { Adapter, LoadedModel, LoraConfig } from "../loaded-model.js";
import { LoraInputs } from "../lora/lora.js";

/** A decoder whose conversations are scored at their last token. */
export interface HeadedDecoder {
  readonly model: LoadedModel;
  readonly labels: readonly string[];
  /** LoRA factors with a trained head; null where the head is the checkpoint's own. */
  readonly adapter: Adapter | null;
  /**
   * Where the head is the checkpoint's own: tokens of this id at a text's end are passed over, since transformers did so
   * when the head was trained. Default: none.
   */
  readonly padTokenId?: number | null;
}

/** Scores [M, labels] of the sequences whose last tokens `target_index` names. */
export function packedScores(graph: DecoderGraph, inputs: PackedInputs): Value {
  const { hidden } = graph.decoder(inputs, packedAttention(graph.config, inputs));
  return matmul(gather(hidden, inputs.targetIndex), graph.classHead(), { transposeB: true });
}

/**
 * Scores packed rows. Inputs: those of `packedInputs` without `labels`, with an adapter also its factors and head.
 * Output: `scores` [M, labels].
 */
export function headGraph(model: LoadedModel, lora: LoraConfig | null): GraphDefinition {
  const adapter = lora && new LoraInputs(model.config, lora, null, null);
  const scores = packedScores(new DecoderGraph(model, adapter), packedInputs());
  return { name: "head", outputs: { scores }, externalDataFolder: model.folder };
}
