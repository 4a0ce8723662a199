/**
 * @file A server that speaks OpenAI's interface as a {@link ChatModel}. What it cannot answer is an answer with finish
 * reason "error" and a reason: counted, never scored.
 */
import { hashJson } from "../../core/hash.js";
import {
  type ChatModel,
  type Completion,
  type ContinuationLogProbs,
  type ContinuationRequest,
  type GenerationRequest,
  type SamplingOptions,
  wantedSamples,
} from "../../text/chat-model.js";
import type { Message } from "../../text/messages.js";
import { type ResolvedSampling, resolveSampling } from "../sampling-options.js";
import { endpointUrl } from "./address.js";
import { chatBody, readChat, requireHonoured } from "./chat-completions.js";
import { EndpointClient, type EndpointClientOptions } from "./client.js";
import { continuationLogProbs, probeEcho } from "./echo.js";
import { inParallel } from "./in-parallel.js";

/** What an endpoint is asked as. */
export interface EndpointChatModelOptions extends EndpointClientOptions {
  /** The model's name there. */
  readonly model: string;
  /** System prompt put before conversations that have none. */
  readonly system?: string | undefined;
}

interface Wanted {
  readonly id: string;
  readonly messages: readonly Message[];
  readonly sample: number;
}

/** A model behind an OpenAI-compatible endpoint. */
export class EndpointChatModel implements ChatModel {
  readonly id: string;
  /** Base URL in its one spelling. */
  readonly url: string;
  readonly hash: string;
  private readonly client: EndpointClient;
  private readonly system: string | null;

  /** @throws ConfigError for a URL that is none, or that holds what should not be written down */
  constructor({ model, system, ...options }: EndpointChatModelOptions) {
    this.id = model;
    this.url = endpointUrl(options.url);
    this.system = system ?? null;
    this.client = new EndpointClient({ ...options, url: this.url });
    this.hash = hashJson({ endpoint: this.url, model, system: this.system });
  }

  /** The weights are out of sight, so a name is all that two runs can be matched by. */
  notes(): readonly string[] {
    return [
      `${this.id}: asked at ${this.url}; its weights and template cannot be seen, so equal names are taken for equal models`,
    ];
  }

  /**
   * Answers as they come, as many at once as the endpoint bears.
   * @throws ConfigError   for options out of range, and for those that the interface does not have
   * @throws EndpointError when the endpoint cannot be used; answers that were given stay given
   */
  async *generate(
    requests: readonly GenerationRequest[],
    options: SamplingOptions,
  ): AsyncGenerator<Completion> {
    const { signal, onDraw: _, ...plain } = options;
    const sampling = resolveSampling(plain);
    requireHonoured(sampling);
    const answer = (wanted: Wanted, own: AbortSignal): Promise<Completion> =>
      this.answer(wanted, sampling, own);
    yield* inParallel(wantedOf(requests), this.client.concurrency, answer, signal);
  }

  /** Why raw texts cannot be scored there; null when they can. Asks the endpoint. @throws EndpointError */
  probeContinuations(signal?: AbortSignal): Promise<string | null> {
    return probeEcho(this.client, this.id, signal);
  }

  /** Log-likelihoods through `/completions` with `echo`; a question without them has NaN and a reason. @throws EndpointError */
  async *scoreContinuations(
    requests: readonly ContinuationRequest[],
    signal?: AbortSignal,
  ): AsyncGenerator<ContinuationLogProbs> {
    const score = (request: ContinuationRequest, own: AbortSignal): Promise<ContinuationLogProbs> =>
      continuationLogProbs(this.client, this.id, request, own);
    yield* inParallel(requests, this.client.concurrency, score, signal);
  }

  private async answer(
    { id, messages, sample }: Wanted,
    sampling: ResolvedSampling,
    signal: AbortSignal,
  ): Promise<Completion> {
    const key = { id, sample };
    const outcome = await this.client.ask(
      {
        path: "/chat/completions",
        body: chatBody(this.id, this.withSystem(messages), sampling, key),
        read: readChat,
        key: [sampling.seed, id, sample],
      },
      signal,
    );
    const common = { id, sample, tokenIds: [], seed: sampling.seed };
    if (outcome.kind === "failed")
      return { ...common, response: "", tokenCount: null, finishReason: "error", error: outcome.reason };
    const { text: response, tokenCount, finishReason } = outcome.value;
    return { ...common, response, tokenCount, finishReason };
  }

  private withSystem(messages: readonly Message[]): readonly Message[] {
    if (this.system === null || messages[0]?.role === "system") return messages;
    return [{ role: "system", content: this.system }, ...messages];
  }
}

function* wantedOf(requests: readonly GenerationRequest[]): Generator<Wanted> {
  for (const request of requests) {
    const { id, messages } = request;
    for (const sample of wantedSamples(request)) yield { id, messages, sample };
  }
}
