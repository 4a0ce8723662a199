import { expect, test } from "vitest";
import { ConfigError } from "../../core/errors.js";
import { PythonRandom } from "./python-random.js";

// r = random.Random(seed); [r.sample(range(n), k) for n, k in …], CPython 3.11
const DRAWS = [
  [0, 6, 3, [3, 5, 0]],
  [0, 5, 5, [2, 3, 1, 4, 0]],
  [0, 21, 2, [11, 18]],
  [0, 22, 2, [6, 16]],
  [0, 2376, 6, [570, 1154, 572, 388, 1026, 2181]],
  [0, 500, 2, [361, 414]],
  [0, 100, 20, [77, 18, 39, 12, 93, 9, 87, 42, 60, 71, 45, 55, 40, 78, 81, 26, 70, 61, 56, 66]],
  [0, 3152, 1, [1066]],
  [1234, 6, 3, [3, 0, 4]],
  [1234, 5, 5, [0, 4, 2, 3, 1]],
  [1234, 21, 2, [11, 7]],
  [1234, 22, 2, [0, 11]],
  [1234, 2376, 6, [1983, 1898, 608, 373, 749, 468]],
  [1234, 500, 2, [432, 7]],
  [1234, 100, 20, [64, 62, 31, 8, 85, 69, 59, 76, 86, 11, 65, 74, 5, 34, 71, 82, 38, 61, 45, 83]],
  [1234, 3152, 1, [819]],
  [2147483653, 6, 3, [4, 3, 1]],
  [2147483653, 5, 5, [2, 0, 1, 4, 3]],
  [2147483653, 21, 2, [18, 1]],
  [2147483653, 22, 2, [17, 4]],
  [2147483653, 2376, 6, [1604, 634, 482, 974, 1359, 2305]],
  [2147483653, 500, 2, [94, 41]],
  [2147483653, 100, 20, [24, 2, 52, 1, 55, 89, 11, 90, 76, 79, 78, 28, 26, 53, 93, 54, 8, 82, 88, 57]],
  [2147483653, 3152, 1, [676]],
] as const;
const DRAW_400: readonly number[] = [1101, 1865, 1610, 1187, 2152, 1693];

test("draws as Python's random.sample does", () => {
  const generators = new Map<number, PythonRandom>();
  for (const [seed, size, count, drawn] of DRAWS) {
    const random = generators.get(seed) ?? new PythonRandom(seed);
    generators.set(seed, random);
    expect(random.sample(size, count)).toEqual(drawn);
  }
});

test("still does after its state was renewed several times", () => {
  const random = new PythonRandom(1234);
  const rows = Array.from({ length: 400 }, () => random.sample(2376, 6));
  expect(rows.at(-1)).toEqual(DRAW_400);
});

test("draws no more than there are", () => {
  expect(new PythonRandom(0).sample(3, 0)).toEqual([]);
  expect(() => new PythonRandom(0).sample(3, 4)).toThrow(ConfigError);
});
