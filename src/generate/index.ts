/**
 * @module Chat models: a checkpoint on this machine (sampling over a cache, log-probabilities of given answers), an
 * OpenAI-compatible endpoint, a file of answers; and score models.
 */
export { ClassifierScoreModel, type ClassifierScoreModelParts } from "./classifier-score-model.js";
export { type DecodeStatistics, emptyStatistics } from "./decoder.js";
export { DecoderScoreModel, type DecoderScoreModelParts } from "./decoder-score-model.js";
export { EndpointChatModel, type EndpointChatModelOptions } from "./endpoint/endpoint-chat-model.js";
export { HiddenFeatureModel, type HiddenFeatureModelParts } from "./hidden-feature-model.js";
export {
  LocalChatModel,
  type LocalChatModelParts,
  type LocalSamplingOptions,
} from "./local-chat-model.js";
export { type OpenFeatureModelOptions, openFeatureModel } from "./open-feature-model.js";
export {
  conversationEncoder,
  type OpenChatModelOptions,
  openLocalChatModel,
} from "./open-local-chat-model.js";
export { type OpenedScoreModel, type OpenScoreModelOptions, openScoreModel } from "./open-score-model.js";
export { ResponsesModel } from "./responses-model.js";
export { SAMPLING_DEFAULTS } from "./sampling-options.js";
export type { TokenListener } from "./sequence.js";
export { TextEmbedder, type TextEmbedderOptions } from "./text-embedder.js";
