/**
 * @module Differentiable graphs, run by ONNX Runtime: write a graph with the functions below, differentiate it with
 * `gradients`, serialise it with `emitModel`, run it with an engine's session. Knows nothing of language models.
 */
export { createEngine, type EngineOptions } from "./engine.js";
export * from "./graph/ops.js";
export { type OpType, operations } from "./graph/registry.js";
export { emitModel, type GraphDefinition } from "./onnx/emit.js";
export type {
  BufferRef,
  BufferWrite,
  EmittedModel,
  Engine,
  RowCopy,
  RunOptions,
  Session,
  TensorData,
  TensorDType,
} from "./types.js";
