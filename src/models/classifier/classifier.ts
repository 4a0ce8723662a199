/**
 * @file A model with a class head over a whole text: rows of tokens in, padded on the right and with their lengths, one
 * score a label out. What differs between architectures is a {@link ClassifierLayout}: gpt2.ts and deberta.ts.
 */
import { input, symbol, type Value } from "../../engine/graph/ops.js";
import type { GraphDefinition } from "../../engine/onnx/emit.js";
import type { DialogueFormatName } from "../../text/dialogue-format.js";
import type { StoredTensor } from "../loaded-model.js";
import type { CheckpointLayout } from "../open-folder.js";
import type { TokenizerSource } from "../tokenizer-files.js";
import { CheckpointWeights } from "../weights/checkpoint-weights.js";

/** Rows of tokens. */
export interface PaddedInputs {
  /** int64 [B,T] */
  readonly inputIds: Value;
  /** How many tokens of each row are not padding, at least one; int64 [B] */
  readonly lengths: Value;
}

/** What `config.json` says of a classifier: its tensors, and the graph over them. */
export interface ClassifierLayout extends CheckpointLayout {
  readonly labels: readonly string[];
  /** Tokens that a text may have. */
  readonly maxLength: number;
  /** How published models of this kind write a dialogue. */
  readonly dialogueFormat: DialogueFormatName;
  /** Scores as the head gives them, without a softmax: [B, labels]. */
  scores(weights: CheckpointWeights, inputs: PaddedInputs): Value;
}

/** An opened classifier. */
export interface Classifier {
  /** Path or name as the user gave it. */
  readonly id: string;
  /** sha256 over the checkpoint's content. */
  readonly hash: string;
  readonly layout: ClassifierLayout;
  readonly folder: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly text: TokenizerSource;
}

/** Inputs: `input_ids` int64 [B,T], `lengths` int64 [B]. Output: `scores` [B, labels]. */
export function classifierGraph({ layout, tensors, folder }: Classifier): GraphDefinition {
  const [b, t] = [symbol("B"), symbol("T")];
  const inputs = { inputIds: input("input_ids", "int64", [b, t]), lengths: input("lengths", "int64", [b]) };
  return {
    name: "classifier",
    outputs: { scores: layout.scores(new CheckpointWeights(tensors), inputs) },
    externalDataFolder: folder,
  };
}
