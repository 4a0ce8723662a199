/**
 * @file An encoder without its head: rows of tokens in, padded on the right and with their lengths, the hidden states of one
 * layer out. What BERTScore compares texts by.
 */
import { type Dim, input, reshape, symbol, type Value } from "../../engine/graph/ops.js";
import type { GraphDefinition } from "../../engine/onnx/emit.js";
import type { StoredTensor } from "../loaded-model.js";
import type { CheckpointLayout } from "../open-folder.js";
import type { TokenizerSource } from "../tokenizer-files.js";
import { CheckpointWeights } from "../weights/checkpoint-weights.js";
import type { PaddedInputs } from "./classifier.js";

/** What `config.json` says of an encoder: its tensors, and the graph over them. */
export interface EncoderLayout extends CheckpointLayout {
  readonly numHiddenLayers: number;
  readonly hiddenSize: number;
  /** Tokens that a text may have. */
  readonly maxLength: number;
  /** Hidden states [N, D] after the first `layers` layers. */
  hidden(weights: CheckpointWeights, inputs: PaddedInputs, layers: number): Value;
}

/** An opened encoder. */
export interface Encoder {
  /** Path or name as the user gave it. */
  readonly id: string;
  /** sha256 over the checkpoint's content. */
  readonly hash: string;
  readonly layout: EncoderLayout;
  readonly folder: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly text: TokenizerSource;
}

/**
 * Inputs: `input_ids` int64 [B,T], `lengths` int64 [B]. Output: `hidden` [B,T,D].
 * @param layers 1 … the encoder's own number; layers above are left out
 */
export function encoderGraph({ layout, tensors, folder }: Encoder, layers: number): GraphDefinition {
  const rows: readonly [Dim, Dim] = [symbol("B"), symbol("T")];
  const inputs = {
    inputIds: input("input_ids", "int64", rows),
    lengths: input("lengths", "int64", [rows[0]]),
  };
  const hidden = layout.hidden(new CheckpointWeights(tensors), inputs, layers);
  return {
    name: "encoder",
    outputs: { hidden: reshape(hidden, [...rows, layout.hiddenSize]) },
    externalDataFolder: folder,
  };
}
