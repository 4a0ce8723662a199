import fc from "fast-check";
import { expect, test } from "vitest";
import { findLoop } from "./loops.js";

const repeat = (gram: readonly number[], copies: number): number[] => Array(copies).fill(gram).flat();

test("finds 32 equal tokens and not 31", () => {
  expect(findLoop(repeat([7], 32))).toEqual({ start: 0, period: 1, copies: 32 });
  expect(findLoop(repeat([7], 31))).toBeUndefined();
});

test("wants four copies of a long n-gram and enough copies of a short one", () => {
  const nine = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  expect(findLoop(repeat(nine, 4))).toEqual({ start: 0, period: 9, copies: 4 });
  expect(findLoop(repeat(nine, 3))).toBeUndefined();
  // seven copies of five tokens cover 35; six cover 30, and two tokens more complete no copy
  expect(findLoop([0, ...repeat([1, 2, 3, 4, 5], 7)])).toEqual({ start: 1, period: 5, copies: 7 });
  expect(findLoop([...repeat([1, 2, 3, 4, 5], 6), 1, 2])).toBeUndefined();
});

test("stops at an n-gram of 16 tokens", () => {
  const gram = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  expect(findLoop(repeat(gram(16), 4))?.period).toBe(16);
  expect(findLoop(repeat(gram(17), 4))).toBeUndefined();
});

test("does not take a list with changing items for a loop", () => {
  const list = Array.from({ length: 20 }, (_, i) => [1, 2, 3, 100 + i]).flat();
  expect(findLoop(list)).toBeUndefined();
  expect(findLoop([])).toBeUndefined();
});

test("agrees with the definition written out, on short alphabets", () => {
  const tokens = fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 120 });
  const planted = fc
    .tuple(
      tokens,
      fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 18 }),
      fc.nat(12),
      tokens,
    )
    .map(([before, gram, copies, after]) => [
      ...before.slice(0, 20),
      ...repeat(gram, copies),
      ...after.slice(0, 20),
    ]);
  fc.assert(
    fc.property(fc.oneof(tokens, planted), (ids) => {
      expect(findLoop(ids) !== undefined).toBe(hasLoopByDefinition(ids));
    }),
    { numRuns: 300 },
  );
});

function hasLoopByDefinition(ids: readonly number[]): boolean {
  for (let period = 1; period <= 16; period++) {
    const copies = Math.max(4, Math.ceil(32 / period));
    for (let start = 0; start + copies * period <= ids.length; start++) {
      const gram = ids.slice(start, start + period);
      const wanted = repeat(gram, copies);
      if (wanted.every((id, i) => id === ids[start + i])) return true;
    }
  }
  return false;
}
