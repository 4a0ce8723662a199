/**
 * @file Log-likelihoods of raw texts through `/completions` with `echo` and `logprobs`: the server gives the prompt's own
 * tokens with their log-probabilities. Many servers leave them out or give others without a word (llama.cpp issue 27174:
 * every choice scored 0), so nothing is taken for a number that does not show that it belongs to the text.
 */
import type { ContinuationLogProbs, ContinuationRequest } from "../../text/chat-model.js";
import { errorIn } from "./chat-completions.js";
import type { EndpointClient } from "./client.js";
import { memberOf } from "./json.js";
import type { Done, Failed, Outcome } from "./outcome.js";

/** A continuation's tokens. */
interface ScoredText {
  readonly logProb: number;
  readonly tokenCount: number;
}

const PATH = "/completions";
const PROBE = { context: "The sky is blue and the grass is", continuation: " green" };

/**
 * Whether the endpoint gives log-probabilities of a prompt.
 * @returns why not, or null when it does
 * @throws EndpointError when it does not answer at all, or not without a key
 */
export async function probeEcho(
  client: EndpointClient,
  model: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<string | null> {
  const { context, continuation } = PROBE;
  const scored = await client.ask({ ...echoRequest(model, context, continuation), isOptional: true }, signal);
  return scored.kind === "done"
    ? null
    : `the endpoint gives no log-probabilities of a prompt (${scored.reason})`;
}

/** Scores the continuations of one context; NaN for all, with the reason, where one of them has no number. */
export async function continuationLogProbs(
  client: EndpointClient,
  model: string,
  { id, context, continuations }: ContinuationRequest,
  signal: AbortSignal,
): Promise<ContinuationLogProbs> {
  const distinct = [...new Set(continuations)];
  const scored = await Promise.all(
    distinct.map((continuation) => client.ask(echoRequest(model, context, continuation), signal)),
  );
  const failed = scored.find((each) => each.kind === "failed");
  if (failed !== undefined) return unscored(id, continuations, failed.reason);
  const values = scored.map((each) => (each as Done<ScoredText>).value);
  if (values.length > 1 && values.every(({ logProb }) => logProb === values[0]?.logProb))
    return unscored(id, continuations, "malformed reply: all choices have the same log-probability");
  const ofEach = continuations.map((text) => values[distinct.indexOf(text)] as ScoredText);
  return {
    id,
    logProbs: ofEach.map(({ logProb }) => logProb),
    tokenCounts: ofEach.map(({ tokenCount }) => tokenCount),
  };
}

function unscored(id: string, continuations: readonly string[], error: string): ContinuationLogProbs {
  const { length } = continuations;
  return { id, logProbs: Array(length).fill(Number.NaN), tokenCounts: Array(length).fill(0), error };
}

/** One token has to be drawn: zero is refused by some servers and means "no limit" to others. It is left out below. */
function echoRequest(model: string, context: string, continuation: string) {
  const prompt = context + continuation;
  return {
    path: PATH,
    body: { model, prompt, max_tokens: 1, echo: true, logprobs: 1, temperature: 0 },
    read: (reply: unknown): Outcome<ScoredText> => readEcho(reply, context, continuation),
    key: [context, continuation],
  };
}

/**
 * The sum over the tokens that begin in the continuation. White space at the end of the context belongs to it, as
 * lm-evaluation-harness has it.
 */
export function readEcho(reply: unknown, context: string, continuation: string): Outcome<ScoredText> {
  const failure = errorIn(reply);
  if (failure !== null) return failure;
  const choices = memberOf(reply, "choices");
  const logProbs = memberOf(Array.isArray(choices) ? (choices as unknown[])[0] : undefined, "logprobs");
  const tokens = memberOf(logProbs, "tokens");
  const values = memberOf(logProbs, "token_logprobs");
  if (!isTexts(tokens) || !Array.isArray(values)) return without("log-probabilities are missing");
  if (values.length !== tokens.length)
    return without(`${values.length} log-probabilities of ${tokens.length} tokens`);
  const place = placeOf(tokens, context, continuation);
  if (typeof place === "string") return without(place);
  const own = (values as unknown[]).slice(place.first, place.end);
  if (!own.every(isLogProb)) return without("not every token has a log-probability");
  return { kind: "done", value: { logProb: own.reduce((sum, x) => sum + x, 0), tokenCount: own.length } };
}

/** Tokens of the continuation, from `first` to before `end`; or why they cannot be told. */
function placeOf(
  tokens: readonly string[],
  context: string,
  continuation: string,
): { readonly first: number; readonly end: number } | string {
  const prompt = context + continuation;
  // A token before the text (BOS) or a space that the tokenizer adds is passed over.
  const start = tokens.join("").indexOf(prompt);
  if (start < 0) return "the tokens do not spell the prompt";
  const starts = startsOf(tokens);
  const first = starts.indexOf(start + context.trimEnd().length);
  const end = starts.indexOf(start + prompt.length);
  if (first < 0) return "a token spans context and continuation";
  if (end < 0) return "a token spans the continuation and what was drawn after it";
  return { first, end };
}

/** Where each token begins, and where the last one ends. */
function startsOf(tokens: readonly string[]): number[] {
  const starts = [0];
  for (const token of tokens) starts.push((starts.at(-1) as number) + token.length);
  return starts;
}

function without(why: string): Failed {
  return { kind: "failed", reason: `not measurable: ${why}` };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function isLogProb(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value <= 0;
}
