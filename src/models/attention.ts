/**
 * @file The two ways to attend: within packed rows (training, scoring) and over a cache (sampling). Shapes as in decoder.ts;
 * S is the capacity of the cache.
 */
import {
  add,
  and,
  type Dim,
  div,
  equal,
  exp,
  greater,
  integers,
  lessOrEqual,
  matmul,
  multiplyDims,
  or,
  range,
  reduceMax,
  reduceSum,
  reshape,
  softmax,
  sub,
  type Value,
  where,
} from "../engine/graph/ops.js";
import type { DecoderConfig } from "./config.js";
import type { Attend } from "./decoder.js";

/** Added to the score of a hidden position: finite, so that a row that sees nothing stays finite too. */
const HIDDEN = -1e30;

/** Which example, and which of its answers, each position of a packed row belongs to; int64 [B,T]. */
export interface PackedLayout {
  /** −1 for padding */
  readonly segmentIds: Value;
  /** 0 for the shared prompt, 1 … for answers that do not see each other */
  readonly branchIds: Value;
}

/** Query i sees key j iff j ≤ i, both are of one segment, and j is of the prompt or of i's own branch. */
export function packedAttention(config: DecoderConfig, layout: PackedLayout): Attend {
  const [b, t] = layout.segmentIds.shape as readonly [Dim, Dim];
  const asQuery = (x: Value) => reshape(x, [b, 1, 1, t, 1]);
  const asKey = (x: Value) => reshape(x, [b, 1, 1, 1, t]);
  const { segmentIds, branchIds } = layout;
  const sameSegment = equal(asQuery(segmentIds), asKey(segmentIds));
  const sameBranch = equal(asQuery(branchIds), asKey(branchIds));
  const visibleBranch = or(equal(asKey(branchIds), integers(0)), sameBranch);
  const visible = and(and(causal(t), sameSegment), visibleBranch);
  const bias = where(visible, 0, HIDDEN);
  return (query, key, value) => {
    const scores = scaledScores(config, query, key, t);
    return matmul(asStacked(softmax(add(scores, bias))), value);
  };
}

/** A cache of keys and values that new tokens see beside each other. */
export interface CacheInputs {
  /** Valid positions of each row's cache, int64 [B] */
  readonly pastLengths: Value;
  /** By layer, [B,G,S,K] */
  readonly past: readonly { readonly key: Value; readonly value: Value }[];
}

/**
 * Attention over the cache and the new tokens as two products under one softmax, so that the cache is only read:
 * copying it in and out of every step costs three times as much.
 */
export function cachedAttention(config: DecoderConfig, cache: CacheInputs, newTokens: Dim): Attend {
  const [b] = cache.pastLengths.shape as readonly [Dim];
  const capacity = cache.past[0]?.key.shape[2] as Dim;
  const valid = greater(
    reshape(cache.pastLengths, [b, 1, 1, 1, 1]),
    reshape(range(capacity), [1, 1, 1, 1, capacity]),
  );
  const pastBias = where(valid, 0, HIDDEN);
  const newBias = where(causal(newTokens), 0, HIDDEN);
  return (query, key, value, layer) => {
    const past = cache.past[layer] as { key: Value; value: Value };
    const pastScores = add(scaledScores(config, query, past.key, newTokens), pastBias);
    const newScores = add(scaledScores(config, query, key, newTokens), newBias);
    const largest = maximum(reduceMax(pastScores, [-1], true), reduceMax(newScores, [-1], true));
    const [pastWeights, newWeights] = [exp(sub(pastScores, largest)), exp(sub(newScores, largest))];
    const total = add(reduceSum(pastWeights, [-1], true), reduceSum(newWeights, [-1], true));
    const attended = add(matmul(asStacked(pastWeights), past.value), matmul(asStacked(newWeights), value));
    return div(attended, asStacked(total));
  };
}

/** q·kᵀ/√K as [B,G,J,T,S] for stacked queries [B,G,J·T,K] */
function scaledScores(config: DecoderConfig, query: Value, key: Value, newTokens: Dim): Value {
  const scores = matmul(query, key, { transposeB: true, alpha: 1 / Math.sqrt(config.headDim) });
  const [b, g, , s] = scores.shape as readonly [Dim, Dim, Dim, Dim];
  const perGroup = config.numAttentionHeads / config.numKeyValueHeads;
  return reshape(scores, [b, g, perGroup, newTokens, s]);
}

/** [B,G,J,T,S] → [B,G,J·T,S] */
function asStacked(x: Value): Value {
  const [b, g, j, t, s] = x.shape as readonly [Dim, Dim, number, Dim, Dim];
  return reshape(x, [b, g, multiplyDims(j, t), s]);
}

function causal(length: Dim): Value {
  const positions = range(length);
  return lessOrEqual(reshape(positions, [1, 1, 1, 1, length]), reshape(positions, [1, 1, 1, length, 1]));
}

function maximum(a: Value, b: Value): Value {
  return where(greater(a, b), a, b);
}
