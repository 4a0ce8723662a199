/**
 * @file What an evaluation leaves behind: `evaluation.json` (what was asked), `samples.jsonl` and `references.jsonl`
 * (what was answered), `verdicts.jsonl` (what judges that are models said of it), all three append-only, and `results.json` (what
 * it amounts to). `schemas/results.schema.json` is the last one's.
 */
import type { Estimate } from "../stats/intervals.js";
import type { JudgeKind, JudgeValidation, Verdict } from "../text/judge.js";
import type { Message } from "../text/messages.js";
import type { RuleVerdict } from "./rule.js";

/** Version of every file named here. */
export const EVALUATION_SCHEMA_VERSION = 1;

/** What a good model does with a set's prompts. */
export type Expectation = "should-refuse" | "should-answer" | "neutral";

/**
 * What is measured over questions of multiple choice, named and defined as in lm-evaluation-harness: the share of
 * questions whose likeliest choice is right (`acc`), by log-likelihood a code point (`acc_norm`), by log-likelihood a UTF-8
 * byte (`acc_bytes`); and the mean squared error of the choices' probabilities (`brier_score`, 0 to 2, lower is better).
 */
export type ChoiceMetric = "acc" | "acc_norm" | "acc_bytes" | "brier_score";

/**
 * How answers overlap with reference answers and vary among themselves: BLEU of the whole set as sacrebleu (0 to 100), mean
 * F1 of ROUGE as rouge-score without stemmer (0 to 1), and different n-grams over all n-grams (0 to 1).
 */
export type TextMetric = "bleu" | "rouge1" | "rouge2" | "rougeL" | "distinct-1" | "distinct-2";

/**
 * Of prompts with k answers each: the share of which at least one, and every one, is refused or judged harmful. A prompt's
 * worst of k is any harmful, any refused where it should be answered, and not all refused where it should be refused.
 */
export type RepeatMetric = "refused-any-of-k" | "refused-all-of-k" | "harmful-any-of-k" | "harmful-all-of-k";

/** Mean BERTScore of answers against their references, as bert-score without rescaling (about 0 to 1). */
export type BertScoreMetric = "bertscore-precision" | "bertscore-recall" | "bertscore-f1";

/** What is counted or averaged over a set. */
export type MetricName =
  | RepeatMetric
  | BertScoreMetric
  | ChoiceMetric
  | TextMetric
  | "refused"
  | "harmful"
  | "reward"
  | "loops"
  | "truncated"
  | "response-tokens"
  | "reference-logprob";

/** What was evaluated. `null` where it does not apply. */
export interface EvaluationTarget {
  readonly model: string;
  readonly adapter: string | null;
  readonly strength: number | null;
  readonly template: string | null;
  readonly endpoint: string | null;
  /** How the weights of a local model were held, where that was recorded: f32, int8 or int4. */
  readonly weights?: string;
}

/** How answers were drawn; every field resolved. */
export interface EvaluationSampling {
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly frequencyPenalty: number;
  readonly stop: readonly string[];
}

/** A judge that took part. */
export interface EvaluationJudge {
  readonly name: string;
  readonly kind: JudgeKind;
  readonly hash: string;
  readonly validation: JudgeValidation | null;
}

/** A task as it was run. */
export interface EvaluationTask {
  readonly name: string;
  /** Name in the catalogue. */
  readonly dataset: string;
  readonly expectation: Expectation;
  /** Prompts asked, and prompts in the whole set. */
  readonly prompts: number;
  readonly of: number;
  /** sha256 over ids and hashes of the prompts asked, in order. */
  readonly promptsHash: string;
  /** Whether the log-probability of the set's reference answers is measured. */
  readonly hasReferences: boolean;
  /** There for multiple choice: metrics, and worked examples before a question. */
  readonly multipleChoice?: { readonly metrics: readonly ChoiceMetric[]; readonly fewShot: number };
}

/** `evaluation.json`: written first; a run resumes only under the very same. */
export interface EvaluationManifest {
  readonly schemaVersion: number;
  readonly target: EvaluationTarget;
  readonly modelHash: string;
  readonly sampling: EvaluationSampling;
  readonly seed: number;
  /** Answers to every prompt; there when more than one. */
  readonly repeats?: number;
  /** Prompts a task at most; null for the suite's own limits. What was asked of each set stands in `tasks`. */
  readonly limit: number | null;
  readonly judges: readonly EvaluationJudge[];
  readonly tasks: readonly EvaluationTask[];
}

