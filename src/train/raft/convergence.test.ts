import { describe, expect, test } from "vitest";
import { bestStage, hasConverged } from "./convergence.js";

describe("early stop", () => {
  test("comes after three stages without a new best", () => {
    expect(hasConverged([0, 1, 0.9, 0.8], 3)).toBe(false);
    expect(hasConverged([0, 1, 0.9, 0.8, 1], 3)).toBe(true);
    expect(hasConverged([0, 1, 0.9, 0.8, 1.01], 3)).toBe(false);
    expect(hasConverged([5, 1, 2, 3], 3)).toBe(true);
  });

  test("keeps the first of equal stages, and never one without a number", () => {
    expect(bestStage([0, 2, 1, 2])).toBe(1);
    expect(bestStage([null, -3, null])).toBe(1);
    expect(bestStage([null, null])).toBe(-1);
    expect(hasConverged([null, null, null, null, null], 3)).toBe(false);
  });
});
