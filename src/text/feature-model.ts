/** @file A model that turns an exchange into numbers for a light head: the interface that judges and training see. */
import type { OnCut } from "./chat-model.js";
import type { Exchange } from "./messages.js";

/** Where in an exchange hidden states are read: at the answer's end of turn, its words' mean, the mean of its first ones, or behind a question about it. */
export const POOLINGS = ["last", "mean", "opening", "question"] as const;
export type Pooling = (typeof POOLINGS)[number];

/** What is read of an exchange. */
export interface FeatureSettings {
  /** 0 is the embeddings, i what leaves block i. */
  readonly layers: readonly number[];
  readonly pooling: readonly Pooling[];
  /** Longest exchange that is read whole, prompt and answer together; a longer one's answer is cut. */
  readonly maxTokens: number;
}

/** A frozen model whose hidden states are read. */
export interface FeatureModel {
  /** Path or name as the user gave it. */
  readonly id: string;
  /** Of weights, tokenizer, template and what is read of an exchange. */
  readonly hash: string;
  /** Numbers an exchange: for each layer, for each pooling, one hidden state. */
  readonly width: number;
  /** One list an exchange, in order; NaN for one whose prompt leaves the answer no room. */
  features(exchanges: readonly Exchange[], onCut?: OnCut): AsyncIterable<Float32Array>;
}
