/**
 * @file The options of every command as commander gives them: what `commands/` declares and `run/` works with. Types only,
 * so that neither needs the other.
 */
import type { LabelKind } from "../judges/labels.js";
import type { WeightScheme } from "../models/loaded-model.js";
import type { TemplateName } from "../text/messages.js";
import type { DpoLossName } from "../train/losses/dpo-options.js";
import type { RewardHead } from "../train/options.js";
import type { RankingName } from "../train/raft/options.js";
import type { SchedulerName } from "../train/schedule.js";
import type { GateFlags } from "./gate-flags.js";
import type { CountOrShare } from "./options.js";
import type { SamplingFlags } from "./sampling-flags.js";
import type { TargetFlags } from "./target-flags.js";

/** Options that name a local chat model. */
export interface ChatModelFlags {
  readonly model: string;
  readonly adapter?: string;
  readonly adapterStrength: number;
  readonly template: TemplateName;
  readonly system?: string;
  readonly weights: WeightScheme;
  readonly threads?: number;
  readonly device: string;
}

/** Options of `generate` as commander gives them. */
export interface GenerateOptions extends ChatModelFlags, SamplingFlags {
  readonly prompts: string;
  readonly out: string;
  readonly samples: number;
  readonly batchSize: number;
  readonly json?: boolean;
}

/** Options of `chat` as commander gives them. */
export interface ChatOptions extends ChatModelFlags, SamplingFlags {}

/** Options of one evaluation: those of `evaluate`, with one strength. */
export interface EvaluateCommandOptions extends ChatModelFlags, TargetFlags, SamplingFlags, GateFlags {
  readonly suite?: string;
  readonly task?: readonly string[];
  readonly judge?: readonly string[];
  readonly judgeValidation?: readonly string[];
  readonly labels?: string;
  readonly limit?: number;
  readonly out: string;
  readonly dataDir?: string;
  readonly fewShot?: number;
  readonly repeats?: number;
  /** Folder or hub id of an encoder. */
  readonly bertscore?: string;
  readonly bertscoreLayer?: number;
  readonly bertscoreIdf?: boolean;
  /** A sweep's file, or "default". */
  readonly sweep?: string;
  readonly batchSize: number;
  /** False with `--no-resume`; otherwise an interrupted evaluation goes on. */
  readonly resume?: boolean;
  readonly json?: boolean;
}

/** Options of `evaluate` as commander gives them: strengths of the adapter from small to large, at least one. */
export interface EvaluateFlags extends Omit<EvaluateCommandOptions, "adapterStrength"> {
  readonly adapterStrength: readonly number[];
}

/** Options of `compare` as commander gives them. */
export interface CompareCommandOptions extends GateFlags {
  readonly out: string;
  readonly label?: readonly string[];
  readonly json?: boolean;
}

/** Options of `score` as commander gives them. */
export interface ScoreOptions extends ChatModelFlags {
  readonly data: string;
  readonly out: string;
  readonly json?: boolean;
}

/** Options of `tokenize` as commander gives them. */
export interface TokenizeOptions {
  readonly model: string;
  readonly data: string;
  readonly out: string;
  readonly json?: boolean;
}

/** Options that all methods share, as commander gives them; what is left out takes the method's default. */
export interface TrainFlags {
  readonly model: string;
  readonly data: string;
  readonly evalData?: string;
  readonly out: string;
  readonly adapter?: string;
  readonly template: TemplateName;
  readonly system?: string;
  readonly epochs?: number;
  readonly maxSteps?: number;
  readonly batchSize?: number;
  readonly gradientAccumulation?: number;
  readonly learningRate?: number;
  readonly scheduler?: SchedulerName;
  readonly warmupSteps?: number;
  readonly loraRank?: number;
  readonly loraAlpha?: number;
  readonly loraDropout?: number;
  readonly loraTargets?: readonly string[];
  readonly maxLength?: number;
  readonly maxCompletionLength?: number;
  readonly maxGradNorm?: number;
  readonly weightDecay?: number;
  readonly shuffle: boolean;
  readonly evalSteps?: number;
  readonly saveSteps?: number;
  readonly seed?: number;
  readonly threads?: number;
  readonly resume?: boolean;
  readonly json?: boolean;
}

/** Options of `train sit`. */
export interface TrainSitFlags extends TrainFlags {
  readonly safetyData: string;
  readonly safetyExamples: CountOrShare;
}

