import { describe, expect, test } from "vitest";
import { ConfigError } from "../../core/errors.js";
import { DropCounter } from "../preparation-report.js";
import { promptsOfStage, requirePrompts, splitHeldOut, usablePrompts } from "./prompts.js";

const prompts = Array.from({ length: 7 }, (_, i) => ({ id: `p${i}`, messages: [], promptIds: [i] }));
const ids = (stage: number, count = 3, seed = 1) =>
  promptsOfStage(prompts, count, stage, seed).map(({ id }) => id);

describe("the prompts of a stage", () => {
  test("are a function of seed and stage, none twice until all that fit were used", () => {
    expect(ids(2)).toEqual(ids(2));
    expect(new Set([...ids(1), ...ids(2)]).size).toBe(6);
    for (let stage = 1; stage <= 20; stage++) expect(new Set(ids(stage)).size).toBe(3);
    expect([3, 4, 5].map((stage) => ids(stage).join())).not.toEqual(
      [1, 2, 3].map((stage) => ids(stage).join()),
    );
    expect(ids(1, 7, 1)).not.toEqual(ids(1, 7, 2));
    expect(() => requirePrompts(prompts, 7)).not.toThrow();
    expect(() => requirePrompts(prompts, 8)).toThrow(ConfigError);
  });
});

test("held-out prompts are never among the rest", () => {
  const { heldOut, rest } = splitHeldOut(prompts, 2, 4);
  expect(heldOut).toHaveLength(2);
  expect([...heldOut, ...rest].map(({ id }) => id).sort()).toEqual(prompts.map(({ id }) => id));
  expect(splitHeldOut(prompts, 0, 4)).toEqual({ heldOut: [], rest: prompts });
});

test("prompts that are too long or excluded are counted", () => {
  const counter = new DropCounter(3);
  const rows = ["a", "bbbb", "cc"].map((content) => ({
    id: content,
    messages: [{ role: "user" as const, content }],
  }));
  const usable = usablePrompts(
    rows,
    {
      encoder: { encodePrompt: ([message]) => [...(message?.content ?? "")].map(() => 5) },
      maxPromptTokens: 3,
      excluded: new Map([["a", "prompt of an evaluation set"]]),
    },
    counter,
  );
  expect(usable.map(({ id, promptIds }) => [id, promptIds])).toEqual([["cc", [5, 5]]]);
  expect(counter.report([]).dropped).toEqual({
    "prompt of an evaluation set": { count: 1, ids: ["a"] },
    "prompt fills the length limit": { count: 1, ids: ["bbbb"] },
  });
});
