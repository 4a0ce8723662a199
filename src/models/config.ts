/** @file Configuration of a Llama-architecture decoder: Hugging Face's `config.json` keys in camelCase. */

/** What the graph builders need to know of a checkpoint. */
export interface DecoderConfig {
  readonly architecture: "llama";
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
  readonly maxPositionEmbeddings: number;
  /** The output projection is the embedding matrix. */
  readonly tieWordEmbeddings: boolean;
}
