/**
 * @file The prompts of a RAFT run: those that are too long or belong to an evaluation are dropped and counted, some are
 * held out, and which ones a stage answers is a function of seed and stage.
 */
import { ConfigError } from "../../core/errors.js";
import { hashKey, SeededRandom } from "../../core/random.js";
import type { PromptRow } from "../../data/examples.js";
import type { ConversationEncoder } from "../../text/encode.js";
import type { Message } from "../../text/messages.js";
import type { DropCounter, DropReason } from "../preparation-report.js";

/** A prompt as text and as token ids. */
export interface RaftPrompt {
  readonly id: string;
  readonly messages: readonly Message[];
  readonly promptIds: readonly number[];
}

/** What decides whether a prompt is used. */
export interface PromptRules {
  readonly encoder: Pick<ConversationEncoder, "encodePrompt">;
  /** Prompts of more tokens are dropped. */
  readonly maxPromptTokens: number;
  /** Ids of rows that must not be used, and why. */
  readonly excluded: ReadonlyMap<string, DropReason>;
}

/** Prompts that may be used, in the order of the rows; the others are counted. */
export function usablePrompts(
  rows: readonly PromptRow[],
  { encoder, maxPromptTokens, excluded }: PromptRules,
  counter: DropCounter,
): RaftPrompt[] {
  return rows.flatMap(({ id, messages }) => {
    const promptIds = encoder.encodePrompt(messages);
    const reason = excluded.get(id) ?? lengthProblem(promptIds.length, maxPromptTokens);
    if (reason === null) return [{ id, messages, promptIds }];
    counter.drop(id, reason);
    return [];
  });
}

/** Draws `count` prompts by seed and tells them from the rest. */
export function splitHeldOut(
  prompts: readonly RaftPrompt[],
  count: number,
  seed: number,
): { readonly heldOut: RaftPrompt[]; readonly rest: RaftPrompt[] } {
  const drawn = new Set(new SeededRandom("raft held-out", seed).permutation(prompts.length).slice(0, count));
  return {
    heldOut: prompts.filter((_, i) => drawn.has(i)),
    rest: prompts.filter((_, i) => !drawn.has(i)),
  };
}

/**
 * The prompts of stage 1, 2, …: a shuffle of all of them is used up, then comes another. No stage crosses from one into
 * the next, so that none has a prompt twice.
 * @param prompts at least `count`, see {@link requirePrompts}
 */
export function promptsOfStage(
  prompts: readonly RaftPrompt[],
  count: number,
  stage: number,
  seed: number,
): RaftPrompt[] {
  const perEpoch = Math.floor(prompts.length / count);
  const epoch = Math.floor((stage - 1) / perEpoch);
  const first = ((stage - 1) % perEpoch) * count;
  return new SeededRandom("raft prompts", seed, epoch).shuffled(prompts).slice(first, first + count);
}

/** @throws ConfigError when there are fewer prompts than a stage takes */
export function requirePrompts(prompts: readonly RaftPrompt[], count: number): void {
  if (prompts.length >= count) return;
  throw new ConfigError(`--prompts: expected at least ${count} prompts a stage, got ${prompts.length}`, {
    hint: "lower --stage-prompts or --held-out; global ranking takes --samples times as many prompts",
  });
}

/** Seed of all that is random in a stage. */
export function seedOfStage(seed: number, stage: number): number {
  return hashKey(["raft", seed, stage]);
}

function lengthProblem(length: number, most: number): DropReason | null {
  if (length === 0) return "empty prompt";
  return length > most ? "prompt fills the length limit" : null;
}
