/** @file The typed rows that training works on, whatever columns the file had. */
import type { Message } from "../text/messages.js";

/** A prompt and the answer to learn (SFT, SIT). */
export interface PromptCompletion {
  /** The row's `id` or `<file>:<line>`. */
  readonly id: string;
  readonly prompt: readonly Message[];
  readonly completion: readonly Message[];
  /** Tokens after which the answer is cut; by default what the training run says. */
  readonly maxCompletionLength?: number;
}

/** A prompt with a preferred and a dispreferred answer (DPO). */
export interface PreferencePair {
  readonly id: string;
  readonly prompt: readonly Message[];
  readonly chosen: readonly Message[];
  readonly rejected: readonly Message[];
}

/** A pair for a reward model. */
export interface RewardPair extends PreferencePair {
  /** By how much the chosen answer's reward should be ahead; default 0. */
  readonly margin?: number;
}

/** A pair for a cost model: the chosen answer is the safer one, whether either is safe is said apart. */
export interface CostPair extends PreferencePair {
  readonly isChosenSafe: boolean;
  readonly isRejectedSafe: boolean;
}

/** An answer with the index of its label. */
export interface LabelledAnswer {
  readonly id: string;
  readonly prompt: readonly Message[];
  readonly completion: readonly Message[];
  readonly label: number;
}

/** A prompt to be answered. */
export interface PromptRow {
  readonly id: string;
  readonly messages: readonly Message[];
}

/** A prompt with an answer to be scored. */
export interface PromptResponse extends PromptRow {
  readonly response: string;
}
