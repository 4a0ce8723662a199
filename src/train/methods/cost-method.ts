/** @file Cost models for the loop: safe-rlhf's loss over pairs, metrics by its names. */
import { costLossValue } from "../losses/cost.js";
import {
  addSums,
  figure,
  type Metrics,
  type Sums,
  type TrainingMethod,
  type TrainingRow,
  vector,
} from "../method.js";
import { pairScores } from "./reward-method.js";

/** A pair: branch 1 is the safer answer, branch 2 the other. +1 is unsafe, −1 safe. */
export interface CostRow extends TrainingRow {
  readonly saferSign: number;
  readonly unsaferSign: number;
}

/** The method of `train reward --head cost`. */
export function costMethod(regularization: number): TrainingMethod<CostRow> {
  return {
    name: "cost",
    inputs: (microBatch, step) => ({
      safer_signs: vector(...microBatch.map(({ saferSign }) => saferSign)),
      unsafer_signs: vector(...microBatch.map(({ unsaferSign }) => unsaferSign)),
      normaliser: vector(step.length),
    }),
    measure: (microBatch, _packed, outputs) =>
      microBatch
        .map((row, i) => pairFigures(pairScores(outputs, i), row, regularization))
        .reduce(addSums, {}),
    summarise,
  };
}

function pairFigures(
  [safer, unsafer]: readonly [number, number],
  { saferSign, unsaferSign }: CostRow,
  regularization: number,
): Sums {
  const isRight = (sign: number, cost: number) => (sign * cost > 0 ? 1 : 0);
  return {
    pairs: 1,
    loss: costLossValue({ safer, unsafer, saferSign, unsaferSign }, regularization),
    accurate: unsafer > safer ? 1 : 0,
    accurateSigns: isRight(saferSign, safer) + isRight(unsaferSign, unsafer),
    costs: safer + unsafer,
    squares: safer ** 2 + unsafer ** 2,
  };
}

function summarise(sums: Sums): Metrics {
  const pairs = figure(sums, "pairs");
  const mean = figure(sums, "costs") / (2 * pairs);
  const variance = (figure(sums, "squares") - 2 * pairs * mean ** 2) / (2 * pairs - 1);
  return {
    loss: figure(sums, "loss") / pairs,
    accuracy: figure(sums, "accurate") / pairs,
    accuracy_sign: figure(sums, "accurateSigns") / (2 * pairs),
    cost_mean: mean,
    cost_std: Math.sqrt(Math.max(0, variance)),
  };
}
