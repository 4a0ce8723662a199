/** @file The DPO losses of `dpo.ts` as numbers on the host: held-out rows need a value and no gradient. */
import type { DpoLossOptions } from "./dpo-options.js";

/** Summed log-probabilities (nats) and lengths (tokens) of one pair. */
export interface PairLogProbs {
  readonly policyChosen: number;
  readonly policyRejected: number;
  readonly referenceChosen: number;
  readonly referenceRejected: number;
  readonly chosenLength: number;
  readonly rejectedLength: number;
}

/** Loss of one pair without the NLL term; same formulas as `dpoLoss`. */
export function dpoLossValue(pair: PairLogProbs, options: Omit<DpoLossOptions, "nllWeight">): number {
  const { loss, beta, labelSmoothing } = options;
  const chosen = pair.policyChosen - pair.referenceChosen;
  const rejected = pair.policyRejected - pair.referenceRejected;
  const perToken = chosen / pair.chosenLength - rejected / pair.rejectedLength;
  if (loss === "ipo") return (perToken - 1 / (2 * beta)) ** 2;
  if (loss === "sigmoid_norm") return softplusValue(-beta * perToken);
  const margin = beta * (chosen - rejected);
  const kept = (1 - labelSmoothing) * softplusValue(-margin);
  const swapped = labelSmoothing * softplusValue(margin);
  return loss === "sigmoid" ? kept + swapped : (kept - swapped) / (1 - 2 * labelSmoothing);
}

/** ln(1 + eˣ) without overflow. */
export function softplusValue(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
