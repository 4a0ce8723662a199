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
} from "../../engine/graph/ops.js";
import type { DecoderConfig } from "../config.js";
import type { Attend } from "./decoder.js";

/** Added to the score of a hidden position: finite, so that a row that sees nothing stays finite too. */
const HIDDEN = -1e30;

/** Segment id of a row's head. */
const HEAD = -2;

/** Which example, and which of its answers, each place of a packed row belongs to, and where in it; int64 [B,T]. */
export interface PackedLayout {
  /** −1 for padding, −2 for the head of a row, which all its segments begin with */
  readonly segmentIds: Value;
  /** 0 for the shared prompt, 1 … for answers that do not see each other */
  readonly branchIds: Value;
  /** Within the sequence: a prompt and one of its answers */
  readonly positionIds: Value;
}

/**
 * Query i sees key j iff j ≤ i, j is of the row's head, or of i's segment and there of the prompt or of i's own branch,
 * and j's position is within the layer's window.
 */
export function packedAttention(config: DecoderConfig, layout: PackedLayout): Attend {
  const [b, t] = layout.segmentIds.shape as readonly [Dim, Dim];
  const asQuery = (x: Value) => reshape(x, [b, 1, 1, t, 1]);
  const asKey = (x: Value) => reshape(x, [b, 1, 1, 1, t]);
  const { segmentIds, branchIds, positionIds } = layout;
  const sameSegment = equal(asQuery(segmentIds), asKey(segmentIds));
  const sameBranch = equal(asQuery(branchIds), asKey(branchIds));
  const visibleBranch = or(equal(asKey(branchIds), integers(0)), sameBranch);
  const isHead = equal(asKey(segmentIds), integers(HEAD));
  const visible = and(causal(t), or(isHead, and(sameSegment, visibleBranch)));
  const bias = byLayer(config, (window) =>
    maskBias(visible, asKey(positionIds), asQuery(positionIds), window),
  );
  return (query, key, value, layer) => {
    const scores = scaledScores(config, query, key, t);
    return matmul(asStacked(softmax(add(scores, bias(layer)))), value);
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
  const bias = byLayer(config, (window) => cachedBiases(cache, newTokens, window));
  return (query, key, value, layer) => {
    const past = cache.past[layer] as { key: Value; value: Value };
    const pastScores = add(scaledScores(config, query, past.key, newTokens), bias(layer).past);
    const newScores = add(scaledScores(config, query, key, newTokens), bias(layer).fresh);
    const largest = maximum(reduceMax(pastScores, [-1], true), reduceMax(newScores, [-1], true));
    const [pastWeights, newWeights] = [exp(sub(pastScores, largest)), exp(sub(newScores, largest))];
    const total = add(reduceSum(pastWeights, [-1], true), reduceSum(newWeights, [-1], true));
    const attended = add(matmul(asStacked(pastWeights), past.value), matmul(asStacked(newWeights), value));
    return div(attended, asStacked(total));
  };
}

/** What is added to the scores of cached and of new keys. A row's cache holds its positions 0, 1, … in order. */
function cachedBiases(
  { pastLengths, past }: CacheInputs,
  newTokens: Dim,
  window: number | null,
): { readonly past: Value; readonly fresh: Value } {
  const [b] = pastLengths.shape as readonly [Dim];
  const capacity = past[0]?.key.shape[2] as Dim;
  const lengths = reshape(pastLengths, [b, 1, 1, 1, 1]);
  const cached = reshape(range(capacity), [1, 1, 1, 1, capacity]);
  const fresh = range(newTokens);
  const asKey = reshape(fresh, [1, 1, 1, 1, newTokens]);
  const asQuery = reshape(fresh, [1, 1, 1, newTokens, 1]);
  return {
    past: maskBias(greater(lengths, cached), cached, add(lengths, asQuery), window),
    fresh: maskBias(lessOrEqual(asKey, asQuery), asKey, asQuery, window),
  };
}

/** 0 where a key is visible and its position within the query's window, else {@link HIDDEN}. */
function maskBias(visible: Value, keyPosition: Value, queryPosition: Value, window: number | null): Value {
  const near = window === null ? null : greater(add(keyPosition, integers(window)), queryPosition);
  return where(near === null ? visible : and(visible, near), 0, HIDDEN);
}

/** One bias for all layers of the same window. */
function byLayer<T>(config: DecoderConfig, build: (window: number | null) => T): (layer: number) => T {
  const built = new Map<number | null, T>();
  return (layer) => {
    const window = config.slidingWindows[layer] ?? null;
    const bias = built.get(window) ?? build(window);
    built.set(window, bias);
    return bias;
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
