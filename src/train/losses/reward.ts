/**
 * @file The Bradley-Terry loss of reward models, as a graph and as a number on the host, by TRL's formula
 * (trl/trainer/reward_trainer.py).
 */
import { add, div, mul, reduceSum, softplus, square, sub, type Value } from "../../engine/graph/ops.js";
import { softplusValue } from "./dpo-value.js";
import type { GraphLoss } from "./sft.js";

/** What the loss is made of; [P] has one entry a pair. */
export interface RewardLossInputs {
  /** [P] reward of the chosen answer. */
  readonly chosen: Value;
  /** [P] */
  readonly rejected: Value;
  /** [P] by how much the chosen answer should be ahead; 0 where the row does not say. */
  readonly margins: Value;
  /** [1] pairs of the whole optimiser step. */
  readonly normaliser: Value;
}

/**
 * Mean over pairs of
 *   −log σ(r_c − r_r − margin) + centering · (r_c + r_r)²
 * Bradley & Terry 1952; margin as Touvron et al. 2023 (2307.09288) Eq. 2; centring as Eisenstein et al. 2023 (2312.09244).
 * @param centering TRL's `center_rewards_coefficient`, ≥ 0; 0 leaves the term out
 */
export function rewardLoss(
  { chosen, rejected, margins, normaliser }: RewardLossInputs,
  centering: number,
): GraphLoss {
  const ranking = softplus(sub(margins, sub(chosen, rejected)));
  const losses = centering === 0 ? ranking : add(ranking, mul(square(add(chosen, rejected)), centering));
  return { loss: div(reduceSum(losses, [0], true), normaliser), metrics: {} };
}

/** The loss of one pair. */
export function rewardLossValue(chosen: number, rejected: number, margin: number, centering: number): number {
  return softplusValue(margin - (chosen - rejected)) + centering * (chosen + rejected) ** 2;
}
