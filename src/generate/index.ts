/**
 * @module A checkpoint on this machine as a chat model: sampling over a cache, and log-probabilities of given answers; or
 * as a score model.
 */
export { ClassifierScoreModel, type ClassifierScoreModelParts } from "./classifier-score-model.js";
export { type DecodeStatistics, emptyStatistics } from "./decoder.js";
export {
  LocalChatModel,
  type LocalChatModelParts,
  type LocalGenerationRequest,
  type LocalSamplingOptions,
} from "./local-chat-model.js";
export {
  type OpenClassifierOptions,
  openClassifierScoreModel,
} from "./open-classifier-score-model.js";
export {
  conversationEncoder,
  type OpenChatModelOptions,
  openLocalChatModel,
} from "./open-local-chat-model.js";
export { SAMPLING_DEFAULTS } from "./sampling-options.js";
export type { TokenListener } from "./sequence.js";
