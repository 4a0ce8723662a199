import { expect, test } from "vitest";
import { toCostPairs, toLabelledAnswers, toRewardPairs } from "./label-columns.js";
import type { SourceRow } from "./readers.js";

const rows = (...fields: readonly Record<string, unknown>[]): SourceRow[] =>
  fields.map((each, i) => ({ file: "rows.jsonl", line: i + 1, fields: each }));
const pair = { prompt: "Hi", chosen: "Hello", rejected: "No" };

test("a pair's margin is 0 unless the row says another number", () => {
  expect(toRewardPairs(rows(pair, { ...pair, margin: 1.5 })).map(({ margin }) => margin)).toEqual([0, 1.5]);
  expect(() => toRewardPairs(rows(pair, { ...pair, margin: "1" }))).toThrow(
    'rows.jsonl:2: expected a number in "margin", got string',
  );
});

test("a cost pair says of both answers whether they are safe", () => {
  const [found] = toCostPairs(rows({ ...pair, is_chosen_safe: true, is_rejected_safe: 0 }));
  expect(found).toMatchObject({ isChosenSafe: true, isRejectedSafe: false });
  expect(() => toCostPairs(rows({ ...pair, is_chosen_safe: true }))).toThrow(
    /"is_rejected_safe", got undefined/,
  );
});

test("labels are names, indices, or true and false", () => {
  const read = (...values: readonly unknown[]) =>
    toLabelledAnswers(
      rows(...values.map((human, i) => ({ id: i, prompt: "Hi", response: "Hello", human }))),
      ["safe", "unsafe"],
      "human",
    ).map(({ label }) => label);
  expect(read("safe", "unsafe", 0, 1, false, true, "0", "1")).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  for (const value of ["Unsafe", 2, -1, 0.5, "", null, undefined, "2"])
    expect(() => read(value)).toThrow(/expected one of safe, unsafe, or its index in "human"/);
});
