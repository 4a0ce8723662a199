/**
 * @file A model that is asked in token ids: for prompts in which what is a control token and what is text must not be told from
 * the text itself (guards). A local model is one; so is an endpoint that takes ids and gives log-probabilities.
 */
import type { Completion, SamplingOptions } from "./chat-model.js";
import type { Tokenizer } from "./tokenizer.js";

/** A prompt as ids, at least one. */
export interface TokenPrompt {
  readonly id: string;
  readonly promptIds: readonly number[];
}

/** A prompt with ids that may follow it, at least one. */
export interface TokenContinuation extends TokenPrompt {
  readonly answerIds: readonly number[];
}

/** Log-probabilities of a continuation's tokens, nats. */
export interface TokenLogProbs {
  readonly id: string;
  readonly tokenLogProbs: readonly number[];
}

/** A model that draws and scores token ids. Results come in any order; match them by id. */
export interface TokenModel {
  readonly id: string;
  readonly hash: string;
  readonly tokenizer: Tokenizer;
  /** Positions of prompt and answer together. */
  readonly maxPositions: number;
  generateIds(prompts: readonly TokenPrompt[], options: SamplingOptions): AsyncIterable<Completion>;
  /** Continuations of equal prompts share their computation where the model can. */
  scoreIds(continuations: readonly TokenContinuation[]): AsyncIterable<TokenLogProbs>;
}
