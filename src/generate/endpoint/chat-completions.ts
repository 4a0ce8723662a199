/** @file `/chat/completions` of OpenAI's interface: what is asked, and what of a reply is an answer. */
import { ConfigError } from "../../core/errors.js";
import { hashKey } from "../../core/random.js";
import type { Message } from "../../text/messages.js";
import type { ResolvedSampling } from "../sampling-options.js";
import { errorOf, memberOf } from "./json.js";
import { CONTENT_FILTER, malformed, type Outcome } from "./outcome.js";

/** What of a reply is an answer. */
export interface ChatAnswer {
  readonly text: string;
  readonly finishReason: "stop" | "length";
  /** As the server counts them; null where it does not. */
  readonly tokenCount: number | null;
}

/**
 * Refuses what the interface has no word for; asked for all the same, the numbers would be of something else.
 * @throws ConfigError naming the option
 */
export function requireHonoured({
  topK,
  minNewTokens,
}: Pick<ResolvedSampling, "topK" | "minNewTokens">): void {
  if (topK !== 0) throw notHonoured("top-k", topK);
  if (minNewTokens !== 0) throw notHonoured("min-new-tokens", minNewTokens);
}

function notHonoured(flag: string, value: number): ConfigError {
  return new ConfigError(`--${flag}: expected 0 with an endpoint, got ${value}`, {
    hint: "OpenAI's interface has no such option; leave it out",
  });
}

/**
 * The body of a request. What is at its default is left out: some servers refuse words that they do not know.
 * @param answer the seed is a function of (seed, id, sample), as everywhere; greedy answers need none
 */
export function chatBody(
  model: string,
  messages: readonly Message[],
  sampling: ResolvedSampling,
  answer: { readonly id: string; readonly sample: number },
): object {
  const { maxNewTokens, temperature, topP, frequencyPenalty, stop, seed } = sampling;
  return {
    model,
    messages: messages.map(({ role, content }) => ({ role, content })),
    max_tokens: maxNewTokens,
    temperature,
    ...(topP === 1 ? {} : { top_p: topP }),
    ...(frequencyPenalty === 0 ? {} : { frequency_penalty: frequencyPenalty }),
    ...(stop.length === 0 ? {} : { stop }),
    ...(temperature === 0 ? {} : { seed: hashKey([seed, answer.id, answer.sample]) >>> 1 }),
  };
}

/** Reads a reply. A reply without an end, a text or a choice is no answer. */
export function readChat(reply: unknown): Outcome<ChatAnswer> {
  const failure = errorIn(reply);
  if (failure !== null) return failure;
  const choices = memberOf(reply, "choices");
  if (!Array.isArray(choices)) return malformed("choices");
  if (choices.length === 0) return malformed("a choice, got none");
  const [choice] = choices as readonly unknown[];
  const reason = memberOf(choice, "finish_reason");
  if (reason === "content_filter") return { kind: "failed", reason: CONTENT_FILTER };
  const finishReason = typeof reason === "string" ? FINISH_REASONS[reason] : undefined;
  if (finishReason === undefined)
    return { kind: "failed", reason: `unknown end: finish reason ${JSON.stringify(reason ?? null)}` };
  const message = memberOf(choice, "message");
  const text = memberOf(message, "content") ?? memberOf(message, "refusal");
  if (typeof text !== "string") return { kind: "failed", reason: "no text: the reply has no content" };
  return { kind: "done", value: { text, finishReason, tokenCount: countOf(reply) } };
}

/** OpenAI's words, and those of servers that pass their own on. */
const FINISH_REASONS: Readonly<Record<string, ChatAnswer["finishReason"]>> = {
  stop: "stop",
  eos: "stop",
  eos_token: "stop",
  stop_sequence: "stop",
  end_turn: "stop",
  length: "length",
  max_tokens: "length",
};

/** Some servers send their errors with status 200. */
export function errorIn(reply: unknown): Exclude<Outcome<never>, { kind: "done" }> | null {
  if ((memberOf(reply, "error") ?? null) === null) return null;
  const { code = "", message = "" } = errorOf(reply) ?? {};
  if (/content.?(filter|policy)/.test(code)) return { kind: "failed", reason: CONTENT_FILTER };
  return { kind: "retry", reason: `server error: ${message}`, isOverload: code === "429" };
}

function countOf(reply: unknown): number | null {
  const count = memberOf(memberOf(reply, "usage"), "completion_tokens");
  return typeof count === "number" && Number.isSafeInteger(count) && count >= 0 ? count : null;
}
