/**
 * @module Checkpoints and adapters: open a model by name, folder, file or hub id; read and write PEFT adapters; the
 * decoder as graphs for `safe-to-serve/engine`.
 */
export { type AdapterOrigin, makeAdapter, readAdapter, writeAdapter } from "./adapter.js";
export { type Classifier, type ClassifierLayout, classifierGraph } from "./classifier.js";
export type { DecoderConfig } from "./config.js";
export { buildDecodeGraph } from "./decode-graph.js";
export type { Adapter, LoadedModel, LoraConfig, StoredTensor, TokenizerFiles } from "./loaded-model.js";
export { type LoraFactor, loraFactors, loraModules } from "./lora.js";
export { type OpenOptions, openModel } from "./open.js";
export { openClassifier } from "./open-classifier.js";
export { checkpointShapes, parseConfig } from "./parse-config.js";
export type { OnProgress } from "./progress.js";
export { MODEL_REGISTRY, type RegistryEntry } from "./registry.js";
export { type FloatTensor, writeSafetensors } from "./safetensors.js";
export { buildScoreGraph } from "./score-graph.js";
