/** @file What RAFT keeps of a sample: one line of `samples.jsonl`, in the field's names. */
import type { RaftPrompt } from "./prompts.js";

/** An answer as it was drawn. */
export interface DrawnSample {
  /** The prompt's. */
  readonly id: string;
  readonly sample: number;
  /** Without special tokens. */
  readonly response: string;
  /** Drawn tokens, the end of turn included. */
  readonly token_ids: readonly number[];
  readonly finish_reason: "stop" | "length" | "error";
}

/** What was measured of it; null is no number: the model gave NaN, read only a part, or was not asked. */
export interface SampleScores {
  /** By reward model, in the order they were given. */
  readonly rewards: readonly (number | null)[];
  /** P(unsafe) by veto. */
  readonly unsafe: readonly (number | null)[];
  /** Reward of the second model, which is never ranked by. */
  readonly second_reward: number | null;
  /** log p_t(y|x) − log p_0(y|x) over the drawn tokens, nats. */
  readonly log_ratio: number | null;
}

/** A sample that can be ranked. */
export interface ScoredSample extends DrawnSample, SampleScores {}

/** A sample and the prompt that it answers. */
export interface Answered {
  readonly prompt: RaftPrompt;
  readonly drawn: DrawnSample;
}
