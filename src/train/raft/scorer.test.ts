import { expect, test } from "vitest";
import { unsafeProbability } from "./scorer.js";

test("P(unsafe) is the softmax of a class head's scores, wherever the label stands", () => {
  expect(unsafeProbability(["safe", "unsafe"], [0, Math.log(3)])).toBeCloseTo(0.75, 12);
  expect(unsafeProbability(["unsafe", "safe"], [Math.log(3), 0])).toBeCloseTo(0.75, 12);
  expect(unsafeProbability(["safe", "unsafe", "unclear"], [1, 1, 1])).toBeCloseTo(1 / 3, 12);
  expect(unsafeProbability(["unsafe"], [Math.log(3)])).toBeCloseTo(0.75, 12);
});

test("P(unsafe) is no number where a score is none, and does not overflow", () => {
  expect(unsafeProbability(["safe", "unsafe"], [Number.NaN, 5])).toBeNaN();
  expect(unsafeProbability(["safe", "unsafe"], [0])).toBeNaN();
  expect(unsafeProbability(["safe", "unsafe"], [1000, -1000])).toBe(0);
  expect(unsafeProbability(["safe", "unsafe"], [-1000, 1000])).toBe(1);
});