/** Options of `train dpo`. */
export interface TrainDpoFlags extends TrainFlags {
  readonly reference: string;
  readonly beta?: number;
  readonly loss?: DpoLossName;
  readonly labelSmoothing?: number;
  readonly nllWeight?: number;
}

/** A folder or hub id of a score model, with the number behind it. */
export interface NumberedModel {
  readonly path: string;
  readonly number: number;
}

/** Options of `train raft`. */
export interface TrainRaftFlags
  extends Omit<
    TrainFlags,
    "data" | "evalData" | "epochs" | "maxSteps" | "maxCompletionLength" | "evalSteps" | "shuffle"
  > {
  readonly prompts: string;
  readonly evalPrompts?: string;
  readonly reward: readonly NumberedModel[];
  readonly veto: readonly NumberedModel[];
  readonly secondReward?: string;
  readonly samples?: number;
  readonly stagePrompts?: number;
  readonly stages?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly maxNewTokens?: number;
  readonly ranking?: RankingName;
  readonly klWeight?: number;
  readonly minAnswerTokens?: number;
  readonly heldOut?: number;
  readonly patience?: number;
  readonly epochsPerStage?: number;
  readonly sampleBatchSize?: number;
}

/** Options of `train reward`. */
export interface TrainRewardFlags extends TrainFlags {
  readonly head: RewardHead;
  readonly centerRewardsCoefficient?: number;
  readonly costRegularization?: number;
  readonly labels?: readonly string[];
  readonly labelField?: string;
  readonly classWeights?: "balanced" | readonly number[];
}

/** Options of `data list`. */
export interface DataListOptions {
  readonly dataDir?: string;
  readonly json?: boolean;
}

/** Options of `data fetch`. */
export interface DataFetchOptions extends DataListOptions {
  readonly out: string;
}

/** Options of `data check`. */
export interface DataCheckOptions extends DataListOptions {
  readonly against?: readonly string[];
  /** Where the rows that overlap with nothing go. */
  readonly remove?: string;
}

/** Options of `data rejudge`. */
export interface DataRejudgeOptions extends DataListOptions {
  readonly out?: string;
}

/** Options of `data pairs`. */
export interface DataPairsOptions extends ChatModelFlags, DataListOptions {
  readonly safety: readonly string[];
  readonly harmless: readonly string[];
  readonly labelled: readonly string[];
  readonly labelledShare: number;
  readonly count: number;
  readonly share: number;
  readonly harmlessChosen: "own" | "reference";
  readonly maxNewTokens: number;
  readonly seed: number;
  readonly out: string;
}

/** Options of `judge list`. */
export interface JudgeListOptions {
  readonly json?: boolean;
}

/** Options of `judge score`. */
export interface JudgeScoreOptions extends JudgeListOptions {
  readonly judge: string;
  readonly data: string;
  readonly promptField?: string;
  readonly threads?: number;
  readonly dataDir?: string;
  readonly out: string;
}

/** Options of `judge validate`. */
export interface JudgeValidateOptions extends JudgeScoreOptions {
  readonly labelField?: string;
  readonly positive?: readonly string[];
  readonly labels?: LabelKind;
  readonly labelFile?: string;
  readonly labeller?: string;
  readonly categoryField?: string;
  readonly limit?: number;
  readonly seed: number;
  readonly sameKind?: readonly string[];
}

/** Options of `judge train`. */
export interface JudgeTrainOptions extends JudgeListOptions {
  readonly recipe: string;
  readonly out: string;
  readonly features?: string;
  readonly limit?: number;
  readonly dataDir?: string;
  readonly threads?: number;
}

/** Options of `judge label`. */
export interface JudgeLabelOptions extends JudgeListOptions {
  readonly data?: string;
  readonly promptField?: string;
  readonly dataDir?: string;
  readonly out: string;
  readonly labeller: string;
  readonly labels: LabelKind;
  readonly sample?: number;
  readonly seed: number;
  readonly port: number;
  /** Another file of labels; true for the people of `out` alone. */
  readonly agreement?: string | true;
}

/** Options of the `models` commands as commander gives them. */
export interface ModelsOptions {
  readonly json?: boolean;
}

/** Options of `demo` as commander gives them. */
export interface DemoCommandOptions {
  readonly full?: boolean;
  readonly recipe?: string;
  readonly out?: string;
  readonly seed?: number;
  readonly threads?: number;
  readonly dataDir?: string;
  readonly json?: boolean;
}
