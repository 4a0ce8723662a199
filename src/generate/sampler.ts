/**
 * @file The next token from a row of logits: frequency penalty, minimum length, temperature, top-k, top-p, draw.
 * Pure functions in the order that Hugging Face transformers applies them. The draw inverts the cumulative
 * distribution in vocabulary order, so a token is a function of the logits and one uniform number alone.
 */
import { GenerationError } from "../core/errors.js";
import { nucleusThreshold, sum, topKThreshold } from "./truncation.js";

/** How the distribution is bent before the draw. */
export interface DrawOptions {
  /** 0 is greedy. */
  readonly temperature: number;
  /** 0 keeps all. */
  readonly topK: number;
  /** 1 keeps all. */
  readonly topP: number;
  readonly frequencyPenalty: number;
  readonly minNewTokens: number;
}

/** What this answer has drawn so far. */
export interface DrawHistory {
  /** How often each token was drawn. */
  readonly counts: ReadonlyMap<number, number>;
  /** How many tokens were drawn: the position of the token to draw. */
  readonly length: number;
}

/** A drawn token. */
export interface Draw {
  readonly token: number;
  /** Another token could have been drawn, had logits differed by {@link NEAR_TIE}: rounding may decide. */
  readonly isNearTie: boolean;
}

/** Logits closer than this are not told apart reliably by float32 arithmetic in another order. */
export const NEAR_TIE = 1e-3;

/** A weight of e^-40 relative to the likeliest token is lost in float64 sums; such tokens weigh nothing. */
const NEGLIGIBLE_EXPONENT = -40;

/**
 * Draws the next token.
 * @param logits  [V], left as it is
 * @param stopIds tokens that may not be drawn before `minNewTokens`
 * @param uniform called once when `temperature` > 0; a number in [0, 1)
 * @throws GenerationError when no logit is finite
 */
export function drawToken(
  logits: Float32Array,
  history: DrawHistory,
  options: DrawOptions,
  stopIds: readonly number[],
  uniform: () => number,
): Draw {
  const bent = penalise(logits, history, options, stopIds);
  return options.temperature === 0 ? drawGreedy(bent) : drawSampled(bent, options, uniform());
}

/** The index of the largest logit, the first on ties, and whether the runner-up is near. */
export function drawGreedy(logits: Float32Array): Draw {
  const best = argmax(logits);
  const bound = (logits[best] as number) - NEAR_TIE;
  let near = 0;
  for (let i = 0; i < logits.length; i++) if ((logits[i] as number) >= bound) near++;
  return { token: best, isNearTie: near > 1 };
}

/**
 * Draws by inverse transform over the kept tokens in vocabulary order. Departs from a full account of near ties:
 * tokens at the edge of top-k or top-p are not looked at.
 */
export function drawSampled(logits: Float32Array, options: DrawOptions, uniform: number): Draw {
  const weights = tokenWeights(logits, options);
  const total = sum(weights);
  const target = uniform * total;
  let below = 0;
  let token = -1;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number;
    if (weight === 0) continue;
    token = i;
    if (below + weight > target) break;
    below += weight;
  }
  return { token, isNearTie: isNearEdge(uniform, below / total, (below + (weights[token] ?? 0)) / total) };
}

/** The distribution that {@link drawSampled} draws from, [V], sums to 1. */
export function tokenProbabilities(logits: Float32Array, options: DrawOptions): Float64Array {
  const weights = tokenWeights(logits, options);
  const total = sum(weights);
  return weights.map((weight) => weight / total);
}

/** exp((logit − max) / temperature) of kept tokens, 0 elsewhere, [V]. */
function tokenWeights(logits: Float32Array, options: DrawOptions): Float64Array {
  const max = logits[argmax(logits)] as number;
  const least = topKThreshold(logits, options.topK);
  const weights = new Float64Array(logits.length);
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    const exponent = (logit - max) / options.temperature;
    if (logit >= least && exponent > NEGLIGIBLE_EXPONENT) weights[i] = Math.exp(exponent);
  }
  if (options.topP < 1) cutToNucleus(weights, options.topP);
  return weights;
}

/** Sets weights outside the nucleus to 0; of equal weights at its edge the first in the vocabulary stay. */
function cutToNucleus(weights: Float64Array, topP: number): void {
  const { threshold, atThreshold } = nucleusThreshold(weights, topP);
  let left = atThreshold;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number;
    if (weight > threshold) continue;
    if (weight === threshold && left > 0) left--;
    else weights[i] = 0;
  }
}

function penalise(
  logits: Float32Array,
  history: DrawHistory,
  options: DrawOptions,
  stopIds: readonly number[],
): Float32Array {
  const isTooShort = history.length < options.minNewTokens;
  if (options.frequencyPenalty === 0 && !isTooShort) return logits;
  const bent = logits.slice();
  for (const [token, count] of history.counts) {
    bent[token] = (bent[token] as number) - options.frequencyPenalty * count;
  }
  if (isTooShort) for (const id of stopIds) bent[id] = Number.NEGATIVE_INFINITY;
  return bent;
}

function argmax(logits: Float32Array): number {
  let best = -1;
  let value = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    if (logit > value) {
      value = logit;
      best = i;
    }
  }
  if (best < 0 || value === Number.POSITIVE_INFINITY) throw notFinite();
  return best;
}

/** Moving every logit by up to NEAR_TIE moves a cumulative share c by at most 2 NEAR_TIE c (1 − c), to first order. */
function isNearEdge(uniform: number, low: number, high: number): boolean {
  const reach = (share: number) => 2 * NEAR_TIE * share * Math.max(0, 1 - share);
  return uniform - low < reach(low) || high - uniform < reach(high);
}

function notFinite(): GenerationError {
  return new GenerationError("sampling: expected finite logits, got NaN or infinity", {
    hint: "the checkpoint or adapter holds broken numbers; check it with another tool",
  });
}
