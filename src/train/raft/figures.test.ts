import { expect, test } from "vitest";
import { heldOutFigures, stageFigures } from "./figures.js";
import { rankSample, selectLocal } from "./ranking.js";
import type { ScoredSample } from "./sample.js";
import { stageWarnings } from "./warnings.js";

const rules = { weights: [1], thresholds: [0.5], klWeight: 0, minAnswerTokens: 1 };

function sample(
  id: string,
  index: number,
  reward: number | null,
  tokens: number[],
  changes: Partial<ScoredSample> = {},
): ScoredSample {
  return {
    id,
    sample: index,
    response: tokens.map((token) => `w${token}`).join(" "),
    token_ids: [...tokens, 2],
    finish_reason: "stop",
    rewards: [reward],
    unsafe: [0],
    second_reward: null,
    log_ratio: null,
    ...changes,
  };
}

test("the figures of a stage, by hand", () => {
  const ranked = [
    sample("a", 0, 1, [5, 6], { log_ratio: 0.5 }),
    sample("a", 1, 3, [5, 7, 8]),
    sample("b", 0, 9, [5], { unsafe: [0.5], log_ratio: 1.5 }),
    sample("b", 1, 2, [6, 5], { finish_reason: "length", token_ids: [6, 5] }),
    sample("c", 0, null, [5], { log_ratio: -0.5 }),
    sample("c", 1, 0, [9]),
  ].map((each) => rankSample(each, rules));
  expect(stageFigures(ranked, selectLocal(ranked))).toEqual({
    "reward/all": 3,
    "reward/eligible": (2 + 0) / 2,
    "reward/selected": 1.5,
    kl: 0.5,
    "samples/drawn": 6,
    "samples/selected": 2,
    "samples/vetoed": 1 / 6,
    "samples/filtered": 1 / 6,
    "samples/not_scored": 1 / 6,
    // 5 6 | 5 7 8 | 5 | 6 5 | 5 | 9
    "distinct_1/all": 5 / 10,
    "distinct_2/all": 1,
    "length/all": (2 + 3 + 1 + 2 + 1 + 1) / 6,
    "distinct_1/selected": 1,
    "distinct_2/selected": 1,
    "length/selected": 2,
  });
});

test("held-out answers are compared with the start's on the prompts that have both", () => {
  const start = [sample("a", 0, 1, [5]), sample("b", 0, 2, [5]), sample("c", 0, null, [5])];
  const now = [sample("b", 0, 5, [5]), sample("a", 0, 2, [5]), sample("c", 0, 9, [5], { unsafe: [0.7] })];
  const figures = heldOutFigures(now, start, rules);
  expect(figures).toMatchObject({
    "held_out/reward": 16 / 3,
    "held_out/gain": 2,
    "held_out/answers": 3,
    "held_out/vetoed": 1 / 3,
    "held_out/not_scored": 0,
  });
  // Two differences, 1 and 3: 2 ± t(1) · 1.
  expect(figures["held_out/gain_low"]).toBeCloseTo(2 - 12.7062, 3);
  expect(figures).not.toHaveProperty("held_out/second_reward");
});

test("warnings come from what changed since the first stage", () => {
  const first = { global_step: 4, "distinct_2/all": 0.4, "length/selected": 20 };
  expect(stageWarnings(first, { ...first, "distinct_2/all": 0.29, "length/selected": 29 })).toEqual([]);
  expect(stageWarnings(first, { ...first, "distinct_2/all": 0.27 })[0]).toMatch(/distinct-2 .* 68 %/);
  expect(stageWarnings(first, { ...first, "length/selected": 31 })[0]).toMatch(/1.55 times as long/);
  expect(stageWarnings(first, { ...first, "length/selected": 13 })[0]).toMatch(/0.65 times as long/);
  const risen = { ...first, "held_out/gain_low": 0.1, "held_out/second_gain_high": -0.1 };
  expect(stageWarnings(first, risen)[0]).toMatch(/over-optimised/);
});
