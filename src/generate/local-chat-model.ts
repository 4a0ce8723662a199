/**
 * @file A checkpoint on this machine as a {@link ChatModel}: conversations to ids, ids through the decode or the score
 * graph, ids to text. Sessions open when first needed. Training builds one from parts and evaluates with its own engine.
 */
import { InternalError } from "../core/errors.js";
import { hashJson } from "../core/hash.js";
import { segmentLength } from "../data/packing.js";
import { emitModel, type GraphDefinition } from "../engine/onnx/emit.js";
import type { Engine, Session } from "../engine/types.js";
import { decodeGraph } from "../models/decoder/decode-graph.js";
import { logProbGraph } from "../models/decoder/score-graph.js";
import type { Adapter, LoadedModel } from "../models/loaded-model.js";
import { makeAdapter } from "../models/lora/adapter.js";
import type { OnMemory } from "../models/memory-plan.js";
import {
  type ChatModel,
  type Completion,
  type ContinuationLogProbs,
  type ContinuationRequest,
  type GenerationRequest,
  type LogProbs,
  type SamplingOptions,
  wantedSamples,
} from "../text/chat-model.js";
import type { ConversationEncoder } from "../text/encode.js";
import type { Exchange } from "../text/messages.js";
import type { TokenContinuation, TokenLogProbs, TokenModel, TokenPrompt } from "../text/token-model.js";
import type { Tokenizer } from "../text/tokenizer.js";
import { DecodeStream } from "../text/tokenizer-stream.js";
import type { DecodeModel } from "./decode-graph-run.js";
import { type DecodeStatistics, decodeSequences, emptyStatistics, PREFILL_TOKENS } from "./decoder.js";
import { type CacheShape, ResidentKvCache } from "./kv-cache.js";
import { ChatMemory, type DecodingSize } from "./memory-plan.js";
import { ResidentAdapter } from "./resident-adapter.js";
import { type ResolvedSampling, resolveSampling } from "./sampling-options.js";
import { scoreAnswers, sharePrompts } from "./score.js";
import { collectContinuations, continuationRequests } from "./score-continuations.js";
import type { AnswerText, DecodeRequest, TokenListener } from "./sequence.js";

/** What a local chat model is made of. */
export interface LocalChatModelParts {
  readonly engine: Engine;
  readonly loaded: LoadedModel;
  readonly encoder: ConversationEncoder;
  readonly adapter: Adapter | null;
  /** Scale of the adapter: 0 is the base, 1 (default) the adapter as trained. */
  readonly strength?: number;
  /** Told what sampling or scoring will hold, before it starts and again when more is needed. */
  readonly onMemory?: OnMemory | undefined;
  /** Close the engine with the model; default false. */
  readonly ownsEngine?: boolean;
}

/** Sampling options that only a local model has. */
export interface LocalSamplingOptions extends SamplingOptions {
  /** Told of every token as it is drawn. */
  readonly onToken?: TokenListener;
  /** Counted up while decoding. */
  readonly statistics?: DecodeStatistics;
}

/** A model on this machine. */
export class LocalChatModel implements ChatModel, TokenModel {
  readonly id: string;
  private readonly parts: LocalChatModelParts;
  private readonly text: AnswerText;
  private readonly memory: ChatMemory;
  private adapterHash: string;
  private resident: Promise<ResidentAdapter> | null = null;
  private decodeGraph: GraphDefinition | null = null;
  private scoreGraph: GraphDefinition | null = null;
  private decodeSession: Promise<Session> | null = null;
  private scoreSession: Promise<Session> | null = null;

  constructor(parts: LocalChatModelParts) {
    this.parts = parts;
    this.id = parts.loaded.id;
    this.memory = new ChatMemory(parts.loaded, parts.adapter, parts.onMemory);
    this.adapterHash = parts.adapter?.hash ?? "";
    const { tokenizer } = parts.encoder;
    this.text = {
      decode: (ids) => parts.encoder.decodeResponse(ids),
      stream: () => new DecodeStream(tokenizer),
    };
  }

