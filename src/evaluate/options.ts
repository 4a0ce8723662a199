/** @file What an evaluation is given, and how it says how far it is. */
import type { ChatModel, SamplingOptions } from "../text/chat-model.js";
import type { Judge } from "../text/judge.js";
import type { BertScoring } from "./bert-scores.js";
import type { Policy } from "./policy.js";
import type { EvaluationTarget } from "./results.js";
import type { LabelSource } from "./run-labels.js";
import type { TaskSelection } from "./tasks/suites.js";

/** How far an evaluation is. */
export interface EvaluationProgress {
  readonly phase: "answers" | "questions" | "references" | "verdicts" | "bertscores";
  /** Finished answers, questions, references or verdicts, and open ones as the shares of the token limit that they have reached. */
  readonly done: number;
  readonly total: number;
  /** Task of the last piece of work; null before the first. */
  readonly task: string | null;
}

/** What to evaluate, on what, and where to. */
export interface EvaluateOptions {
  readonly model: ChatModel;
  /** How the target is named in files; default the model's id alone. */
  readonly target?: Partial<EvaluationTarget>;
  /** Asked about every answer as soon as it is drawn. */
  readonly judges: readonly Judge[];
  /** Asked, one after the other, when everything is drawn and the model is no longer needed. */
  readonly laterJudges?: readonly Judge[];
  /** Told before each of these is asked for the first time: what stands before it can be closed. */
  readonly beforeJudge?: (judge: Judge) => Promise<void>;
  readonly tasks: readonly TaskSelection[];
  /** Folder of the evaluation; made if needed. */
  readonly out: string;
  /** The most prompts a task; null (default) for the suite's own limits. */
  readonly limit?: number | null;
  /** Greedy, at most 128 new tokens, no penalty, unless said otherwise. `seed` and `signal` have their own options. */
  readonly sampling?: Omit<SamplingOptions, "seed" | "signal" | "onDraw">;
  /** Of the prompt sample and of every draw; default 0. */
  readonly seed?: number;
  /** Answers to every prompt, each drawn with a seed of its own; default 1, and 1 only when greedy. */
  readonly repeats?: number;
  /** Worked examples before a question of multiple choice, picked as lm-evaluation-harness does; default 0. */
  readonly fewShot?: number;
  /** Go on in a folder that holds this very evaluation; default true. */
  readonly isResumable?: boolean;
  /** People's labels of a random part of this run's answers, by which shares are corrected; as {@link readLabels} gives them. */
  readonly labels?: LabelSource;
  /** Sets answers against reference answers by an encoder; it may be added to a finished evaluation. */
  readonly bertScore?: BertScoring;
  /** What the model must show; null (default) decides nothing. It is no part of what was asked, so it may change. */
  readonly policy?: Policy | null;
  /** Folder of data sets that are not bundled. */
  readonly dataDir?: string;
  readonly onProgress?: (progress: EvaluationProgress) => void;
  readonly signal?: AbortSignal;
}
