/** @file What a training run takes, with defaults by method; the command line's flags are these in kebab case. */
import { ConfigError } from "../core/errors.js";
import type {
  CostPair,
  LabelledAnswer,
  PreferencePair,
  PromptCompletion,
  RewardPair,
} from "../data/examples.js";
import type { SafetyAmount } from "../data/mixing.js";
import type { Engine } from "../engine/types.js";
import type { LoadedModel } from "../models/loaded-model.js";
import type { OnMemory } from "../models/memory-plan.js";
import type { TemplateName } from "../text/messages.js";
import type { StepProgress } from "./loop.js";
import type { DpoLossName } from "./losses/dpo-options.js";
import type { OverLengthPolicy } from "./prepare.js";
import { type SchedulerName, schedulerName } from "./schedule.js";

/** The methods by the name that `train` takes. */
export type MethodName = "sft" | "sit" | "dpo" | "raft" | "reward";

/** Rows, or a data file or catalogue name to read them from. */
export type DataSource<Row> = string | readonly Row[];

/** Numbers and choices of a run; each has a default by method, see {@link METHOD_DEFAULTS}. */
export interface TrainingSettings {
  /** Passes over the data. */
  readonly epochs: number;
  /** Optimiser steps; 0: as many as the epochs give. */
  readonly maxSteps: number;
  /** Rows of a micro-batch. */
  readonly batchSize: number;
  /** Micro-batches of an optimiser step; changes memory, never the result. */
  readonly gradientAccumulation: number;
  readonly learningRate: number;
  readonly scheduler: SchedulerName;
  readonly warmupSteps: number;
  /** Most tokens of prompt and answer together. */
  readonly maxLength: number;
  /** Answers are cut at so many tokens; 0 leaves them whole. A refusal is decided in an answer's first tokens. */
  readonly maxCompletionLength: number;
  /** What happens to longer ones. */
  readonly overLength: OverLengthPolicy;
  /** Clips the gradient to this norm; 0 does not clip. */
  readonly maxGradNorm: number;
  readonly weightDecay: number;
  readonly shuffle: boolean;
  /** Steps between evaluations on held-out rows; 0: at every epoch's end. */
  readonly evalSteps: number;
  /** Steps between checkpoints; 0: only at the end. */
  readonly saveSteps: number;
  readonly seed: number;
  /** Most row positions computed at once; bounds memory, never changes the result. */
  readonly tokenBudget: number;
}

/** The shape of a fresh adapter. */
export interface LoraSettings {
  readonly loraRank: number;
  readonly loraAlpha: number;
  readonly loraDropout: number;
  /** `all-linear`, or names of linear layers. */
  readonly loraTargets: readonly string[];
}

/** What goes on beside training. */
export interface TrainHooks {
  /** A phase began, or goes on with `done` units done, e.g. "reference log-probabilities" or "training". */
  readonly onPhase?: (phase: string, total: number, unit: string, done: number) => void;
  /** So many units of the phase are done, fractions included. */
  readonly onPhaseProgress?: (done: number) => void;
  readonly onStep?: (progress: StepProgress) => void;
  /** What the run will hold in memory, before it starts. */
  readonly onMemory?: OnMemory;
  readonly onWarning?: (message: string) => void;
  readonly signal?: AbortSignal;
  /** Whether an answer repeats itself; without it loops are not watched. */
  readonly isLoop?: (tokenIds: readonly number[]) => boolean;
}

/** Options that all methods share. */
export interface TrainOptions<Row> extends Partial<TrainingSettings>, Partial<LoraSettings>, TrainHooks {
  /** Registry name, folder, file, hub id, or an opened checkpoint. */
  readonly model: string | LoadedModel;
  readonly data: DataSource<Row>;
  /** Held-out rows, never trained on. */
  readonly evalData?: DataSource<Row>;
  /** Folder of the run. */
  readonly out: string;
  /** PEFT folder to start from; it fixes the shape of the adapter. */
  readonly adapter?: string;
  /** Default "chat". */
  readonly template?: TemplateName;
  readonly system?: string;
  /** Threads of the engine; default the processor's cores. */
  readonly threads?: number;
  /** Go on from the newest checkpoint in `out`. */
  readonly resume?: boolean;
  /** An engine to use; it stays open. Default: one of the run's own. */
  readonly engine?: Engine;
  /** Folder of data sets that are not bundled. */
  readonly dataDir?: string;
  /** Check training prompts against all evaluation prompts; default true. */
  readonly checkContamination?: boolean;
  /** Watch over-refusal, loops and chosen log-probability on held-out prompts; default true. */
  readonly watch?: boolean;
}

/** Options of supervised fine-tuning. */
export type SftOptions = TrainOptions<PromptCompletion>;

/** Options of safety instruction tuning: instruction data with safety examples mixed in. */
export interface SitOptions extends SftOptions {
  readonly safetyData: DataSource<PromptCompletion>;
  readonly safetyExamples: SafetyAmount;
}

/** Options of Direct Preference Optimization. */
export interface DpoOptions extends TrainOptions<PreferencePair> {
  /** `start` (base plus starting adapter), `base`, or a PEFT folder; default `start`. */
  readonly reference?: string;
  /** Default 0.1. */
  readonly beta?: number;
  /** Default "sigmoid". */
  readonly loss?: DpoLossName;
  /** Default 0. */
  readonly labelSmoothing?: number;
  /** Default 0. */
  readonly nllWeight?: number;
}

