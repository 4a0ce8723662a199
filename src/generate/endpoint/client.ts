/** @file An endpoint that is asked many things: as much at once as it bears, again what failed, and no further when it is gone. */
import { EndpointError } from "../../core/errors.js";
import type { RandomKey } from "../../core/random.js";
import { backOffMs } from "./back-off.js";
import { type Clock, SYSTEM_CLOCK } from "./clock.js";
import { ConcurrencyGate, type GateResult } from "./gate.js";
import { postJson } from "./http.js";
import { CONTENT_FILTER, type Done, type Failed, type Outcome, type Retry } from "./outcome.js";

/** How an endpoint is reached. */
export interface EndpointClientOptions {
  /** Base URL as {@link endpointUrl} spells it. */
  readonly url: string;
  /** Sent as a bearer token and kept nowhere else; null (default) sends none. */
  readonly apiKey?: string | null;
  /** Requests under way at most; default {@link DEFAULT_CONCURRENCY}. */
  readonly concurrency?: number;
  /** For one whole reply; default ten minutes, as OpenAI's own clients have it. */
  readonly timeoutMs?: number;
  /** Default the machine's. */
  readonly clock?: Clock;
}

/** Requests under way at most, unless said otherwise. */
export const DEFAULT_CONCURRENCY = 16;

const DEFAULT_TIMEOUT_MS = 600_000;
const MOST_TRIES = 8;
const LONGEST_RETRY_AFTER_MS = 600_000;
const MOST_FAILURES_IN_A_ROW = 16;

/** One question to the endpoint. */
export interface EndpointRequest<Value> {
  /** After the base URL, with a leading slash. */
  readonly path: string;
  readonly body: object;
  /** Makes a value of a reply, or says why there is none. */
  readonly read: (reply: unknown) => Outcome<Value>;
  /** Of the random part of waits. */
  readonly key: RandomKey;
  /** The endpoint may lack this path, which is then no fault of it. */
  readonly isOptional?: boolean;
}

/** Asks until there is an answer or no use in asking. */
export class EndpointClient {
  readonly url: string;
  readonly concurrency: number;
  /** Truly private: a printed client shows no key. */
  readonly #apiKey: string | null;
  private readonly gate: ConcurrencyGate;
  private readonly timeoutMs: number;
  private readonly clock: Clock;
  private hasAnswered = false;
  private failuresInARow = 0;

  constructor({ url, apiKey, concurrency, timeoutMs, clock }: EndpointClientOptions) {
    this.url = url;
    this.#apiKey = apiKey ?? null;
    this.concurrency = concurrency ?? DEFAULT_CONCURRENCY;
    this.gate = new ConcurrencyGate(this.concurrency);
    this.timeoutMs = timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.clock = clock ?? SYSTEM_CLOCK;
  }

  /**
   * Asks, again after errors that may pass.
   * @returns a value, or why this request has none
   * @throws EndpointError when no request can be answered, or too many in a row were not
   * @throws the signal's reason when it was aborted
   */
  async ask<Value>(request: EndpointRequest<Value>, signal: AbortSignal): Promise<Done<Value> | Failed> {
    for (let tries = 1; ; tries++) {
      const outcome = await this.tryOnce(request, signal);
      if (outcome.kind === "done") return outcome;
      if (outcome.kind === "failed") return this.failed(outcome);
      this.requireReachable(outcome, tries);
      if (tries === MOST_TRIES) return this.failed({ kind: "failed", reason: outcome.reason });
      const waitMs = backOffMs(tries, outcome.retryAfterMs ?? null, request.key);
      await this.clock.sleep(waitMs, signal);
    }
  }

  private async tryOnce<Value>(
    request: EndpointRequest<Value>,
    signal: AbortSignal,
  ): Promise<Outcome<Value>> {
    const ticket = await this.gate.enter();
    let result: GateResult = "failed";
    try {
      const reply = await this.post(request, signal);
      const outcome = reply.kind === "done" ? request.read(reply.value) : reply;
      if (outcome.kind === "retry") result = outcome.isOverload === true ? "overloaded" : "failed";
      else result = "answered";
      if (reply.kind === "done") this.hasAnswered = true;
      // What a readable reply lacks is the prompt's own affair.
      if (reply.kind === "done" && outcome.kind !== "retry") this.failuresInARow = 0;
      return outcome;
    } finally {
      this.gate.leave(ticket, result);
    }
  }

  private async post(request: EndpointRequest<unknown>, signal: AbortSignal): Promise<Outcome<unknown>> {
    const { clock, timeoutMs } = this;
    const url = `${this.url}${request.path}`;
    const body = JSON.stringify(request.body);
    try {
      return await postJson({ url, body, apiKey: this.#apiKey, timeoutMs, clock, signal });
    } catch (cause) {
      const isLacking = cause instanceof EndpointError && [404, 405].includes(cause.status ?? 0);
      if (request.isOptional === true && isLacking)
        return { kind: "failed", reason: `status ${cause.status}` };
      throw cause;
    }
  }

  /** A prompt can be at fault, many in a row cannot. */
  private failed({ reason }: Failed): Failed {
    if (reason === CONTENT_FILTER) this.failuresInARow = 0;
    else this.failuresInARow++;
    if (this.failuresInARow < MOST_FAILURES_IN_A_ROW) return { kind: "failed", reason };
    throw new EndpointError(
      `${this.url}: expected answers, got ${this.failuresInARow} failures in a row, the last: ${reason}`,
      { hint: "finished answers are kept; the same command goes on, and tries again what failed" },
    );
  }

  /** A server that was never there, or has gone for good, or wants to be left alone for long. */
  private requireReachable(outcome: Retry, tries: number): void {
    if (outcome.isUnreachable === true && (!this.hasAnswered || tries === MOST_TRIES))
      throw new EndpointError(`${this.url}: expected a server, got ${outcome.reason}`, {
        hint: "start it, or check the URL; finished answers are kept",
      });
    if ((outcome.retryAfterMs ?? 0) > LONGEST_RETRY_AFTER_MS)
      throw new EndpointError(
        `${this.url}: expected to be served, got told to come back in ${Math.ceil((outcome.retryAfterMs ?? 0) / 60_000)} minutes`,
        { hint: "finished answers are kept; run the same command again then" },
      );
  }
}
