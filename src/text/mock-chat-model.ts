/**
 * @file A chat model without weights: answers by rule. It makes tests, examples and dry runs of an evaluation possible,
 * and it ships publicly.
 */
import { GenerationError } from "../core/errors.js";
import { hashJson } from "../core/hash.js";
import {
  type ChatModel,
  type Completion,
  type ContinuationLogProbs,
  type ContinuationRequest,
  type GenerationRequest,
  type LogProbs,
  type SamplingOptions,
  wantedSamples,
} from "./chat-model.js";
import type { Exchange, Message } from "./messages.js";

/** What a mock model does. */
export interface MockChatModelOptions {
  readonly id?: string;
  /** Distinguishes two mocks; default is derived from `id`. */
  readonly hash?: string;
  /** The answer to a conversation; default "I am a mock." */
  readonly respond?: (messages: readonly Message[], sample: number) => string;
  /** Log-probability of each token of an answer, nats; without it the model cannot score. */
  readonly score?: (exchange: Exchange) => readonly number[];
  /** Log-likelihoods of all continuations of a context, nats; without it the model cannot do multiple choice. */
  readonly scoreContinuations?: (request: ContinuationRequest) => readonly number[];
  /** Fails after so many answers, as a killed run would; later calls start a new count. */
  readonly failAfter?: number;
}

/** A scripted model. One token a word; an answer longer than `maxNewTokens` is cut with finish reason "length". */
export class MockChatModel implements ChatModel {
  readonly id: string;
  readonly hash: string;
  readonly score?: (requests: readonly Exchange[]) => AsyncIterable<LogProbs>;
  readonly scoreContinuations?: (
    requests: readonly ContinuationRequest[],
  ) => AsyncIterable<ContinuationLogProbs>;
  /** Ids of all requests that were answered, in order: what was drawn. */
  readonly drawn: string[] = [];
  private readonly options: MockChatModelOptions;

  constructor(options: MockChatModelOptions = {}) {
    this.options = options;
    this.id = options.id ?? "mock";
    this.hash = options.hash ?? hashJson({ mock: this.id });
    const { score, scoreContinuations } = options;
    if (score !== undefined) this.score = (requests) => scoreAll(requests, score);
    if (scoreContinuations !== undefined)
      this.scoreContinuations = (requests) => continueAll(requests, scoreContinuations);
  }

  /** Answers in the order of the requests. @throws GenerationError after `failAfter` answers, or when aborted */
  async *generate(
    requests: readonly GenerationRequest[],
    options: SamplingOptions,
  ): AsyncIterable<Completion> {
    let left = this.options.failAfter ?? Infinity;
    for (const request of requests) {
      for (const sample of wantedSamples(request)) {
        if (options.signal?.aborted === true) throw new GenerationError(`${this.id}: stopped`);
        if (left-- <= 0) throw new GenerationError(`${this.id}: expected more answers, got told to fail`);
        this.drawn.push(request.id);
        const answer = this.complete(request, sample, options);
        for (const _ of answer.tokenIds) options.onDraw?.(answer);
        yield answer;
      }
    }
  }

  private complete(request: GenerationRequest, sample: number, options: SamplingOptions): Completion {
    const { respond = () => "I am a mock." } = this.options;
    const words = respond(request.messages, sample).split(/(?<=\s)(?=\S)/);
    const limit = options.maxNewTokens ?? 128;
    const kept = words.slice(0, limit);
    return {
      id: request.id,
      sample,
      response: kept.join(""),
      tokenIds: kept.map(wordId),
      finishReason: words.length > limit ? "length" : "stop",
      seed: options.seed ?? 0,
    };
  }
}

async function* scoreAll(
  requests: readonly Exchange[],
  score: (exchange: Exchange) => readonly number[],
): AsyncIterable<LogProbs> {
  for (const request of requests) {
    const tokenLogProbs = score(request);
    yield { id: request.id, logProb: tokenLogProbs.reduce((sum, x) => sum + x, 0), tokenLogProbs };
  }
}

async function* continueAll(
  requests: readonly ContinuationRequest[],
  score: (request: ContinuationRequest) => readonly number[],
): AsyncIterable<ContinuationLogProbs> {
  for (const request of requests) {
    const tokenCounts = request.continuations.map((text) => text.trim().split(/\s+/).length);
    yield { id: request.id, logProbs: score(request), tokenCounts };
  }
}

/** The same word, the same id. */
function wordId(word: string): number {
  let id = 7;
  for (const character of word.trim()) id = (id * 31 + (character.codePointAt(0) ?? 0)) % 1_000_003;
  return id;
}
