import { expect, test } from "vitest";
import { cutBeforeEndOfTurn } from "./cut-answer.js";

// Four words, the end of turn, a newline.
const answer = { completionIds: [11, 12, 13, 14, 2, 9], endOfTurnIndex: 4 };

test("keeps what fits, the first words and the end of turn of what does not", () => {
  expect(cutBeforeEndOfTurn(answer, 6)).toEqual(answer.completionIds);
  expect(cutBeforeEndOfTurn(answer, 5)).toEqual([11, 12, 13, 2, 9]);
  expect(cutBeforeEndOfTurn(answer, 3)).toEqual([11, 2, 9]);
});

test("has nothing where no word is left", () => {
  for (const room of [2, 1, 0, -5]) expect(cutBeforeEndOfTurn(answer, room)).toBeNull();
});
