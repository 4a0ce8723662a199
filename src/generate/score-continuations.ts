/**
 * @file Raw texts and their continuations through the scorer of answers: one request a continuation, put together again.
 * Equal continuations of one context are scored once, so that their tie is exact.
 */
import { InternalError } from "../core/errors.js";
import type { ContinuationLogProbs, ContinuationRequest } from "../text/chat-model.js";
import { encodeContinuation } from "../text/continuation.js";
import type { Tokenizer } from "../text/tokenizer.js";
import type { ScoredAnswer, ScoreRequest } from "./score.js";

/**
 * One request a different continuation; those of one context have the same prompt, which the scorer computes once.
 * @param maxLength positions of the model
 * @throws ContextLengthError when a continuation does not fit
 */
export function continuationRequests(
  tokenizer: Tokenizer,
  maxLength: number,
  requests: readonly ContinuationRequest[],
): ScoreRequest[] {
  return requests.flatMap(({ context, continuations }, question) =>
    distinct(continuations).map((continuation, choice) => {
      const { contextIds, continuationIds } = encodeContinuation(tokenizer, context, continuation, maxLength);
      return { id: `${question} ${choice}`, promptIds: contextIds, answerIds: continuationIds };
    }),
  );
}

/** Puts the scores of each request together; a request comes as soon as all its continuations are there. */
export async function* collectContinuations(
  requests: readonly ContinuationRequest[],
  scored: AsyncIterable<ScoredAnswer>,
): AsyncGenerator<ContinuationLogProbs> {
  const open = new Map<number, (ScoredAnswer | undefined)[]>();
  for await (const answer of scored) {
    const [question = -1, choice = -1] = answer.id.split(" ").map(Number);
    const request = requests[question];
    if (request === undefined) throw new InternalError(`scoreContinuations: no request ${answer.id}`);
    const answers = open.get(question) ?? distinct(request.continuations).map(() => undefined);
    open.set(question, answers);
    answers[choice] = answer;
    if (answers.includes(undefined)) continue;
    open.delete(question);
    yield together(request, answers);
  }
}

function distinct(continuations: readonly string[]): string[] {
  return [...new Set(continuations)];
}

function together(
  { id, continuations }: ContinuationRequest,
  answers: readonly (ScoredAnswer | undefined)[],
): ContinuationLogProbs {
  const order = distinct(continuations);
  const tokens = continuations.map((text) => answers[order.indexOf(text)]?.tokenLogProbs ?? []);
  return {
    id,
    logProbs: tokens.map((values) => values.reduce((sum, value) => sum + value, 0)),
    tokenCounts: tokens.map(({ length }) => length),
  };
}
