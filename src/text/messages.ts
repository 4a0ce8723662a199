/** @file Conversations as the field writes them: lists of role and content. */

/** One turn of a conversation. */
export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** How a conversation becomes text: the model's own template, Alpaca's, or none (plain text). */
export type TemplateName = "chat" | "alpaca" | "none";

/** A prompt with the answer that was given to it. */
export interface Exchange {
  readonly id: string;
  readonly messages: readonly Message[];
  readonly response: string;
}
