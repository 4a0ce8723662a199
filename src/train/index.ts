/**
 * @module Training of LoRA adapters: supervised (SFT), with safety examples mixed in (SIT), on preference pairs (DPO), on
 * own best answers (RAFT); reward models, cost models and classifiers.
 */
export type { Certificate } from "./certificate.js";
export { type JudgeRecipe, readJudgeRecipe } from "./judge/recipe.js";
export type { JudgeFigures, JudgeReport, TrainingRecord } from "./judge/result.js";
export { type TrainJudgeOptions, trainJudge } from "./judge/train-judge.js";
export { DPO_LOSSES, type DpoLossName, type DpoLossOptions } from "./losses/dpo-options.js";
export { trainDpo } from "./methods/dpo.js";
export { type RaftResult, trainRaft } from "./methods/raft.js";
export { trainReward } from "./methods/reward.js";
export { trainSft } from "./methods/sft.js";
export { trainSit } from "./methods/sit.js";
export {
  type ClassifierOptions,
  type CostModelOptions,
  type DataSource,
  type DpoOptions,
  LORA_DEFAULTS,
  type LoraSettings,
  METHOD_DEFAULTS,
  type MethodName,
  type RewardHead,
  type RewardModelOptions,
  type RewardOptions,
  type SftOptions,
  type SitOptions,
  type TrainHooks,
  type TrainingSettings,
  type TrainOptions,
} from "./options.js";
export type { RankingName } from "./raft/options.js";
export {
  RAFT_DEFAULTS,
  type RaftOptions,
  type RaftSettings,
  type Veto,
  type WeightedReward,
} from "./raft/options.js";
export type { TrainResult } from "./run.js";
export {
  buildStepGraph,
  dpoStep,
  type HeadLoss,
  type StepLoss,
  type StepTokens,
  sftStep,
} from "./step-graph.js";
