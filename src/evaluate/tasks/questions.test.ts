import { expect, test } from "vitest";
import { ConfigError, DatasetError } from "../../core/errors.js";
import { effectiveFewShot, toQuestions } from "./questions.js";
import { taskNamed } from "./suites.js";
import type { Fields, MultipleChoice } from "./task.js";

function choiceTask(name: string): MultipleChoice {
  const { multipleChoice } = taskNamed(name);
  if (multipleChoice === undefined) throw new TypeError(name);
  return multipleChoice;
}

const row = (id: string, more: Fields = {}): Fields => ({
  id,
  question: `What is ${id}?`,
  choices: ["this", "that"],
  answer: 1,
  ...more,
});
const set = Array.from({ length: 40 }, (_, i) => row(`q-${i}`));

test("draws worked examples from the other questions of the set, never the question itself", () => {
  const questions = toQuestions(choiceTask("arc-easy"), set, 3, []);
  questions.forEach(({ context }, i) => {
    const asked = context.split("\n\n").map((part) => part.split("\n")[0]?.slice("Question: ".length));
    expect(asked).toHaveLength(4);
    expect(asked.at(-1)).toBe(`What is q-${i}?`);
    expect(new Set(asked).size).toBe(4);
    expect(
      context
        .split("\n\n")
        .slice(0, 3)
        .every((part) => part.endsWith("\nAnswer: that")),
    ).toBe(true);
  });
  expect(new Set(questions.map(({ context }) => context.split("\n\n")[0])).size).toBeGreaterThan(15);
});

test("takes MMLU's first examples of the same subject, under its description", () => {
  const four = { choices: ["w", "x", "y", "z"] };
  const rows = [row("a", { subject: "world_religions", ...four })];
  const pool = ["law", "world_religions", "law", "world_religions"].map((subject, i) =>
    row(`dev-${i}`, { subject, ...four }),
  );
  const [question] = toQuestions(choiceTask("mmlu-sample"), rows, 1, pool);
  expect(question).toEqual({
    context:
      "The following are multiple choice questions (with answers) about world religions.\n\n" +
      "What is dev-1?\nA. w\nB. x\nC. y\nD. z\nAnswer: B\n\n" +
      "What is a?\nA. w\nB. x\nC. y\nD. z\nAnswer:",
    choices: ["A", "B", "C", "D"],
    gold: 1,
  });
  expect(() => toQuestions(choiceTask("mmlu-sample"), rows, 3, pool)).toThrow(/at most 2 worked examples/);
});

test("has no worked examples for TruthfulQA, whose six are part of the prompt", () => {
  const task = choiceTask("truthfulqa-mc1");
  expect(effectiveFewShot(task, 5)).toBe(0);
  expect(toQuestions(task, [row("a")], 5, [])[0]?.context.match(/^Q: /gm)).toHaveLength(7);
});

test("puts one question mark after a question of BoolQ, and leaves out rows without a passage", () => {
  const [question] = toQuestions(choiceTask("boolq"), [row("a", { passage: "Text." })], 0, []);
  expect(question?.context).toBe("Text.\nQuestion: What is a?\nAnswer:");
  expect(question?.choices).toEqual(["no", "yes"]);
  const { includes } = taskNamed("boolq");
  const isAsked = (passage: unknown): boolean | undefined =>
    includes?.({ file: "f", line: 1, fields: row("a", { passage }) });
  expect([isAsked("Text."), isAsked(null)]).toEqual([true, false]);
});

test("refuses what is no question, by its id", () => {
  const asked = (more: Fields): unknown => toQuestions(choiceTask("openbookqa"), [row("q-7", more)], 0, []);
  expect(() => asked({ question: " \n" })).toThrow(/q-7: expected a question/);
  expect(() => asked({ choices: ["one"] })).toThrow(/q-7: expected at least two choices, got 1/);
  expect(() => asked({ choices: "ab" })).toThrow(DatasetError);
  expect(() => asked({ answer: 2 })).toThrow(/q-7: expected a place from 0 to 1 in answer, got 2/);
  expect(() => asked({ answer: "1" })).toThrow(/got string/);
  expect(() => toQuestions(choiceTask("arc-easy"), set, 40, [])).toThrow(ConfigError);
});
