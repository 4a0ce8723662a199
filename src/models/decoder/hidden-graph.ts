/**
 * @file Hidden states of chosen layers over packed rows, averaged over chosen positions inside the graph: what a linear
 * probe reads (Alain & Bengio 2016, arXiv 1610.01644). Blocks above the highest layer are not computed.
 */
import { type Dim, input, matmul, multiplyDims, symbol, type Value } from "../../engine/graph/ops.js";
import type { GraphDefinition } from "../../engine/onnx/emit.js";
import type { LoadedModel } from "../loaded-model.js";
import { type PackedLayout, packedAttention } from "./attention.js";
import { DecoderGraph, type DecoderInputs } from "./decoder.js";

/** Name of a layer's output. */
export function stateName(layer: number): string {
  return `state_${layer}`;
}

/**
 * Inputs `input_ids`, `position_ids`, `segment_ids`, `branch_ids` int64 [B,T], and `pool` float32 [P,N]: each row's share of
 * every position. Outputs `state_<layer>` [P,D]: layer 0 is the embeddings, layer i what leaves block i, not normalised.
 */
export function hiddenGraph(model: LoadedModel, layers: readonly number[]): GraphDefinition {
  const [b, t] = [symbol("B"), symbol("T")];
  const rows = (name: string): Value => input(name, "int64", [b, t] as readonly Dim[]);
  const inputs: DecoderInputs & PackedLayout = {
    inputIds: rows("input_ids"),
    positionIds: rows("position_ids"),
    segmentIds: rows("segment_ids"),
    branchIds: rows("branch_ids"),
  };
  const pool = input("pool", "float32", [symbol("P"), multiplyDims(b, t)]);
  const { states } = new DecoderGraph(model, null).decoder(inputs, packedAttention(model.config, inputs));
  const outputs = layers.map((layer) => [stateName(layer), matmul(pool, states[layer] as Value)]);
  return { name: "hidden", outputs: Object.fromEntries(outputs), externalDataFolder: model.folder };
}
