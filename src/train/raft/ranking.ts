/**
 * @file Which samples RAFT trains on (Dong et al. 2023, arXiv 2304.06767): the best of every prompt, or the best of the
 * whole batch. A sample that is vetoed, filtered or without a score is never selected. Pure functions.
 */
import { findLoop } from "../../stats/loops.js";
import type { ScoredSample } from "./sample.js";

/** What decides a sample's fate, apart from the others. */
export interface RankingRules {
  /** Weight of every reward model; the reward is the weighted sum. */
  readonly weights: readonly number[];
  /** A sample is vetoed when some P(unsafe) reaches its threshold. */
  readonly thresholds: readonly number[];
  /** Beta: ranks by r − beta · log(p_t / p_0); the loss never sees it. */
  readonly klWeight: number;
  /** Answers of fewer tokens, the end of turn not counted, are too short. */
  readonly minAnswerTokens: number;
}

/** Why a sample cannot be selected; null when it can. The first that holds, in this order. */
export type Rejection = "not scored" | "vetoed" | "too short" | "repeated" | "cut off";

/** A sample with its place in the ranking. */
export interface RankedSample {
  readonly sample: ScoredSample;
  /** Weighted sum of the rewards; null where one of them is no number. */
  readonly reward: number | null;
  /** What is ranked by; −Infinity for a rejected sample. */
  readonly key: number;
  readonly rejection: Rejection | null;
}

/** Weighs and filters one sample. */
export function rankSample(sample: ScoredSample, rules: RankingRules): RankedSample {
  const reward = weightedReward(sample, rules);
  const key = reward === null ? Number.NaN : reward - klPenalty(sample, rules);
  const rejection = rejectionOf(sample, key, rules);
  return { sample, reward, key: rejection === null ? key : Number.NEGATIVE_INFINITY, rejection };
}

/**
 * The best of every prompt; of equal ones the first. A prompt without an eligible sample gives none.
 * @returns in the order in which prompts first occur
 */
export function selectLocal(samples: readonly RankedSample[]): RankedSample[] {
  const best = new Map<string, RankedSample>();
  for (const each of samples) {
    if (each.rejection !== null) continue;
    const known = best.get(each.sample.id);
    if (known === undefined || each.key > known.key) best.set(each.sample.id, each);
  }
  return [...best.values()];
}

/**
 * The `count` best of all, fewer when fewer are eligible; of equal ones the first.
 * @returns in the order of the samples
 */
export function selectGlobal(samples: readonly RankedSample[], count: number): RankedSample[] {
  const eligible = samples.map((each, i) => ({ each, i })).filter(({ each }) => each.rejection === null);
  return eligible
    .sort((a, b) => b.each.key - a.each.key || a.i - b.i)
    .slice(0, count)
    .sort((a, b) => a.i - b.i)
    .map(({ each }) => each);
}

/** The weighted sum of a sample's rewards; null where one is no number. */
export function weightedReward(
  { rewards }: Pick<ScoredSample, "rewards">,
  { weights }: Pick<RankingRules, "weights">,
): number | null {
  const sum = weights.reduce((total, weight, i) => total + weight * (rewards[i] ?? Number.NaN), 0);
  return Number.isFinite(sum) ? sum : null;
}

function klPenalty({ log_ratio }: ScoredSample, { klWeight }: RankingRules): number {
  return klWeight === 0 ? 0 : klWeight * (log_ratio ?? Number.NaN);
}

function rejectionOf(sample: ScoredSample, key: number, rules: RankingRules): Rejection | null {
  const { unsafe, token_ids, finish_reason, response } = sample;
  const { thresholds, minAnswerTokens } = rules;
  // A verdict that is no number is neither safe nor unsafe.
  if (!Number.isFinite(key) || thresholds.some((_, i) => typeof unsafe[i] !== "number")) return "not scored";
  if (thresholds.some((threshold, i) => (unsafe[i] ?? 1) >= threshold)) return "vetoed";
  if (answerTokens(sample) < minAnswerTokens || response.trim() === "") return "too short";
  if (findLoop(token_ids) !== undefined) return "repeated";
  return finish_reason === "stop" ? null : "cut off";
}

/** Tokens of an answer without its end of turn. */
export function answerTokens({ token_ids, finish_reason }: ScoredSample): number {
  return token_ids.length - (finish_reason === "stop" ? 1 : 0);
}
