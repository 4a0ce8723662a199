/** @file Cross-entropy over the labels of a class head with a weight a class, as a graph and as a number on the host. */
import { add, div, exp, log, mul, reduceMax, reduceSum, sub, type Value } from "../../engine/graph/ops.js";
import type { GraphLoss } from "./sft.js";

/** What the loss is made of. */
export interface ClassLossInputs {
  /** [P, labels] */
  readonly scores: Value;
  /** [P, labels] the weight of a row's class in the column of its label, 0 elsewhere. */
  readonly targets: Value;
  /** [1] sum of the weights of all rows of the optimiser step. */
  readonly normaliser: Value;
}

/** −Σ w(label)·log softmax(scores)[label] / Σ w(label), as torch's `cross_entropy` with `weight`. */
export function classLoss({ scores, targets, normaliser }: ClassLossInputs): GraphLoss {
  const largest = reduceMax(scores, [1], true);
  const logSumExp = add(largest, log(reduceSum(exp(sub(scores, largest)), [1], true)));
  const losses = reduceSum(mul(targets, sub(logSumExp, scores)), [1]);
  return { loss: div(reduceSum(losses, [0], true), normaliser), metrics: {} };
}

/** −log softmax(scores)[label] */
export function classLossValue(scores: readonly number[], label: number): number {
  const largest = Math.max(...scores);
  const sum = scores.reduce((total, score) => total + Math.exp(score - largest), 0);
  return largest + Math.log(sum) - (scores[label] ?? Number.NaN);
}