/** One line of `samples.jsonl`. */
export interface SampleRow {
  /** `<task>/<promptId>#<sample>` */
  readonly id: string;
  readonly task: string;
  readonly promptId: string;
  /** sha256 of the messages. */
  readonly promptHash: string;
  readonly messages: readonly Message[];
  /** The prompt's kind, where its set tells kinds apart. */
  readonly category?: string;
  readonly sample: number;
  readonly response: string;
  /** null where nobody counted. */
  readonly tokenCount: number | null;
  readonly finishReason: "stop" | "length" | "error";
  /** There with finish reason "error": why there is no answer. A later line with the same id takes this one's place. */
  readonly error?: string;
  readonly seed: number;
  /** By judge name; `loops` is a metric: score 1 for an answer that runs into a repetition loop; so are `rouge1` … `rougeL`. */
  readonly verdicts: Readonly<Record<string, Verdict>>;
  /** There for a question of multiple choice: `response` is then the likeliest choice, `verdicts` are the metrics. */
  readonly choices?: ChoiceScores;
}

/** One line of `verdicts.jsonl`. A later line of the same judge on the same answer takes this one's place. */
export interface VerdictRow {
  /** Of the answer's line in `samples.jsonl`. */
  readonly id: string;
  /** Name of the judge. */
  readonly judge: string;
  readonly verdict: Verdict;
}

/** A question's choices as they were scored. */
export interface ChoiceScores {
  readonly texts: readonly string[];
  /** Place of the right choice, from 0. */
  readonly gold: number;
  /** Log-likelihood of each choice after the context, nats. */
  readonly logProbs: readonly number[];
  readonly tokenCounts: readonly number[];
  /** Places of the choices that the three accuracies rest on; the first where several are equal. */
  readonly predicted: { readonly acc: number; readonly acc_norm: number; readonly acc_bytes: number };
}

/** One line of `references.jsonl`: a reference answer's log-probability under the model. */
export interface ReferenceRow {
  readonly task: string;
  readonly promptId: string;
  /** sha256 of the messages and the reference answer. */
  readonly referenceHash: string;
  /** Nats, over the answer's tokens and its end of turn. */
  readonly logProb: number;
  readonly tokenCount: number;
}

/** A share as it would be if the judge did not err, and what must hold for that. */
export interface CorrectedShare extends Estimate {
  /** In words. */
  readonly assumes: string;
  /** The labelled answers behind it. */
  readonly source: string;
}

/** One number of `results.json`, with the interval that it stands in. Lengths are tokens, log-probabilities nats a token. */
export interface ResultRow extends Estimate {
  /** A task, or a pool of tasks (see `pools`). */
  readonly name: string;
  readonly metric: MetricName;
  /** Name of the judge; null for what needs none. */
  readonly judge: string | null;
  /** Answers, of `-of-k` prompts, without a usable verdict: not in `n`. */
  readonly unscored: number;
  /** `value` if every unscored answer had fallen the bad way, and the good way. */
  readonly worstCase: number;
  readonly bestCase: number;
  /** Answers cut at the token limit. */
  readonly truncated: number;
  /** There for shares of a judge whose error is known: `ppi-score`, `rogan-gladen` or `sensitivity-band`. */
  readonly corrected?: CorrectedShare;
}

/** Several tasks taken together. */
export interface Pool {
  readonly name: string;
  readonly expectation: Expectation;
  readonly tasks: readonly string[];
}

/** The decision, and why. */
export interface EvaluationVerdict {
  readonly decision: "serve" | "do-not-serve" | "inconclusive" | null;
  readonly reasons: readonly string[];
  /** Name of the policy's file; null where none was given. */
  readonly policy: string | null;
  /** sha256 over everything in the policy that decides; there with a policy. */
  readonly policyHash?: string;
  /** What each rule of the policy says; there with a policy. */
  readonly rules?: readonly RuleVerdict[];
}

/** `results.json`. NaN (an empty set) is written as null. */
export interface EvaluationResults {
  readonly schemaVersion: number;
  readonly target: EvaluationTarget;
  readonly hashes: {
    readonly model: string;
    readonly sampling: string;
    readonly tasks: string;
    readonly judges: Readonly<Record<string, string>>;
    /** Encoder of BERTScore and weights of tokens, where it was measured. */
    readonly bertScore?: string;
  };
  readonly settings: {
    readonly sampling: EvaluationSampling;
    readonly seed: number;
    /** Answers to every prompt; there when more than one. */
    readonly repeats?: number;
    readonly limit: number | null;
    readonly level: number;
    readonly sets: readonly EvaluationTask[];
    readonly pools: readonly Pool[];
    readonly judges: readonly EvaluationJudge[];
  };
  readonly tasks: readonly ResultRow[];
  readonly verdict: EvaluationVerdict;
  /** What could not be measured, and why. */
  readonly notes: readonly string[];
}
