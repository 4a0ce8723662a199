import { expect, test } from "vitest";
import type { PromptCompletion } from "../data/examples.js";
import { drawRows, fitRows, holdOut, loadFitRows, loadSelections, type SelectionRecord } from "./rows.js";

const row = (id: string, prompt: string, answer: string): PromptCompletion => ({
  id,
  prompt: [{ role: "user", content: prompt }],
  completion: [{ role: "assistant", content: answer }],
});
const numbered = (count: number) =>
  Array.from({ length: count }, (_, i) => row(`r${i}`, `Count to ${i} in words`, `Word ${i}`));
const record: SelectionRecord = {
  name: "set",
  sha256: "",
  licence: null,
  isNonCommercial: false,
  rows: 5,
  left: {
    contaminated: 1,
    repeatedPrompt: 0,
    otherPrompt: 0,
    emptyAnswer: 0,
    longAnswer: 0,
    otherAnswer: 0,
    noRefusal: 0,
  },
  fit: 4,
};

test("unfit rows are left out, each counted under one reason", () => {
  const rows = [
    row("good", "How do I pick a lock?", "I cannot help with that."),
    row("again", "how do I pick a lock", "I can't help with that."),
    row("empty", "Something else?", " "),
    row("long", "And this?", "I cannot help. ".repeat(9)),
    row("complies", "And that?", "Sure, here it is."),
    row("bench", "What is the seventh colour of the rainbow please", "I cannot help with that."),
  ];
  const benchmarks = [{ set: "b", id: "1", text: "What is the seventh colour of the rainbow please" }];
  const { fit, left } = fitRows(rows, { name: "x", maxAnswerCharacters: 60, mustRefuse: true }, benchmarks);
  expect(fit.map(({ id }) => id)).toEqual(["good"]);
  expect(left).toEqual({
    contaminated: 1,
    repeatedPrompt: 1,
    otherPrompt: 0,
    emptyAnswer: 1,
    longAnswer: 1,
    otherAnswer: 0,
    noRefusal: 1,
  });
});

test("prompts may be chosen by a pattern, whatever their case", () => {
  const rows = [row("a", "About Cats, please", "Fine."), row("b", "About dogs, please", "Fine.")];
  const { fit, left } = fitRows(rows, { name: "x", promptMatches: "\\bcats\\b" }, []);
  expect([fit.map(({ id }) => id), left.otherPrompt]).toEqual([["a"], 1]);
});

test("answers may be chosen by a pattern", () => {
  const rows = [row("a", "First", "I'm sorry, no."), row("b", "Second", "No. I'm sorry.")];
  const { fit, left } = fitRows(rows, { name: "x", answerMatches: "^i'm sorry" }, []);
  expect([fit.map(({ id }) => id), left.otherAnswer]).toEqual([["a"], 1]);
});

test("a prompt that one selection took is not in the next", async () => {
  const context = { seed: 1, benchmarks: [] };
  const [first, second] = await loadSelections(
    [{ name: "benign_alarming", promptMatches: "\\bkill" }, { name: "benign_alarming" }],
    context,
  );
  const prompts = (fit: typeof first) => fit?.fit.rows.map((each) => each.prompt[0]?.content ?? "") ?? [];
  expect(prompts(first).length).toBeGreaterThan(0);
  expect(prompts(first).every((prompt) => /kill/i.test(prompt))).toBe(true);
  expect(prompts(second).some((prompt) => /\bkill/i.test(prompt))).toBe(false);
});

test("what one selection leaves, the next may draw; its limit goes with its rows", async () => {
  const [whole, cut] = await loadSelections(
    [
      { name: "benign_groups", rows: 10 },
      { name: "benign_groups", maxCompletionLength: 8 },
    ],
    { seed: 1, benchmarks: [] },
  );
  const ids = (fit: typeof whole) => fit?.fit.rows.map(({ id }) => id) ?? [];
  expect(ids(cut)).toEqual(ids(whole).slice(10));
  expect(whole?.fit.rows[0]).not.toHaveProperty("maxCompletionLength");
  expect(cut?.fit.rows.every(({ maxCompletionLength }) => maxCompletionLength === 8)).toBe(true);
});

test("a draw takes the first rows, and more than there are is refused", () => {
  const fit = { rows: numbered(4), record };
  expect(drawRows(fit, 3).drawn.map(({ id }) => id)).toEqual(["r0", "r1", "r2"]);
  expect(drawRows(fit, 3).rest.map(({ id }) => id)).toEqual(["r3"]);
  expect(drawRows(fit, undefined).drawn).toHaveLength(4);
  expect(() => drawRows(fit, 5)).toThrow(/at most 4 rows of set, as many as are fit, got 5/);
});

test("rows are held out from each set in turn", () => {
  const draws = [
    { drawn: [], rest: numbered(5).slice(0, 3) },
    { drawn: [], rest: [row("b0", "b", "b")] },
  ];
  expect(holdOut(draws, 3).map(({ id }) => id)).toEqual(["r0", "b0", "r1"]);
  expect(holdOut([{ drawn: [], rest: [] }], 3)).toEqual([]);
});

test("no row is held out that is drawn elsewhere, none twice", () => {
  const [a, b, c] = numbered(3) as [PromptCompletion, PromptCompletion, PromptCompletion];
  const draws = [
    { drawn: [], rest: [a, b, c] },
    { drawn: [a], rest: [b, c] },
  ];
  expect(holdOut(draws, 5).map(({ id }) => id)).toEqual(["r1", "r2"]);
});

test("the order is the seed's: the same again, another under another seed", async () => {
  const load = async (seed: number) =>
    (await loadFitRows({ name: "benign_alarming" }, { seed, benchmarks: [] })).rows.map(({ id }) => id);
  const [first, again, other] = [await load(1), await load(1), await load(2)];
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
  expect([...other].sort()).toEqual([...first].sort());
  expect(first[0]).toMatch(/^benign_alarming\//);
});

test("a benchmark is refused", async () => {
  await expect(loadFitRows({ name: "I-Alpaca" }, { seed: 1, benchmarks: [] })).rejects.toThrow(/I-Alpaca/);
});
