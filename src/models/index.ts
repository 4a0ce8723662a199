/**
 * @module Checkpoints and adapters: open a model by name, folder, file or hub id; read and write PEFT adapters; the
 * decoder as graphs for `safe-to-serve/engine`.
 */

export { type Classifier, type ClassifierLayout, classifierGraph } from "./classifier/classifier.js";
export { openClassifier } from "./classifier/open-classifier.js";
export type { DecoderConfig } from "./config.js";
export { buildDecodeGraph } from "./decoder/decode-graph.js";
export { buildScoreGraph } from "./decoder/score-graph.js";
export type { OnProgress } from "./hub/progress.js";
export type { Adapter, LoadedModel, LoraConfig, StoredTensor, TokenizerFiles } from "./loaded-model.js";
export { type AdapterOrigin, makeAdapter, readAdapter, writeAdapter } from "./lora/adapter.js";
export { type LoraFactor, loraFactors, loraModules } from "./lora/lora.js";
export { type OpenOptions, openModel } from "./open.js";
export { checkpointShapes, parseConfig } from "./parse-config.js";
export { MODEL_REGISTRY, type RegistryEntry } from "./registry.js";
export { type FloatTensor, writeSafetensors } from "./weights/safetensors.js";
