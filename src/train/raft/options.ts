/** @file What a RAFT run takes, with defaults for the small embedded model; the command line's flags are these in kebab case. */
import { ConfigError } from "../../core/errors.js";
import type { PromptRow } from "../../data/examples.js";
import type { ScoreModel } from "../../text/chat-model.js";
import { type DataSource, resolveSettings, type TrainingSettings, type TrainOptions } from "../options.js";

/** How samples are compared: within a prompt, since rewards need not compare across prompts, or over all. */
export const RANKINGS = ["local", "global"] as const;
/** Name of a ranking. */
export type RankingName = (typeof RANKINGS)[number];

/** A reward model with its weight. */
export interface WeightedReward {
  /** One score an answer. */
  readonly model: ScoreModel;
  readonly weight: number;
}

/** A harm judge that may forbid a sample. */
export interface Veto {
  /** One of its labels is "unsafe"; P(unsafe) is the softmax of its scores. */
  readonly model: ScoreModel;
  /** A sample is vetoed when P(unsafe) reaches this, in (0, 1]. */
  readonly threshold: number;
}

/** Numbers and choices that only RAFT has. */
export interface RaftSettings {
  /** K: samples of a prompt under local ranking; under global ranking 1 of K samples is kept. */
  readonly samples: number;
  /** b: samples trained on in a stage, at most. */
  readonly stagePrompts: number;
  /** Stages at most. */
  readonly stages: number;
  /** Lambda. */
  readonly temperature: number;
  readonly topP: number;
  /** Longer answers are cut off, and a sample that is cut off is never trained on. */
  readonly maxNewTokens: number;
  readonly ranking: RankingName;
  /** Beta of r − beta · log(p_t / p_0), which samples are ranked by. */
  readonly klWeight: number;
  /** Shorter answers are never trained on; the end of turn is not counted. */
  readonly minAnswerTokens: number;
  /** Prompts answered after every stage and never trained on; 0: no early stop. */
  readonly heldOut: number;
  /** Stages without a new best on the held-out prompts after which the run stops. */
  readonly patience: number;
  /** Passes over the selected samples. */
  readonly epochsPerStage: number;
  /** Answers drawn side by side: memory and speed, never the result. */
  readonly sampleBatchSize: number;
}

/** Training settings that make no sense for samples, or go by another name here. */
type Replaced = "epochs" | "maxSteps" | "maxCompletionLength" | "overLength" | "evalSteps";

/** Options of a RAFT run. */
export interface RaftOptions
  extends Omit<TrainOptions<PromptRow>, Replaced | "data" | "evalData" | "watch" | "isLoop">,
    Partial<RaftSettings> {
  readonly prompts: DataSource<PromptRow>;
  /** Held-out prompts; default some of `prompts`, drawn by seed and left out of training. */
  readonly evalPrompts?: DataSource<PromptRow>;
  /** At least one. */
  readonly rewards: readonly WeightedReward[];
  readonly vetoes?: readonly Veto[];
  /** Scores held-out answers, is never ranked by, and decides when to stop: it shows over-optimisation of the others. */
  readonly secondReward?: ScoreModel;
}

/** All settings of a run. */
export interface ResolvedRaft {
  readonly raft: RaftSettings;
  readonly training: TrainingSettings;
}

/** The paper's choices, in sizes that the embedded model samples in minutes. */
export const RAFT_DEFAULTS: RaftSettings = {
  samples: 8,
  stagePrompts: 64,
  stages: 10,
  temperature: 0.85,
  topP: 1,
  maxNewTokens: 128,
  ranking: "local",
  klWeight: 0,
  minAnswerTokens: 3,
  heldOut: 32,
  patience: 3,
  epochsPerStage: 2,
  sampleBatchSize: 32,
};

/** Settings with defaults filled in. @throws ConfigError for a number out of range */
export function resolveRaft(options: Partial<RaftSettings> & Partial<TrainingSettings>): ResolvedRaft {
  const raft = Object.fromEntries(
    Object.entries(RAFT_DEFAULTS).map(([name, value]) => [
      name,
      options[name as keyof RaftSettings] ?? value,
    ]),
  ) as Record<keyof RaftSettings, never> as RaftSettings;
  checkRaft(raft);
  return { raft, training: resolveSettings("raft", { ...options, epochs: raft.epochsPerStage }) };
}

function checkRaft(raft: RaftSettings): void {
  const counts = { samples: 1, stagePrompts: 1, stages: 1, maxNewTokens: 1, sampleBatchSize: 1, patience: 1 };
  for (const [name, least] of Object.entries({ ...counts, minAnswerTokens: 0, heldOut: 0 })) {
    const value = raft[name as keyof typeof counts];
    if (!Number.isInteger(value) || value < least) refuse(name, `a whole number of at least ${least}`, value);
  }
  const { temperature, topP, klWeight, ranking, epochsPerStage } = raft;
  if (!(temperature > 0 && Number.isFinite(temperature)))
    refuse("temperature", "a number above 0, or all samples of a prompt are one", temperature);
  if (!(topP > 0 && topP <= 1)) refuse("topP", "a number above 0, at most 1", topP);
  if (!(klWeight >= 0 && Number.isFinite(klWeight))) refuse("klWeight", "a number of at least 0", klWeight);
  if (!(epochsPerStage > 0 && Number.isFinite(epochsPerStage)))
    refuse("epochsPerStage", "a number above 0", epochsPerStage);
  if (!RANKINGS.includes(ranking)) refuse("ranking", RANKINGS.join(" or "), ranking);
}

/**
 * Sees that every model can do what it is given for.
 * @throws ConfigError for a reward model without exactly one score, a veto without "unsafe", or a number out of range
 */
export function checkScorers({
  rewards,
  vetoes = [],
  secondReward,
}: Pick<RaftOptions, "rewards" | "vetoes" | "secondReward">): void {
  if (rewards.length === 0) refuse("reward", "at least one reward model", "none");
  for (const model of [...rewards.map((reward) => reward.model), ...(secondReward ? [secondReward] : [])]) {
    if (model.labels.length !== 1)
      refuse("reward", `a model with one score in ${model.id}`, model.labels.join(", "));
  }
  for (const { weight } of rewards) if (!Number.isFinite(weight)) refuse("reward", "a finite weight", weight);
  for (const { model, threshold } of vetoes) {
    if (!model.labels.includes(UNSAFE))
      refuse("veto", `a label "${UNSAFE}" in ${model.id}`, model.labels.join(", "));
    if (!(threshold > 0 && threshold <= 1)) refuse("veto", "a threshold above 0, at most 1", threshold);
  }
}

/** The label that a veto looks at. */
export const UNSAFE = "unsafe";

function refuse(name: string, expected: string, got: number | string): never {
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new ConfigError(`--${flag}: expected ${expected}, got ${got}`);
}
