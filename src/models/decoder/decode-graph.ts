/** @file The graph that samples: serves prefill chunks and decoding steps over a cache that it only reads. */
import { add, gather, input, mul, range, shapeVector, symbol } from "../../engine/graph/ops.js";
import { emitModel, type GraphDefinition } from "../../engine/onnx/emit.js";
import type { EmittedModel } from "../../engine/types.js";
import type { LoadedModel, LoraConfig } from "../loaded-model.js";
import { LoraInputs } from "../lora/lora.js";
import { cachedAttention } from "./attention.js";
import { DecoderGraph } from "./decoder.js";

/**
 * Inputs: `input_ids`, `position_ids` int64 [B,T]; `past_lengths`, `last_index` int64 [B]; `past.{l}.key|value` [B,G,S,K];
 * with an adapter its factors and `adapter_strength` [1]. Outputs: `logits` [B,V] at `last_index`, and the new rows
 * `present.{l}.key|value` [B,G,T,K].
 */
export function decodeGraph(model: LoadedModel, lora: LoraConfig | null): GraphDefinition {
  const { numHiddenLayers, numKeyValueHeads, headDim } = model.config;
  const [b, t, s] = [symbol("B"), symbol("T"), symbol("S")];
  const inputIds = input("input_ids", "int64", [b, t]);
  const positionIds = input("position_ids", "int64", [b, t]);
  const pastLengths = input("past_lengths", "int64", [b]);
  const lastIndex = input("last_index", "int64", [b]);
  const cached = (name: string) => input(name, "float32", [b, numKeyValueHeads, s, headDim]);
  const past = Array.from({ length: numHiddenLayers }, (_, l) => ({
    key: cached(`past.${l}.key`),
    value: cached(`past.${l}.value`),
  }));
  const adapter = lora && new LoraInputs(model.config, lora, input("adapter_strength", "float32", [1]), null);
  const graph = new DecoderGraph(model, adapter);
  const attend = cachedAttention(model.config, { pastLengths, past }, t);
  const { hidden, present } = graph.decoder({ inputIds, positionIds }, attend);
  const rowStarts = mul(range(b), shapeVector([t]));
  const logits = graph.logits(gather(hidden, add(rowStarts, lastIndex)));
  const cacheRows = present.flatMap(({ key, value }, l) => [
    [`present.${l}.key`, key],
    [`present.${l}.value`, value],
  ]);
  return {
    name: "decode",
    outputs: { logits, ...Object.fromEntries(cacheRows) },
    externalDataFolder: model.folder,
  };
}

/** {@link decodeGraph} for a session. */
export function buildDecodeGraph(model: LoadedModel, lora: LoraConfig | null): EmittedModel {
  return emitModel(decodeGraph(model, lora));
}
