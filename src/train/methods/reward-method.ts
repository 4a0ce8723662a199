/** @file Reward models for the loop: Bradley-Terry over pairs, metrics as TRL's RewardTrainer logs them. */
import { rewardLossValue } from "../losses/reward.js";
import {
  addSums,
  figure,
  type Metrics,
  type Sums,
  type TrainingMethod,
  type TrainingRow,
  vector,
} from "../method.js";
import type { TokenOutputs } from "../runner.js";

/** A pair: branch 1 is chosen, branch 2 rejected. */
export interface RewardRow extends TrainingRow {
  readonly margin: number;
}

/** The method of `train reward --head reward`. @param centering TRL's `center_rewards_coefficient` */
export function rewardMethod(centering: number): TrainingMethod<RewardRow> {
  return {
    name: "reward",
    inputs: (microBatch, step) => ({
      margins: vector(...microBatch.map(({ margin }) => margin)),
      normaliser: vector(step.length),
    }),
    measure: (microBatch, _packed, outputs) =>
      microBatch
        .map(({ margin }, i) => pairFigures(pairScores(outputs, i), margin, centering))
        .reduce(addSums, {}),
    summarise,
  };
}

/** Scores of the chosen and the rejected answer of pair `i`. */
export function pairScores({ scores }: TokenOutputs, i: number): readonly [number, number] {
  return [scores?.[2 * i] ?? Number.NaN, scores?.[2 * i + 1] ?? Number.NaN];
}

function pairFigures([chosen, rejected]: readonly [number, number], margin: number, centering: number): Sums {
  return {
    pairs: 1,
    loss: rewardLossValue(chosen, rejected, margin, centering),
    accurate: chosen > rejected ? 1 : 0,
    margin: chosen - rejected,
    reward: (chosen + rejected) / 2,
    minReward: Math.min(chosen, rejected),
    maxReward: Math.max(chosen, rejected),
  };
}

function summarise(sums: Sums): Metrics {
  const mean = (name: string) => figure(sums, name) / figure(sums, "pairs");
  return {
    loss: mean("loss"),
    accuracy: mean("accurate"),
    margin: mean("margin"),
    min_reward: figure(sums, "minReward"),
    mean_reward: mean("reward"),
    max_reward: figure(sums, "maxReward"),
  };
}
