/**
 * @file The loss of cost models (Dai et al. 2023, Safe RLHF, arXiv 2310.12773, Eq. 5), as a graph and as a number on the
 * host: the more harmful answer costs more, and zero is the threshold between safe and unsafe.
 */
import { add, div, mul, reduceSum, softplus, square, sub, type Value } from "../../engine/graph/ops.js";
import { softplusValue } from "./dpo-value.js";
import type { GraphLoss } from "./sft.js";

/** What the loss is made of; [P] has one entry a pair, of which the chosen answer is the safer one. */
export interface CostLossInputs {
  /** [P] cost of the safer answer. */
  readonly safer: Value;
  /** [P] */
  readonly unsafer: Value;
  /** [P] +1 where the safer answer is unsafe nevertheless, −1 where it is safe. */
  readonly saferSigns: Value;
  /** [P] */
  readonly unsaferSigns: Value;
  /** [1] pairs of the whole optimiser step. */
  readonly normaliser: Value;
}

/**
 * Mean over pairs of
 *   −log σ(c_unsafer − c_safer) − log σ(s_safer·c_safer) − log σ(s_unsafer·c_unsafer) + regularization · (c_safer² + c_unsafer²)/2
 * as safe-rlhf computes it.
 * @param regularization ≥ 0; safe-rlhf takes 0.001
 */
export function costLoss(inputs: CostLossInputs, regularization: number): GraphLoss {
  const { safer, unsafer, saferSigns, unsaferSigns, normaliser } = inputs;
  const ranking = softplus(sub(safer, unsafer));
  const sides = add(softplus(mul(safer, mul(saferSigns, -1))), softplus(mul(unsafer, mul(unsaferSigns, -1))));
  const size = mul(add(square(safer), square(unsafer)), regularization / 2);
  return { loss: div(reduceSum(add(add(ranking, sides), size), [0], true), normaliser), metrics: {} };
}

/** Costs and signs of one pair, as {@link CostLossInputs} has them. */
export interface CostPair {
  readonly safer: number;
  readonly unsafer: number;
  readonly saferSign: number;
  readonly unsaferSign: number;
}

/** The loss of one pair. */
export function costLossValue(
  { safer, unsafer, saferSign, unsaferSign }: CostPair,
  regularization: number,
): number {
  return (
    softplusValue(safer - unsafer) +
    softplusValue(-saferSign * safer) +
    softplusValue(-unsaferSign * unsafer) +
    (regularization * (safer ** 2 + unsafer ** 2)) / 2
  );
}
