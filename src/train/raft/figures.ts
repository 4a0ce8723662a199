/**
 * @file The figures of a stage: what the samples were worth, what was selected, what was not and why, and the diversity
 * and length that fall or grow when a reward model is over-optimised. A figure of nothing is left out.
 */
import { distinct } from "../../stats/distinct.js";
import { type Estimate, mean, meanInterval } from "../../stats/intervals.js";
import { pairedDifference } from "../../stats/paired.js";
import type { Metrics } from "../method.js";
import { answerTokens, type RankedSample, type RankingRules, weightedReward } from "./ranking.js";
import type { ScoredSample } from "./sample.js";

/** Figures of what was drawn in a stage and of what was selected of it. */
export function stageFigures(samples: readonly RankedSample[], selected: readonly RankedSample[]): Metrics {
  const drawn = samples.map(({ sample }) => sample);
  const taken = selected.map(({ sample }) => sample);
  const share = (reasons: readonly RankedSample["rejection"][]) =>
    samples.filter(({ rejection }) => reasons.includes(rejection)).length / samples.length;
  return onlyNumbers({
    "reward/all": mean(numbers(samples.map(({ reward }) => reward))),
    "reward/eligible": eligibleReward(samples),
    "reward/selected": mean(numbers(selected.map(({ reward }) => reward))),
    kl: mean(numbers(drawn.map(({ log_ratio }) => log_ratio))),
    "samples/drawn": samples.length,
    "samples/selected": selected.length,
    "samples/vetoed": share(["vetoed"]),
    "samples/filtered": share(["too short", "repeated", "cut off"]),
    "samples/not_scored": share(["not scored"]),
    ...textFigures("all", drawn),
    ...textFigures("selected", taken),
  });
}

/** Figures of held-out answers now, and their change since the start on the same prompts. */
export function heldOutFigures(
  now: readonly ScoredSample[],
  start: readonly ScoredSample[],
  rules: Pick<RankingRules, "weights" | "thresholds">,
): Metrics {
  const reward = (sample: ScoredSample) => weightedReward(sample, rules);
  const second = (sample: ScoredSample) => sample.second_reward;
  const isVetoed = ({ unsafe }: ScoredSample) => rules.thresholds.some((t, i) => (unsafe[i] ?? -1) >= t);
  return onlyNumbers({
    ...estimated("held_out/reward", meanInterval(numbers(now.map(reward)))),
    ...estimated("held_out/gain", gain(now, start, reward)),
    ...estimated("held_out/second_reward", meanInterval(numbers(now.map(second)))),
    ...estimated("held_out/second_gain", gain(now, start, second)),
    "held_out/answers": now.length,
    "held_out/not_scored": now.filter((sample) => reward(sample) === null).length / now.length,
    "held_out/vetoed": now.filter(isVetoed).length / now.length,
    "held_out/cut_off": now.filter(({ finish_reason }) => finish_reason !== "stop").length / now.length,
    "held_out/kl": mean(numbers(now.map(({ log_ratio }) => log_ratio))),
    ...textFigures("held_out", now),
  });
}

/** Mean over prompts of the mean reward of their eligible samples: what the selected are the best of. */
function eligibleReward(samples: readonly RankedSample[]): number {
  const byPrompt = new Map<string, number[]>();
  for (const { sample, reward, rejection } of samples) {
    if (rejection !== null || reward === null) continue;
    byPrompt.set(sample.id, [...(byPrompt.get(sample.id) ?? []), reward]);
  }
  return mean([...byPrompt.values()].map((rewards) => mean(rewards)));
}

function textFigures(of: string, samples: readonly ScoredSample[]): Record<string, number> {
  const answers = samples.map(({ response }) => response);
  return {
    [`distinct_1/${of}`]: distinct(answers, 1),
    [`distinct_2/${of}`]: distinct(answers, 2),
    [`length/${of}`]: mean(samples.map(answerTokens)),
  };
}

function gain(
  now: readonly ScoredSample[],
  start: readonly ScoredSample[],
  measure: (sample: ScoredSample) => number | null,
): Estimate {
  const before = new Map(start.map((sample) => [sample.id, measure(sample)]));
  const pairs = now.flatMap((sample) => {
    const [first, second] = [before.get(sample.id) ?? null, measure(sample)];
    return first === null || second === null ? [] : [{ first, second }];
  });
  return pairedDifference(
    pairs.map(({ first }) => first),
    pairs.map(({ second }) => second),
  );
}

function estimated(name: string, { value, low, high }: Estimate): Record<string, number> {
  return { [name]: value, [`${name}_low`]: low, [`${name}_high`]: high };
}

function numbers(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

function onlyNumbers(figures: Readonly<Record<string, number>>): Metrics {
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => Number.isFinite(value)));
}
