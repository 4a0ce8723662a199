/** @file What a measured process is told and what it tells: one JSON file in, one JSON line out, on every side alike. */
import type { WeightScheme } from "../src/models/loaded-model.js";

/** One run over one file of rows. Peers read the same fields; see `peers/`. */
export interface Job extends Settings {
  readonly task: "dpo" | "sft" | "sample" | "choices";
  /** Checkpoint in Hugging Face's layout, float32. */
  readonly modelFolder: string;
  /** The GGUF file that the checkpoint was made from. */
  readonly gguf: string;
  /** JSON Lines; prompts to be answered carry `promptIds`. */
  readonly data: string;
  readonly threads: number;
  readonly seed: number;
}

/** How rows are worked on; a variant of a side overrides some. */
export interface Settings {
  /** Rows of an optimiser step, or sequences side by side. */
  readonly batchSize?: number;
  readonly maxLength?: number;
  readonly learningRate?: number;
  readonly loraRank?: number;
  readonly loraTargets?: readonly string[];
  readonly maxNewTokens?: number;
  readonly temperature?: number;
  /** Ours only: how the base's weights are held; default f32. */
  readonly weights?: WeightScheme;
  /** Peers only: rows of a micro-batch, accumulated to `batchSize`. */
  readonly microBatch?: number;
  /** Peers only: rows sorted by length. */
  readonly groupByLength?: boolean;
  /** Peers only: activations recomputed. */
  readonly checkpointing?: boolean;
  /** Peers only. */
  readonly attention?: "sdpa" | "eager";
  /** TRL only: reference log-probabilities before training instead of in every step. */
  readonly precomputeReference?: boolean;
}

/** A job that trains. */
export type TrainJob = Job &
  Required<Pick<Settings, "batchSize" | "maxLength" | "learningRate" | "loraRank" | "loraTargets">>;

/** A job that answers prompts. */
export type SampleJob = Job & Required<Pick<Settings, "batchSize" | "maxNewTokens" | "temperature">>;

/** Sets of multiple choice that are set beside lm-eval, with how many questions are asked. */
export const CHOICE_SETS: Readonly<Record<string, number>> = {
  "arc-easy": 400,
  piqa: 300,
  openbookqa: 300,
  boolq: 200,
};

/** A job that scores choices: its rows are a seeded sample of a set, which our side draws by itself. */
export interface ChoiceJob extends Job {
  readonly set: string;
  readonly questions: number;
  /** Where each question's numbers go, a {@link ScoredQuestion} a line. */
  readonly out: string;
}

/** A question as one side scored it. */
export interface ScoredQuestion {
  readonly id: string;
  readonly contextSha256: string;
  /** Of each choice, nats. */
  readonly logProbs: readonly number[];
  /** Of each choice, code points. */
  readonly lengths: readonly number[];
  /** Place of the choice picked. */
  readonly predicted: { readonly acc: number; readonly acc_norm: number };
  /** 1 where that is the right one. */
  readonly right: { readonly acc: number; readonly acc_norm: number };
}

/** What a measured process prints as its last line. */
export interface JobResult {
  /** Pairs, rows or prompts done. */
  readonly items: number;
  /** Real tokens: of all sequences after truncation when training, new ones when sampling, of choices when scoring; padding never counts. */
  readonly tokens: number;
  /** Without loading. */
  readonly seconds: number;
  readonly versions: Readonly<Record<string, string>>;
}
