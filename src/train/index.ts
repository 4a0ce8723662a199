/** @module Training of LoRA adapters: supervised (SFT), with safety examples mixed in (SIT), on preference pairs (DPO). */
export type { Certificate } from "./certificate.js";
export { DPO_LOSSES, type DpoLossName, type DpoLossOptions } from "./losses/dpo-options.js";
export { trainDpo } from "./methods/dpo.js";
export { trainSft } from "./methods/sft.js";
export { trainSit } from "./methods/sit.js";
export {
  type DataSource,
  type DpoOptions,
  LORA_DEFAULTS,
  type LoraSettings,
  METHOD_DEFAULTS,
  type MethodName,
  type SftOptions,
  type SitOptions,
  type TrainHooks,
  type TrainingSettings,
  type TrainOptions,
} from "./options.js";
export type { TrainResult } from "./run.js";
export { buildStepGraph, dpoStep, type StepLoss, type StepTokens, sftStep } from "./step-graph.js";
