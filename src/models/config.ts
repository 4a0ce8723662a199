/**
 * @file Configuration of a decoder: Hugging Face's `config.json` keys in camelCase where they exist, and what an
 * architecture fixes in code there (which layers have biases, which attend through a window) as data.
 */

/** Values of `model_type` that can be opened; how each is read stands in architectures.ts. */
export type Architecture = "llama" | "mistral" | "qwen2" | "qwen3";

/** The linear layers of a decoder block, in checkpoint order. */
export const LINEAR_LAYERS = [
  "q_proj",
  "k_proj",
  "v_proj",
  "o_proj",
  "gate_proj",
  "up_proj",
  "down_proj",
] as const;

/** A linear layer of a block by the last part of its name. */
export type LinearLayer = (typeof LINEAR_LAYERS)[number];

/** Rotary frequencies stretched beyond the lengths that a model was first trained on; see rope.ts. */
export type RopeScaling =
  | { readonly type: "linear"; readonly factor: number }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositionEmbeddings: number;
    };

/** What the graph builders need to know of a checkpoint. */
export interface DecoderConfig {
  readonly architecture: Architecture;
  /** V */
  readonly vocabSize: number;
  /** D */
  readonly hiddenSize: number;
  /** F */
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  /** H */
  readonly numAttentionHeads: number;
  /** G; H is a multiple of it */
  readonly numKeyValueHeads: number;
  /** K */
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** null: the frequencies of `ropeTheta` as they are */
  readonly ropeScaling: RopeScaling | null;
  readonly maxPositionEmbeddings: number;
  /** Linear layers that add a bias. */
  readonly biases: readonly LinearLayer[];
  /** Each query and key head is RMS-normalised before it is rotated. */
  readonly qkNorm: boolean;
  /** By layer: how many positions a query sees, the last of them its own; null: all up to its own. */
  readonly slidingWindows: readonly (number | null)[];
  /** The output projection is the embedding matrix. */
  readonly tieWordEmbeddings: boolean;
}