/** What a class head may learn: a reward, a cost whose zero is the threshold of harm, or classes. */
export const REWARD_HEADS = ["reward", "cost", "classifier"] as const;
/** One of them. */
export type RewardHead = (typeof REWARD_HEADS)[number];

/** Options of a reward model. */
export interface RewardModelOptions extends TrainOptions<RewardPair> {
  readonly head: "reward";
  /** TRL's `center_rewards_coefficient`: draws the rewards of a pair towards a mean of 0; default 0. */
  readonly centerRewardsCoefficient?: number;
}

/** Options of a cost model. */
export interface CostModelOptions extends TrainOptions<CostPair> {
  readonly head: "cost";
  /** Weight of the mean squared cost; default 0.001, as safe-rlhf. */
  readonly costRegularization?: number;
}

/** Options of a classifier. */
export interface ClassifierOptions extends TrainOptions<LabelledAnswer> {
  readonly head: "classifier";
  /** Names of the classes, in the order of their scores; default safe, unsafe. */
  readonly labels?: readonly string[];
  /** Column of the label: a name, the index of one, or true and false for 1 and 0; default "label". */
  readonly labelField?: string;
  /** A weight for each class, or "balanced": each class weighs as much as any other; default 1 each. */
  readonly classWeights?: "balanced" | readonly number[];
}

/** Options of `trainReward`. */
export type RewardOptions = RewardModelOptions | CostModelOptions | ClassifierOptions;

const COMMON: Omit<TrainingSettings, "epochs" | "learningRate" | "scheduler" | "maxLength" | "batchSize"> = {
  maxSteps: 0,
  gradientAccumulation: 1,
  warmupSteps: 0,
  maxCompletionLength: 0,
  overLength: "truncate",
  maxGradNorm: 1,
  weightDecay: 0,
  shuffle: true,
  evalSteps: 0,
  saveSteps: 50,
  seed: 42,
  tokenBudget: 1024,
};

/** Defaults: TRL's where a LoRA run can use them, the paper's learning rates, epochs and schedules otherwise. */
export const METHOD_DEFAULTS: Readonly<Record<MethodName, TrainingSettings>> = {
  sft: { ...COMMON, epochs: 3, learningRate: 2e-4, scheduler: "linear", maxLength: 1024, batchSize: 8 },
  sit: { ...COMMON, epochs: 3, learningRate: 3e-4, scheduler: "linear", maxLength: 1024, batchSize: 8 },
  reward: {
    ...COMMON,
    epochs: 1,
    learningRate: 2e-4,
    scheduler: "linear",
    maxLength: 1024,
    batchSize: 8,
    overLength: "drop",
  },
  dpo: { ...COMMON, epochs: 2, learningRate: 5e-5, scheduler: "cosine", maxLength: 1024, batchSize: 4 },
  raft: { ...COMMON, epochs: 2, learningRate: 2e-4, scheduler: "constant", maxLength: 512, batchSize: 8 },
};

/** The adapter of a run that starts fresh. */
export const LORA_DEFAULTS: LoraSettings = {
  loraRank: 8,
  loraAlpha: 16,
  loraDropout: 0,
  loraTargets: ["all-linear"],
};

/** Settings with defaults filled in. @throws ConfigError for a number out of range */
export function resolveSettings(method: MethodName, options: Partial<TrainingSettings>): TrainingSettings {
  const defaults = METHOD_DEFAULTS[method];
  const settings = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, options[name as keyof TrainingSettings] ?? value]),
  ) as Record<keyof TrainingSettings, never> as TrainingSettings;
  checkSettings(settings);
  return settings;
}

function checkSettings(settings: TrainingSettings): void {
  const { learningRate, warmupSteps, maxLength, maxCompletionLength, maxGradNorm, weightDecay } = settings;
  const { evalSteps, saveSteps } = settings;
  schedulerName(settings.scheduler);
  require("--learning-rate", learningRate, learningRate > 0, "a number above 0");
  require("--warmup-steps", warmupSteps, isCount(warmupSteps, 0), "a whole number of at least 0");
  require("--max-steps", settings.maxSteps, isCount(settings.maxSteps, 0), "a whole number of at least 0");
  require("--max-length", maxLength, isCount(maxLength, 2), "a whole number of at least 2");
  require("--max-completion-length", maxCompletionLength, isCount(
    maxCompletionLength,
    0,
  ), "a whole number of at least 0");
  require("--max-grad-norm", maxGradNorm, maxGradNorm >= 0, "a number of at least 0");
  require("--weight-decay", weightDecay, weightDecay >= 0, "a number of at least 0");
  require("--eval-steps", evalSteps, isCount(evalSteps, 0), "a whole number of at least 0");
  require("--save-steps", saveSteps, isCount(saveSteps, 0), "a whole number of at least 0");
  require("--token-budget", settings.tokenBudget, isCount(
    settings.tokenBudget,
    1,
  ), "a whole number of at least 1");
}

function require(name: string, got: number, holds: boolean, expected: string): void {
  if (!holds || !Number.isFinite(got)) throw new ConfigError(`${name}: expected ${expected}, got ${got}`);
}

function isCount(value: number, least: number): boolean {
  return Number.isInteger(value) && value >= least;
}
