/** @file Splits and mixes: right sizes, the same for the same seed, and independent of what they should not depend on. */
import { expect, test } from "vitest";
import { toPromptCompletions } from "./columns.js";
import type { PromptCompletion } from "./examples.js";
import { mixSafety } from "./mixing.js";
import { seededSample, splitByPrompt } from "./splits.js";

function rows(name: string, count: number, prompt = (i: number) => `${name} ${i}`): PromptCompletion[] {
  const fields = Array.from({ length: count }, (_, i) => ({
    id: `${name}${i}`,
    prompt: prompt(i),
    completion: "a",
  }));
  return toPromptCompletions(fields.map((row, i) => ({ file: name, line: i, fields: row })));
}

const ids = (list: readonly { readonly id: string }[]) => list.map((row) => row.id);
const INSTRUCTIONS = rows("i", 900);
const SAFETY = rows("s", 300);

test("mixes a count and a share of the whole, shuffled, the same for the same seed", () => {
  const mix = mixSafety(INSTRUCTIONS, SAFETY, { count: 100 }, 1);
  expect(mix.counts).toEqual({ instructions: 900, safety: 100, safetyAvailable: 300 });
  expect(new Set(ids(mix.rows)).size).toBe(1000);
  expect(ids(mix.rows.slice(0, 900))).not.toEqual(ids(INSTRUCTIONS));
  expect(ids(mixSafety(INSTRUCTIONS, SAFETY, { count: 100 }, 1).rows)).toEqual(ids(mix.rows));
  expect(ids(mixSafety(INSTRUCTIONS, SAFETY, { count: 100 }, 2).rows)).not.toEqual(ids(mix.rows));
  const shared = mixSafety(INSTRUCTIONS, SAFETY, { share: 0.1 }, 1);
  expect(shared.counts.safety / shared.rows.length).toBeCloseTo(0.1, 10);
});

test("a larger mix contains the smaller one", () => {
  const small = mixSafety(INSTRUCTIONS, SAFETY, { count: 50 }, 3).safetyIds;
  const large = mixSafety(INSTRUCTIONS, SAFETY, { count: 200 }, 3).safetyIds;
  expect(large.slice(0, 50)).toEqual(small);
});

test("refuses more safety rows than there are, a share of all, and shared ids", () => {
  expect(() => mixSafety(INSTRUCTIONS, SAFETY, { count: 301 }, 1)).toThrow("at most 300");
  expect(() => mixSafety(INSTRUCTIONS, SAFETY, { share: 1 }, 1)).toThrow("below 1");
  expect(() => mixSafety(INSTRUCTIONS, INSTRUCTIONS, { count: 1 }, 1)).toThrow("distinct ids");
});

test("splits by prompt: no prompt on both sides, whatever its spelling and the file's order", () => {
  const all = rows("p", 200, (i) => (i % 2 === 0 ? `Question ${i >> 2}?` : `question  ${i >> 2}`));
  const { train, heldOut } = splitByPrompt(all, { heldOutShare: 0.2, seed: 5 });
  const words = (list: readonly PromptCompletion[]) =>
    new Set(list.map((row) => /\d+/.exec(row.prompt[0]?.content ?? "")?.[0]));
  expect(words(heldOut).size).toBe(10);
  expect([...words(train)].filter((word) => words(heldOut).has(word))).toEqual([]);
  expect(train.length + heldOut.length).toBe(200);
  const reversed = splitByPrompt(all.toReversed(), { heldOutShare: 0.2, seed: 5 });
  expect(new Set(ids(reversed.heldOut))).toEqual(new Set(ids(heldOut)));
  expect(() => splitByPrompt(all, { heldOutShare: 1.5, seed: 5 })).toThrow("[0, 1]");
});

test("a sample does not change when rows that are not drawn are removed", () => {
  const sample = seededSample(INSTRUCTIONS, 40, (row) => row.id, 9);
  const rest = INSTRUCTIONS.filter((row, i) => sample.includes(row) || i % 2 === 0);
  expect(ids(seededSample(rest, 40, (row) => row.id, 9))).toEqual(ids(sample));
});