  get hash(): string {
    const { loaded, encoder, adapter, strength = 1 } = this.parts;
    return hashJson({
      model: loaded.hash,
      adapter: this.adapterHash,
      strength: adapter === null ? 0 : strength,
      encoder: encoder.hash,
      ...(loaded.quantised && { weights: loaded.quantised.scheme }),
    });
  }

  get tokenizer(): Tokenizer {
    return this.parts.encoder.tokenizer;
  }

  get maxPositions(): number {
    return this.parts.loaded.config.maxPositionEmbeddings;
  }

  /**
   * Answers all samples of all requests; a request that does not fit is refused before any is drawn.
   * @throws ConfigError        for options out of range, and for what does not fit into memory
   * @throws ContextLengthError when a prompt and its answer do not fit the model's positions
   */
  async *generate(
    requests: readonly GenerationRequest[],
    options: LocalSamplingOptions,
  ): AsyncGenerator<Completion> {
    yield* this.decode(
      requests.map((request) => this.encode(request)),
      options,
    );
  }

  /** One answer to each prompt of token ids. @throws as {@link generate} */
  async *generateIds(
    prompts: readonly TokenPrompt[],
    options: LocalSamplingOptions,
  ): AsyncGenerator<Completion> {
    yield* this.decode(
      prompts.map((prompt) => ({ ...prompt, sampleIndices: [0] })),
      options,
    );
  }

  /** Log-probabilities of given answers up to their end of turn; answers to equal prompts share its computation. */
  async *score(exchanges: readonly Exchange[]): AsyncGenerator<LogProbs> {
    const { encoder } = this.parts;
    const requests = exchanges.map(({ id, messages, response }) => {
      const example = encoder.encodeExample(messages, [{ role: "assistant", content: response }]);
      const answerIds = example.completionIds.slice(0, example.endOfTurnIndex + 1);
      return { id, promptIds: example.promptIds, answerIds };
    });
    for await (const { id, tokenLogProbs } of this.scoreIds(requests)) {
      yield { id, logProb: tokenLogProbs.reduce((sum, value) => sum + value, 0), tokenLogProbs };
    }
  }

  /**
   * Log-likelihoods of raw texts; continuations of one context share its computation.
   * @throws ContextLengthError when a continuation does not fit the model's positions
   */
  async *scoreContinuations(requests: readonly ContinuationRequest[]): AsyncGenerator<ContinuationLogProbs> {
    const { encoder, loaded } = this.parts;
    const encoded = continuationRequests(encoder.tokenizer, loaded.config.maxPositionEmbeddings, requests);
    yield* collectContinuations(requests, this.scoreIds(encoded));
  }

  /** Log-probabilities of token ids after prompts of ids; equal prompts share their computation. */
  async *scoreIds(requests: readonly TokenContinuation[]): AsyncGenerator<TokenLogProbs> {
    const { engine, loaded, adapter } = this.parts;
    this.scoreGraph ??= logProbGraph(loaded, adapter?.config ?? null);
    const shared = sharePrompts(requests);
    this.memory.beforeScoring(this.scoreGraph, greatest(shared.map(({ segment }) => segmentLength(segment))));
    this.scoreSession ??= engine.open(emitModel(this.scoreGraph));
    const session = await this.scoreSession;
    yield* scoreAnswers(session, (await this.residentAdapter())?.feeds() ?? {}, shared);
  }

