import { describe, expect, test } from "vitest";
import { type RankingRules, rankSample, selectGlobal, selectLocal } from "./ranking.js";
import type { ScoredSample } from "./sample.js";

const rules: RankingRules = { weights: [1], thresholds: [], klWeight: 0, minAnswerTokens: 2 };

function sample(
  id: string,
  index: number,
  reward: number | null,
  changes: Partial<ScoredSample> = {},
): ScoredSample {
  return {
    id,
    sample: index,
    response: "three words here",
    token_ids: [11, 12, 13, 2],
    finish_reason: "stop",
    rewards: [reward],
    unsafe: [],
    second_reward: null,
    log_ratio: null,
    ...changes,
  };
}

const ranked = (samples: readonly ScoredSample[], own: Partial<RankingRules> = {}) =>
  samples.map((each) => rankSample(each, { ...rules, ...own }));
const names = (selected: ReturnType<typeof selectLocal>) =>
  selected.map(({ sample: { id, sample: index } }) => `${id}${index}`);
const loop = Array.from({ length: 40 }, (_, i) => 20 + (i % 2));

describe("local ranking", () => {
  test("takes the best of every prompt, of equal ones the first", () => {
    const samples = [
      sample("a", 0, 1),
      sample("a", 1, 3),
      sample("a", 2, 3),
      sample("b", 0, -5),
      sample("b", 1, -6),
    ];
    expect(names(selectLocal(ranked(samples)))).toEqual(["a1", "b0"]);
  });

  test("takes none of a prompt whose samples are all vetoed, and none that reaches the threshold", () => {
    const samples = [
      sample("a", 0, 9, { unsafe: [0.5] }),
      sample("a", 1, 1, { unsafe: [0.49] }),
      sample("b", 0, 9, { unsafe: [0.9] }),
      sample("b", 1, 8, { unsafe: [1] }),
    ];
    const all = ranked(samples, { thresholds: [0.5] });
    expect(names(selectLocal(all))).toEqual(["a1"]);
    expect(all.map(({ rejection }) => rejection)).toEqual(["vetoed", null, "vetoed", "vetoed"]);
  });

  test("never selects what has no score, of a reward model or of a veto", () => {
    const samples = [
      sample("a", 0, null),
      sample("a", 1, 0, { unsafe: [null] }),
      sample("b", 0, 2, { rewards: [2, null], unsafe: [0] }),
      sample("c", 0, 2, { rewards: [2, 1], unsafe: [0] }),
    ];
    const all = ranked(samples, { thresholds: [0.5], weights: [1, 1] });
    expect(all.map(({ rejection }) => rejection)).toEqual(["not scored", "not scored", "not scored", null]);
    expect(all.map(({ reward }) => reward)).toEqual([null, null, null, 3]);
    expect(names(selectLocal(all))).toEqual(["c0"]);
  });

  test("weighs reward models", () => {
    const samples = [sample("a", 0, 0, { rewards: [3, 0] }), sample("a", 1, 0, { rewards: [0, 2] })];
    expect(names(selectLocal(ranked(samples, { weights: [1, 1] })))).toEqual(["a0"]);
    expect(names(selectLocal(ranked(samples, { weights: [1, 2] })))).toEqual(["a1"]);
    expect(names(selectLocal(ranked(samples, { weights: [-1, 0] })))).toEqual(["a1"]);
  });

  test("ranks by r − beta · log ratio, and keeps the reward as it was", () => {
    const samples = [sample("a", 0, 2, { log_ratio: 10 }), sample("a", 1, 1, { log_ratio: -5 })];
    expect(names(selectLocal(ranked(samples, { klWeight: 0.05 })))).toEqual(["a0"]);
    const [selected] = selectLocal(ranked(samples, { klWeight: 0.1 }));
    expect(selected).toMatchObject({ sample: { sample: 1 }, reward: 1, key: 1.5 });
    expect(ranked([sample("a", 0, 2)], { klWeight: 0.1 })[0]?.rejection).toBe("not scored");
  });

  test("filters answers that are short, empty, repeated or cut off, whatever their reward", () => {
    const samples = [
      sample("a", 0, 9, { token_ids: [11, 2] }),
      sample("a", 1, 9, { response: " \n" }),
      sample("a", 2, 9, { token_ids: [...loop, 2] }),
      sample("a", 3, 9, { finish_reason: "length" }),
      sample("a", 4, -9),
      sample("b", 0, 9, { token_ids: [11, 12], finish_reason: "length" }),
    ];
    const all = ranked(samples);
    expect(all.map(({ rejection }) => rejection)).toEqual([
      "too short",
      "too short",
      "repeated",
      "cut off",
      null,
      "cut off",
    ]);
    expect(names(selectLocal(all))).toEqual(["a4"]);
  });
});

describe("global ranking", () => {
  test("takes the best of the whole batch, ties by place, in the batch's order", () => {
    const samples = [1, 5, 3, 5, 3, 0].map((reward, i) => sample(`p${i}-`, 0, reward));
    expect(names(selectGlobal(ranked(samples), 3))).toEqual(["p1-0", "p2-0", "p3-0"]);
    expect(names(selectGlobal(ranked(samples), 1))).toEqual(["p1-0"]);
  });

  test("takes fewer where fewer are eligible", () => {
    const samples = [sample("a", 0, 1), sample("b", 0, null), sample("c", 0, 7, { finish_reason: "length" })];
    expect(names(selectGlobal(ranked(samples), 2))).toEqual(["a0"]);
  });
});
