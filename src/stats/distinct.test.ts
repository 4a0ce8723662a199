import { expect, test } from "vitest";
import { distinct } from "./distinct.js";

test("counts n-grams over the whole set, by hand, and none across answers", () => {
  const answers = ["one two one", "one two  three"];
  expect(distinct(answers, 1)).toBe(3 / 6);
  expect(distinct(answers, 2)).toBe(3 / 4);
  expect(distinct(answers, 3)).toBe(1);
  expect(distinct(["a", "b"], 2)).toBeNaN();
  expect(distinct([], 1)).toBeNaN();
});
