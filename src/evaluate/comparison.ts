/** @file The paired comparison of several evaluations of the same prompts: pure data, written as `comparison.json`. */
import type { Estimate } from "../stats/intervals.js";
import type { Verdict } from "../text/judge.js";
import type { Message } from "../text/messages.js";
import type { Share } from "./aggregate.js";
import type {
  ChoiceMetric,
  EvaluationJudge,
  EvaluationSampling,
  EvaluationTarget,
  EvaluationTask,
  EvaluationVerdict,
  Expectation,
  TextMetric,
} from "./results.js";

/** Several evaluations of the same prompts; the first is the base. */
export interface Comparison {
  readonly schemaVersion: number;
  readonly models: readonly ComparedModel[];
  /** The judges that all evaluations share; the first of kind "refusal" and the first of kind "harm" are compared. */
  readonly judges: readonly EvaluationJudge[];
  readonly settings: {
    readonly sampling: EvaluationSampling;
    readonly seed: number;
    readonly limit: number | null;
    readonly level: number;
    /** The sets that all evaluations share, as they were asked. */
    readonly sets: readonly EvaluationTask[];
  };
  /** Tasks in order, then pools. */
  readonly tasks: readonly TaskComparison[];
  /** Kinds of prompts inside the tasks, named "task: kind", with Holm's correction over all of them. */
  readonly categories: readonly TaskComparison[];
  /** Empty where no evaluation has reference log-probabilities. */
  readonly references: readonly ReferenceComparison[];
  /** Tasks of multiple choice, in order; they are not among `tasks` and `answers`. */
  readonly choices: readonly ChoiceComparison[];
  /** Overlap with reference answers; empty where no task has any. */
  readonly texts: readonly TextComparison[];
  /** One a model, same order, where a policy was given: the change of helpfulness is against the base. */
  readonly verdicts?: readonly EvaluationVerdict[];
  /** Every prompt with all models' answers. */
  readonly answers: readonly ComparedAnswer[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

/** One evaluated model. */
export interface ComparedModel {
  /** Unique in the comparison: the evaluation folder's name, numbered where two are equal. */
  readonly label: string;
  readonly target: EvaluationTarget;
  readonly hash: string;
}

/** A task or a pool of tasks. */
export interface TaskComparison {
  readonly name: string;
  readonly isPool: boolean;
  readonly expectation: Expectation;
  readonly prompts: number;
  /** One a model, same order. */
  readonly results: readonly TaskResult[];
  /** Every model against the first, then every model against the one before it. */
  readonly differences: readonly TaskDifference[];
}

/** A model on a task. Shares in [0, 1]. */
export interface TaskResult {
  readonly refused: Estimate;
  /** Of the answers with a verdict, how many refuse and how many object (both count as refused). */
  readonly refusals: number;
  readonly objections: number;
  readonly unscored: number;
  readonly worstCase: number;
  readonly bestCase: number;
  /** Share of answers judged harmful; null where no judge of harm took part. */
  readonly harmful: Share | null;
  readonly loops: Estimate;
  readonly truncated: Estimate;
  /** Tokens an answer. */
  readonly responseTokens: Estimate;
}

/**
 * `to` minus `from` on the prompts where both have a verdict; labels of models. With several answers a prompt it is the share of
 * its answers that is compared: the difference is the mean over prompts with a bootstrap interval, and a prompt counts as
 * newly or no longer refused where that share rose or fell.
 */
export interface TaskDifference {
  readonly from: string;
  readonly to: string;
  /** Difference of the share refused. */
  readonly refused: Estimate;
  /** Prompts newly refused (b) and no longer refused (c). */
  readonly newlyRefused: number;
  readonly noLongerRefused: number;
  /** Exact two-sided McNemar; with several answers a prompt the paired permutation test. */
  readonly pValue: number;
  /** The same after Holm's correction over the tasks of this pair of models; null for pools. */
  readonly pValueHolm: number | null;
  /** Prompts where a verdict of either model is missing, and what they could make of the difference. */
  readonly unscored: number;
  readonly lowest: number;
  readonly highest: number;
  /** The same for the share judged harmful; null where no judge of harm took part. */
  readonly harmful: HarmDifference | null;
  /** Difference of the share of loops. */
  readonly loops: Estimate;
  readonly flips: readonly Flip[];
}

/** How the share judged harmful changed, in the terms of {@link TaskDifference}. */
export interface HarmDifference {
  readonly change: Estimate;
  readonly newlyHarmful: number;
  readonly noLongerHarmful: number;
  readonly pValue: number;
  readonly pValueHolm: number | null;
  readonly unscored: number;
  readonly lowest: number;
  readonly highest: number;
}

/** A prompt whose verdict changed. */
export interface Flip {
  readonly task: string;
  readonly promptId: string;
  readonly direction: "newly-refused" | "newly-answered";
}

/** Log-probability of the reference answers, nats a token, mean over prompts. */
export interface ReferenceComparison {
  readonly task: string;
  /** One a model, same order. */
  readonly results: readonly Estimate[];
  readonly differences: readonly {
    readonly from: string;
    readonly to: string;
    readonly perToken: Estimate;
  }[];
}

/** A task's answers against its reference answers. */
export interface TextComparison {
  readonly task: string;
  readonly metrics: readonly {
    readonly metric: TextMetric | "bertscore-f1";
    /** One a model, same order. */
    readonly results: readonly Estimate[];
  }[];
  /** By pair of models, each against the first, then each against the one before it, and by metric that answers have. */
  readonly differences: readonly TextDifference[];
}

/** `to` minus `from` on the prompts that both have answered: mean difference of F1, of a prompt's answers the mean. */
export interface TextDifference {
  readonly from: string;
  readonly to: string;
  readonly metric: "rouge1" | "rouge2" | "rougeL" | "bertscore-f1";
  readonly change: Estimate;
}

/** A task of multiple choice. */
export interface ChoiceComparison {
  readonly task: string;
  readonly questions: number;
  /** Worked examples before each question. */
  readonly fewShot: number;
  readonly metrics: readonly ChoiceMetricComparison[];
}

/** A metric of a task: shares in [0, 1], or mean Brier scores. */
export interface ChoiceMetricComparison {
  readonly metric: ChoiceMetric;
  /** One a model, same order. */
  readonly results: readonly (Estimate & { readonly unscored: number })[];
  /** Every model against the first, then every model against the one before it. */
  readonly differences: readonly ChoiceDifference[];
}

/** `to` minus `from` on the questions that both have scored. */
export interface ChoiceDifference {
  readonly from: string;
  readonly to: string;
  readonly change: Estimate;
  /** Questions newly right and newly wrong; null for Brier scores. */
  readonly newlyRight: number | null;
  readonly newlyWrong: number | null;
  /** Exact two-sided McNemar, and after Holm's correction over the tasks; null for Brier scores. */
  readonly pValue: number | null;
  readonly pValueHolm: number | null;
}

/** A prompt with what every model answered. */
export interface ComparedAnswer {
  readonly task: string;
  readonly promptId: string;
  readonly expectation: Expectation;
  readonly messages: readonly Message[];
  /** One a model, same order. */
  readonly answers: readonly ComparedResponse[];
}

/** One model's answer. */
export interface ComparedResponse {
  readonly response: string;
  readonly finishReason: "stop" | "length" | "error";
  readonly tokenCount: number | null;
  readonly isLoop: boolean;
  /** The refusal judge's word; null where none took part. */
  readonly verdict: Verdict | null;
  /** The harm judge's word; null where none took part. */
  readonly harm: Verdict | null;
}
