import { expect, test } from "vitest";
import { OpenAnswers } from "./open-answers.js";

test("counts open answers by their tokens, and finished ones no more", () => {
  const open = new OpenAnswers(10);
  const [a, b] = [
    { id: "a", sample: 0 },
    { id: "a", sample: 1 },
  ];
  for (let i = 0; i < 4; i++) for (const answer of [a, b]) open.drawn(answer);
  expect(open.share).toBeCloseTo(0.8);
  open.finished(a);
  expect(open.share).toBeCloseTo(0.4);
  for (let i = 0; i < 6; i++) open.drawn(b);
  expect(open.share).toBe(1);
  open.finished(b);
  open.finished({ id: "never begun", sample: 0 });
  expect(open.share).toBe(0);
});
