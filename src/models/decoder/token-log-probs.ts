/**
 * @file Log-probabilities of given tokens without ever holding positions × vocabulary: the projection works on chunks, and
 * each chunk leaves only J = Σ_v p_v·E_v behind, the gradient of log Σ exp with respect to the hidden state. With it
 *   d log p(label) / d hidden = E[label] − J,
 * so that the backward pass needs no logits, no recomputation and no second projection.
 */
import {
  add,
  cast,
  concat,
  type Dim,
  div,
  gather,
  greaterOrEqual,
  log,
  matmul,
  mul,
  reduceMax,
  reduceSum,
  reshape,
  softmax,
  split,
  sub,
  type Value,
} from "../../engine/graph/ops.js";

/** Positions are projected to the vocabulary in this many chunks; their number must be a multiple of it. */
export const LOGIT_CHUNKS = 8;

/** What is known of each of M predicted tokens, [M] each. */
export interface TokenLogProbs {
  /** log p(label), nats */
  readonly logProbs: Value;
  /** Entropy of the predicted distribution, nats */
  readonly entropy: Value;
  /** 1 where the label is the likeliest token, else 0 */
  readonly isCorrect: Value;
  /** Mean logit over the vocabulary */
  readonly meanLogit: Value;
  /** Cotangent of `hidden` [M,D] for a cotangent [M] of logProbs. */
  pullback(cotangent: Value): Value;
}

/**
 * @param hidden [M,D], M = LOGIT_CHUNKS · C
 * @param head output projection [V,D], frozen
 * @param labels int64 [M]
 * @param chunk C
 */
export function tokenLogProbs(hidden: Value, head: Value, labels: Value, chunk: Dim): TokenLogProbs {
  const [m, d] = hidden.shape as readonly [Dim, number];
  const v = head.shape[0] as number;
  const pieces = split(reshape(hidden, [LOGIT_CHUNKS, chunk, d]), 0, new Array(LOGIT_CHUNKS).fill(1));
  const chunks = pieces.map((piece) => projectChunk(reshape(piece, [chunk, d]), head));
  const expected = concat(
    chunks.map(({ expected }) => expected),
    0,
  );
  const largest = concat(
    chunks.map(({ largest }) => largest),
    0,
  );
  const logSumExp = concat(
    chunks.map(({ logSumExp }) => logSumExp),
    0,
  );
  const target = gather(head, labels);
  const logit = rowDot(hidden, target);
  const meanRow = div(reduceSum(head, [0], true), v);
  return {
    logProbs: sub(logit, reshape(logSumExp, [m])),
    entropy: sub(reshape(logSumExp, [m]), rowDot(hidden, expected)),
    isCorrect: cast(greaterOrEqual(add(logit, CORRECT_MARGIN), reshape(largest, [m])), "float32"),
    meanLogit: reshape(matmul(hidden, meanRow, { transposeB: true }), [m]),
    pullback: (cotangent) => mul(reshape(cotangent, [m, 1]), sub(target, expected)),
  };
}

/** The label's logit is computed apart from the others, so the largest may exceed it by rounding. */
const CORRECT_MARGIN = 1e-4;

/** For h [C,D]: max logit and log Σ exp [C,1], and Σ p·E [C,D]; the logits [C,V] live only here. */
function projectChunk(hidden: Value, head: Value): { largest: Value; logSumExp: Value; expected: Value } {
  const logits = matmul(hidden, head, { transposeB: true });
  const largest = reduceMax(logits, [1], true);
  const probabilities = softmax(logits);
  // The runtime's softmax divides by a float32 sum that loses the tail beside a likely token: about 3e-5 nats a token, all
  // in one direction. Summed in blocks the probabilities tell by how much.
  const normaliser = div(blockedSum(probabilities), reduceMax(probabilities, [1], true));
  const logSumExp = add(largest, log(normaliser));
  return { largest, logSumExp, expected: matmul(probabilities, head) };
}

/** Σ over the last axis of a·b: [M] */
function rowDot(a: Value, b: Value): Value {
  return reduceSum(mul(a, b), [1]);
}

/** Σ over the vocabulary [C,V] → [C,1] in blocks, so that small terms are not lost beside large ones. */
function blockedSum(x: Value): Value {
  const [c, v] = x.shape as readonly [Dim, number];
  const block = largestDivisor(v);
  return reduceSum(reduceSum(reshape(x, [c, v / block, block]), [2]), [1], true);
}

/** The largest divisor that is at most the square root: blocks and their number are then alike. */
function largestDivisor(n: number): number {
  let divisor = Math.floor(Math.sqrt(n));
  while (n % divisor !== 0) divisor--;
  return divisor;
}
