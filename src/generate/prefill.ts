/**
 * @file Prefill: a group of prompts goes through the model once and waits in a cache of its own; every sample of a
 * prompt starts from a copy. Short prompts share one run, long ones go in chunks, so that no run blocks the engine long.
 */
import type { DecodeModel } from "./decode-graph-run.js";
import { runRows } from "./decode-graph-run.js";
import { type AllocateCache, capacityBucket, type KvCache } from "./kv-cache.js";

/** A prompt whose keys and values are in the group's cache. */
export interface Prefix<Prompt> {
  readonly prompt: Prompt;
  readonly slot: number;
  /** Logits after the last prompt token, [V]. */
  readonly logits: Float32Array;
}

/** Prompts that went through the model together. */
export interface PrefillGroup<Prompt> {
  readonly cache: KvCache;
  readonly prefixes: readonly Prefix<Prompt>[];
}

interface TokenPrompt {
  readonly promptIds: readonly number[];
}

/**
 * How many of the first prompts one run takes: padded to the longest they stay within `maxTokens`; at least one.
 * @param lengths token counts in queue order
 */
export function groupSize(lengths: readonly number[], maxTokens: number): number {
  let longest = 0;
  for (let n = 0; n < lengths.length; n++) {
    longest = Math.max(longest, lengths[n] as number);
    if (longest * (n + 1) > maxTokens) return Math.max(1, n);
  }
  return lengths.length;
}

/**
 * Computes the keys and values of prompts.
 * @param maxTokens tokens a run at most; a prompt longer than that must come alone
 * @param check     called before each run; throws to cancel
 */
export async function prefill<Prompt extends TokenPrompt>(
  model: DecodeModel,
  prompts: readonly Prompt[],
  maxTokens: number,
  allocate: AllocateCache,
  check: () => void,
): Promise<PrefillGroup<Prompt>> {
  const longest = Math.max(...prompts.map((prompt) => prompt.promptIds.length));
  const cache = await allocate(prompts.length, capacityBucket(longest));
  try {
    const logits = await runChunks(model, prompts, cache, longest, maxTokens, check);
    const prefixes = prompts.map((prompt, slot) => ({
      prompt,
      slot,
      logits: logits.subarray(slot * model.vocabSize, (slot + 1) * model.vocabSize),
    }));
    return { cache, prefixes };
  } catch (cause) {
    await cache.free();
    throw cause;
  }
}

/** Several prompts fit one run; only a single long prompt takes more, so the last chunk's logits are all there are. */
async function runChunks(
  model: DecodeModel,
  prompts: readonly TokenPrompt[],
  cache: KvCache,
  longest: number,
  maxTokens: number,
  check: () => void,
): Promise<Float32Array> {
  const step = prompts.length > 1 ? longest : maxTokens;
  let logits: Float32Array | null = null;
  for (let start = 0; start < longest; start += step) {
    check();
    const rows = prompts.map(({ promptIds }, slot) => ({
      ids: promptIds.slice(start, start + step),
      pastLength: start,
      slot,
    }));
    const isLast = start + step >= longest;
    logits = await runRows(model, rows, { past: start === 0 ? null : cache, present: cache }, isLast);
  }
  return logits ?? new Float32Array(0);
}
