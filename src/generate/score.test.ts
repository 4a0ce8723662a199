import { expect, test } from "vitest";
import { packTightly } from "./score.js";

const segment = (id: string, promptLength: number, first: number) => ({
  id,
  prompt: Array.from({ length: promptLength }, (_, i) => (i === 0 ? first : 9)),
  branches: [[1], [2]],
});

test("packs segments that fit a row once into rows of their length, and short ones side by side", () => {
  const alone = packTightly(Array.from({ length: 5 }, (_, i) => segment(`${i}`, 160, i)));
  expect([alone.rows, alone.length]).toEqual([5, 160]);
  const uneven = [150, 120, 110, 40].map((length, i) => segment(`${i}`, length, i));
  const mixed = packTightly(uneven);
  expect([mixed.rows * mixed.length, mixed.filled]).toEqual([3 * 150, 420]);
  expect(mixed.sequences).toBe(8);
});
