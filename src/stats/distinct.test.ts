import { describe, expect, test } from "vitest";
import { distinctN } from "./distinct.js";

describe("distinctN", () => {
  test("counts n-grams over the whole set, by hand", () => {
    const set = [
      [1, 2, 1],
      [1, 2, 3],
    ];
    expect(distinctN(set, 1)).toBe(3 / 6);
    expect(distinctN(set, 2)).toBe(3 / 4);
    expect(distinctN(set, 3)).toBe(1);
  });

  test("does not join n-grams across sequences, nor words with their neighbours", () => {
    expect(distinctN([["a"], ["b"]], 2)).toBeNaN();
    expect(
      distinctN(
        [
          ["a b", "c"],
          ["a", "b c"],
        ],
        2,
      ),
    ).toBe(1);
    expect(distinctN([], 1)).toBeNaN();
  });
});
