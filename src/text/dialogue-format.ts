/**
 * @file How a conversation and the answer to it become the text that a classifier reads. Both formats are those of
 * Anthropic's HH-RLHF data (Bai et al. 2022, arXiv 2204.05862), each as one published model was used. System messages
 * have no place in them and are left out.
 */
import type { Exchange, Message } from "./messages.js";

/** A format by name. */
export type DialogueFormatName = "human-assistant" | "question-answer";

/** A text format of classifiers. */
export interface DialogueFormat {
  readonly name: DialogueFormatName;
  /** Texts that are encoded apart and joined by their ids. */
  parts(exchange: Exchange): readonly string[];
}

/** The formats. */
export const DIALOGUE_FORMATS: Readonly<Record<DialogueFormatName, DialogueFormat>> = {
  // Bianchi et al. 2024, evals/HarmfulnessRewardModel.py.
  "human-assistant": {
    name: "human-assistant",
    parts: ({ messages, response }) => [`${turns(messages, "")}\n\nAssistant: ${response}`],
  },
  // Public code that scores with Ray2333/gpt2-large-helpful-reward_model (its card was not at hand): a space ends the
  // question, none begins the answer.
  "question-answer": {
    name: "question-answer",
    parts: ({ messages, response }) => [`${turns(messages, " ")}\n\nAssistant:`, response],
  },
};

/** The turns of users and of earlier answers; `end` follows those of users. */
function turns(messages: readonly Message[], end: string): string {
  return messages
    .map(({ role, content }) => {
      if (role === "system") return "";
      return role === "user" ? `\n\nHuman: ${content}${end}` : `\n\nAssistant: ${content}`;
    })
    .join("");
}
