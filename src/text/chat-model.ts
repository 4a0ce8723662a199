/**
 * @file The interfaces that everything above the engine is written against: a local model, a remote endpoint and a mock
 * are one thing to judges, evaluation, guard and server.
 */
import type { Exchange, Message } from "./messages.js";
import type { AnswerKey } from "./open-answers.js";

/** One prompt to be answered `samples` times. */
export interface GenerationRequest {
  readonly id: string;
  readonly messages: readonly Message[];
  /** How many answers; default 1. */
  readonly samples?: number;
  /** Which of them, where a resumed run lacks only some; default 0 … samples − 1. */
  readonly sampleIndices?: readonly number[];
}

/** Numbers of the samples that a request asks for. */
export function wantedSamples({ samples = 1, sampleIndices }: GenerationRequest): readonly number[] {
  return sampleIndices ?? Array.from({ length: samples }, (_, sample) => sample);
}

/** How answers are drawn. */
export interface SamplingOptions {
  /** At most this many tokens an answer; default 128. */
  readonly maxNewTokens?: number;
  /** The end of turn cannot be drawn before this many tokens; default 0. */
  readonly minNewTokens?: number;
  /** 0 is greedy; default 0. */
  readonly temperature?: number;
  /** Keep the k likeliest tokens; 0 keeps all. */
  readonly topK?: number;
  /** Keep the smallest set of tokens whose probability reaches p; 1 keeps all. */
  readonly topP?: number;
  /** Subtracted from a token's logit for each time it was drawn in this answer (OpenAI's definition); default 0. */
  readonly frequencyPenalty?: number;
  /** Texts that end an answer; left out of it. */
  readonly stop?: readonly string[];
  /** Default 0. A token's random number is a function of (seed, id, sample, position). */
  readonly seed?: number;
  /** Sequences decoded side by side; results do not depend on it. */
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
  /** Told which answer a token was drawn for, by models that draw tokens here; for progress, changes nothing. */
  readonly onDraw?: (answer: AnswerKey) => void;
}

/** One finished answer. */
export interface Completion {
  readonly id: string;
  readonly sample: number;
  /** Text without special tokens. */
  readonly response: string;
  /** Empty where the model does not give them. */
  readonly tokenIds: readonly number[];
  /** Tokens of an answer without ids, null where nobody counted them; default the number of ids. */
  readonly tokenCount?: number | null;
  /** "error": there is no answer, which is counted and never scored. */
  readonly finishReason: "stop" | "length" | "error";
  /** Why there is none: `what` or `what: detail`. */
  readonly error?: string;
  readonly seed: number;
}

/** Log-probabilities of a given answer, in nats. */
export interface LogProbs {
  readonly id: string;
  /** Sum over the answer's tokens and its end-of-turn token. */
  readonly logProb: number;
  readonly tokenLogProbs: readonly number[];
}

/** A raw text and texts that may follow it: multiple choice as lm-evaluation-harness asks it. No template is applied. */
export interface ContinuationRequest {
  readonly id: string;
  readonly context: string;
  /** At least one, each with its leading space if it has one. */
  readonly continuations: readonly string[];
}

/** Log-probabilities of all continuations of one context, in their order. */
export interface ContinuationLogProbs {
  readonly id: string;
  /** Sum over each continuation's tokens, nats; NaN where it cannot be had. */
  readonly logProbs: readonly number[];
  readonly tokenCounts: readonly number[];
  /** Why there are no numbers: `what` or `what: detail`. */
  readonly error?: string;
}

/** A model that answers conversations. Results arrive as they finish, in any order; match them by id and sample. */
export interface ChatModel {
  readonly id: string;
  /** Hash of weights, adapter, strength, template and system prompt. */
  readonly hash: string;
  generate(requests: readonly GenerationRequest[], options: SamplingOptions): AsyncIterable<Completion>;
  score?(requests: readonly Exchange[]): AsyncIterable<LogProbs>;
  /** Log-likelihoods of raw texts, by models that see tokens. */
  scoreContinuations?(
    requests: readonly ContinuationRequest[],
    signal?: AbortSignal,
  ): AsyncIterable<ContinuationLogProbs>;
  /** For models that find out only by trying: why they cannot score raw texts, or null when they can. */
  probeContinuations?(signal?: AbortSignal): Promise<string | null>;
  /** What a reader of this model's numbers must know. */
  notes?(): readonly string[];
}

/** Told the place of an exchange that is too long for a model and whose answer was cut, before its scores come. */
export type OnCut = (index: number) => void;

/** A model with a reward or class head. */
export interface ScoreModel {
  readonly id: string;
  readonly hash: string;
  readonly labels: readonly string[];
  /** One list of scores an exchange, in order; NaN for one that cannot be scored. */
  scores(exchanges: readonly Exchange[], onCut?: OnCut): AsyncIterable<readonly number[]>;
}
