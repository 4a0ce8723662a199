/** @file Cross-entropy over the trained tokens of an answer: the loss of SFT, SIT and every RAFT stage. */
import { div, mul, neg, reduceSum, type Value } from "../../engine/graph/ops.js";

/** A loss as a graph. */
export interface GraphLoss {
  /** [1], divided by the normaliser: adding micro-batches up gives the loss of the optimiser step. */
  readonly loss: Value;
  /** Further outputs by name, of any shape. */
  readonly metrics: Readonly<Record<string, Value>>;
}

/** What the cross-entropy is made of. */
export interface SftLossInputs {
  /** [M] log-probability of each label, nats. */
  readonly logProbs: Value;
  /** [M] 1 where the label counts, 0 for padding. */
  readonly isTrained: Value;
  /** [1] trained tokens of the whole optimiser step. */
  readonly normaliser: Value;
}

/**
 * Token-mean cross-entropy.
 *   −Σ isTrained · log p(label) / normaliser
 * The normaliser spans the optimiser step, so gradient accumulation changes nothing (transformers' num_items_in_batch).
 */
export function sftLoss({ logProbs, isTrained, normaliser }: SftLossInputs): GraphLoss {
  const total = reduceSum(mul(logProbs, isTrained), [0], true);
  return { loss: div(neg(total), normaliser), metrics: {} };
}
