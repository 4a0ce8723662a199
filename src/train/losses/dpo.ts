/**
 * @file Direct Preference Optimization and its kin as graphs, by TRL's formulas (trl/trainer/dpo_trainer.py).
 * With r = log π/π_ref of an answer, summed over its tokens, and n its length: d = r_chosen − r_rejected.
 */
import {
  add,
  div,
  mul,
  neg,
  type Operand,
  reduceSum,
  softplus,
  square,
  sub,
  type Value,
} from "../../engine/graph/ops.js";
import { checkDpoOptions, type DpoLossOptions } from "./dpo-options.js";
import type { GraphLoss } from "./sft.js";

/** What a DPO loss is made of; [P] has one entry a pair. */
export interface DpoLossInputs {
  /** [P] summed log-probability of the chosen answer, nats. */
  readonly policyChosen: Value;
  /** [P] */
  readonly policyRejected: Value;
  /** [P] the same under the reference; no gradient flows into it. */
  readonly referenceChosen: Value;
  /** [P] */
  readonly referenceRejected: Value;
  /** [P] float32 tokens of the chosen answer. */
  readonly chosenLengths: Value;
  /** [P] */
  readonly rejectedLengths: Value;
  /** [P] 1 for a pair, 0 for padding. */
  readonly isPair: Value;
  /** [1] pairs of the whole optimiser step. */
  readonly normaliser: Value;
  /** [1] tokens of all chosen answers of the whole optimiser step: the NLL term's normaliser. */
  readonly chosenTokens: Value;
}

/**
 * A DPO loss, mean over pairs, plus `nllWeight` times the token-mean cross-entropy on chosen answers.
 *   sigmoid       −(1−ε) log σ(βd) − ε log σ(−βd)              Rafailov et al. 2023 (2305.18290) Eq. 7; ε as in cDPO
 *   robust        [−(1−ε) log σ(βd) + ε log σ(−βd)] / (1−2ε)   Chowdhury et al. 2024 (2403.00409)
 *   ipo           (r_c/n_c − r_r/n_r − 1/(2β))²                Azar et al. 2023 (2310.12036) Eq. 17, averaged by token as TRL
 *   sigmoid_norm  −log σ(β (r_c/n_c − r_r/n_r))                length-normalised DPO
 * The metrics hold `losses` [P].
 */
export function dpoLoss(inputs: DpoLossInputs, options: DpoLossOptions): GraphLoss {
  const { nllWeight } = checkDpoOptions(options);
  const losses = pairLosses(inputs, options);
  const mean = div(total(mul(losses, inputs.isPair)), inputs.normaliser);
  if (nllWeight === 0) return { loss: mean, metrics: { losses } };
  const nll = div(neg(total(mul(inputs.policyChosen, inputs.isPair))), inputs.chosenTokens);
  return { loss: add(mean, mul(nll, nllWeight)), metrics: { losses } };
}

function pairLosses(inputs: DpoLossInputs, { loss, beta, labelSmoothing }: DpoLossOptions): Value {
  const chosen = sub(inputs.policyChosen, inputs.referenceChosen);
  const rejected = sub(inputs.policyRejected, inputs.referenceRejected);
  if (loss === "ipo" || loss === "sigmoid_norm") {
    const perToken = sub(div(chosen, inputs.chosenLengths), div(rejected, inputs.rejectedLengths));
    return loss === "ipo" ? square(sub(perToken, 1 / (2 * beta))) : softplus(mul(perToken, -beta));
  }
  const margin = sub(chosen, rejected);
  const kept = softplus(mul(margin, -beta)); // −log σ(βd)
  if (labelSmoothing === 0) return kept;
  const swapped = softplus(mul(margin, beta)); // −log σ(−βd)
  if (loss === "sigmoid") return weighted(kept, 1 - labelSmoothing, swapped, labelSmoothing);
  const scale = 1 / (1 - 2 * labelSmoothing);
  return weighted(kept, scale * (1 - labelSmoothing), swapped, -scale * labelSmoothing);
}

function weighted(a: Value, weightA: Operand, b: Value, weightB: Operand): Value {
  return add(mul(a, weightA), mul(b, weightB));
}

function total(x: Value): Value {
  return reduceSum(x, [0], true);
}
