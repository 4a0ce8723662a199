/** @module What everything above the engine is written against: conversations, chat models, judges; and a mock model. */
export * from "./chat-model.js";
export * from "./dialogue-format.js";
export * from "./feature-model.js";
export * from "./judge.js";
export type * from "./messages.js";
export { MockChatModel, type MockChatModelOptions } from "./mock-chat-model.js";
export { type AnswerKey, OpenAnswers } from "./open-answers.js";
export type * from "./token-model.js";
