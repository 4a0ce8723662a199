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

/** A prompt to be answered. */
export interface PromptRow {
  readonly id: string;
  readonly messages: readonly Message[];
}

/** A prompt with an answer to be scored. */
export interface PromptResponse extends PromptRow {
  readonly response: string;
}