  /**
   * Replaces the adapter's factors, between two generations.
   * @param factors by PEFT name, sizes as before
   * @throws InternalError when the model was made without an adapter, or a size differs
   */
  async updateAdapter(factors: ReadonlyMap<string, Float32Array>): Promise<void> {
    const { adapter } = this.parts;
    if (adapter === null)
      throw new InternalError("updateAdapter: expected a model with an adapter, got none");
    const shaped = [...adapter.factors].map(([name, { shape }]) => {
      const data = factors.get(name);
      if (data === undefined) throw new InternalError(`updateAdapter: expected factor ${name}, got none`);
      return [name, { shape, data }] as const;
    });
    await (await this.residentAdapter())?.write(factors);
    this.adapterHash = makeAdapter(adapter.config, new Map(shaped)).hash;
  }

  /** Closes the sessions and frees the adapter; closes the engine if it is the model's own. */
  async close(): Promise<void> {
    const open = [this.decodeSession, this.scoreSession];
    this.decodeSession = null;
    this.scoreSession = null;
    for (const session of open) await (await session)?.close();
    await (await this.resident)?.free();
    this.resident = null;
    if (this.parts.ownsEngine === true) await this.parts.engine.close();
  }

  private async *decode(
    prompts: readonly DecodeRequest[],
    options: LocalSamplingOptions,
  ): AsyncGenerator<Completion> {
    const { signal, onDraw, onToken = null, statistics = emptyStatistics(), ...plain } = options;
    const sampling = resolveSampling(plain);
    const settings = {
      sampling,
      stopIds: this.parts.encoder.stopIds,
      text: this.text,
      onToken,
      signal,
      ...(onDraw && { onDraw }),
      prefillTokens: PREFILL_TOKENS,
    };
    const model = await this.decodeModel(sizeOf(prompts, sampling));
    const allocate = (slots: number, capacity: number) =>
      ResidentKvCache.allocate(this.parts.engine, model.shape, slots, capacity);
    for await (const done of decodeSequences(model, allocate, prompts, settings, statistics)) {
      const { id, sample, text: response, tokenIds, finishReason } = done;
      yield { id, sample, response, tokenIds, finishReason, seed: sampling.seed };
    }
  }

  private encode(request: GenerationRequest): DecodeRequest {
    return {
      id: request.id,
      promptIds: this.parts.encoder.encodePrompt(request.messages),
      sampleIndices: wantedSamples(request),
    };
  }

  private async decodeModel(size: DecodingSize): Promise<DecodeModel> {
    const { engine, loaded, adapter } = this.parts;
    this.decodeGraph ??= decodeGraph(loaded, adapter?.config ?? null);
    this.memory.beforeSampling(this.decodeGraph, size);
    this.decodeSession ??= engine.open(emitModel(this.decodeGraph));
    const shape: CacheShape = loaded.config;
    return {
      session: await this.decodeSession,
      shape,
      vocabSize: loaded.config.vocabSize,
      maxPositionEmbeddings: loaded.config.maxPositionEmbeddings,
      adapterFeeds: (await this.residentAdapter())?.feeds() ?? {},
    };
  }

  private async residentAdapter(): Promise<ResidentAdapter | null> {
    const { adapter, engine, strength = 1 } = this.parts;
    if (adapter === null) return null;
    this.resident ??= ResidentAdapter.allocate(engine, adapter, strength);
    return this.resident;
  }
}

/** How much the decoder will hold for these prompts at its fullest. */
function sizeOf(
  prompts: readonly DecodeRequest[],
  { batchSize, maxNewTokens: newTokens }: Pick<ResolvedSampling, "batchSize" | "maxNewTokens">,
): DecodingSize {
  const wanted = prompts.reduce((sum, { sampleIndices }) => sum + sampleIndices.length, 0);
  const promptTokens = greatest(prompts.map(({ promptIds }) => promptIds.length));
  return {
    sequences: Math.max(1, Math.min(batchSize, wanted)),
    promptTokens,
    newTokens,
    prefillTokens: PREFILL_TOKENS,
  };
}

/** The greatest of some counts, at least 1. */
function greatest(counts: readonly number[]): number {
  return counts.reduce((most, count) => Math.max(most, count), 1);
}
