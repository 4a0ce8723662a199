/** @file Columns: every format that the field uses gives the same typed rows; what is missing or odd is refused. */
import { expect, test } from "vitest";
import { promptTemplate } from "../text/template.js";
import {
  alpacaPrompt,
  toCheckedRows,
  toPreferencePairs,
  toPromptCompletions,
  toPromptResponses,
  toPromptRows,
  userTurns,
} from "./columns.js";
import type { SourceRow } from "./readers.js";

function row(fields: Record<string, unknown>, line = 1): SourceRow {
  return { file: "data/x.jsonl", line, fields };
}

function user(content: string) {
  return { role: "user", content };
}

function assistant(content: string) {
  return { role: "assistant", content };
}

test("takes prompt-completion rows in all their spellings", () => {
  const expected = { id: "1", prompt: [user("Hi")], completion: [assistant("Hello")] };
  const spellings = [
    { id: "1", prompt: "Hi", completion: "Hello" },
    { id: 1, prompt: "Hi", response: "Hello" },
    { id: "1", prompt: [user("Hi")], output: "Hello" },
    { id: "1", prompt: [user("Hi")], completion: [assistant("Hello")] },
    { id: "1", instruction: "Hi", input: "", output: "Hello" },
    { id: "1", instruction: "Hi", input: null, output: "Hello" },
    { id: "1", messages: [user("Hi"), assistant("Hello")] },
  ];
  for (const fields of spellings) expect(toPromptCompletions([row(fields)])).toEqual([expected]);
});

test("takes the number of tokens after which a row's answer is cut", () => {
  const fields = { id: "1", prompt: "Hi", completion: "Hello", max_completion_length: 8 };
  expect(toPromptCompletions([row(fields)])[0]?.maxCompletionLength).toBe(8);
  expect(toPromptCompletions([row({ ...fields, max_completion_length: null })])[0]).not.toHaveProperty(
    "maxCompletionLength",
  );
  for (const wrong of [0, 1.5, "8"])
    expect(() => toPromptCompletions([row({ ...fields, max_completion_length: wrong })])).toThrow(
      "max_completion_length",
    );
});

test("joins Alpaca's instruction and input with a blank line", () => {
  expect(alpacaPrompt("Sort these.", "3 1 2")).toBe("Sort these.\n\n3 1 2");
  expect(alpacaPrompt("Say hi.", " ")).toBe("Say hi.");
  const [example] = toPromptRows([row({ instruction: "Sort these.", input: "3 1 2" })]);
  expect(example).toEqual({ id: "x.jsonl:1", messages: [user("Sort these.\n\n3 1 2")] });
});

test("leaves an instruction and an input that are two user messages to Alpaca's template", () => {
  const prompt = [user("Sort these."), user("3 1 2")];
  const [example] = toPromptCompletions([row({ prompt, completion: "1 2 3" })]);
  const template = promptTemplate("alpaca", { chatTemplate: null, config: {} });
  expect(template.renderPrompt(example?.prompt ?? [])).toContain(
    "### Instruction:\nSort these.\n\n### Input:\n3 1 2",
  );
});

test("takes only the last turn of a conversation as the completion", () => {
  const messages = [{ role: "system", content: "S" }, user("a"), assistant("b"), user("c"), assistant("d")];
  const [example] = toPromptCompletions([row({ messages })]);
  expect(example?.prompt).toEqual(messages.slice(0, 4));
  expect(example?.completion).toEqual([assistant("d")]);
});

test("takes pairs with an explicit prompt, as text or messages", () => {
  const expected = { id: "p", prompt: [user("Q")], chosen: [assistant("A")], rejected: [assistant("B")] };
  const spellings = [
    { id: "p", prompt: "Q", chosen: "A", rejected: "B" },
    { id: "p", prompt: [user("Q")], chosen: [assistant("A")], rejected: [assistant("B")] },
    { id: "p", instruction: "Q", chosen: "A", rejected: "B" },
    { id: "p", chosen: [user("Q"), assistant("A")], rejected: [user("Q"), assistant("B")] },
  ];
  for (const fields of spellings) expect(toPreferencePairs([row(fields)])).toEqual([expected]);
});

test("finds an implicit prompt of several turns, and keeps an identical pair to be dropped later", () => {
  const shared = [user("a"), assistant("b"), user("c")];
  const chosen = [...shared, assistant("d")];
  const [pair] = toPreferencePairs([row({ chosen, rejected: [...shared, assistant("e")] })]);
  expect(pair?.prompt).toEqual(shared);
  const [same] = toPreferencePairs([row({ chosen, rejected: chosen })]);
  expect(same?.chosen).toEqual(same?.rejected);
});

test("passes empty answers on, since dropping them is counted elsewhere", () => {
  expect(toPreferencePairs([row({ prompt: "Q", chosen: "A", rejected: "" })])[0]?.rejected).toEqual([
    assistant(""),
  ]);
});

test("takes an answer to be scored from a row of messages and response", () => {
  const [scored] = toPromptResponses([row({ messages: [user("Q")], response: "A" })]);
  expect(scored).toEqual({ id: "x.jsonl:1", messages: [user("Q")], response: "A" });
});

test("gives all user turns of any format for checking", () => {
  const messages = [user("one"), assistant("no"), user("two"), assistant("no")];
  const rows = [{ messages }, { chosen: messages, rejected: [...messages.slice(0, 3), assistant("x")] }];
  for (const fields of rows) expect(toCheckedRows([row(fields)])[0]?.texts).toEqual(["one", "two"]);
  expect(userTurns([{ role: "system", content: "s" }])).toEqual([]);
});

test.each([
  [
    toPromptCompletions,
    { prompt: "Q", text: "A" },
    "an answer in completion, response or output, got the columns prompt, text",
  ],
  [toPromptRows, { text: "Q" }, "a prompt in prompt, messages or instruction, got the columns text"],
  [toPreferencePairs, { prompt: "Q", chosen: "A" }, "chosen and rejected, got the columns prompt, chosen"],
  [toPreferencePairs, { chosen: "A", rejected: "B" }, "only lists of messages may contain it"],
  [
    toPreferencePairs,
    { chosen: [user("x"), assistant("a")], rejected: [user("y"), assistant("b")] },
    "share a beginning",
  ],
  [toPromptRows, { prompt: "" }, "got empty text"],
  [toPromptRows, { prompt: 5 }, 'text or a list of messages in "prompt", got a number'],
  [toPromptRows, { prompt: [] }, "got a list of 0"],
  [toPromptRows, { prompt: [user("a"), assistant("b")] }, "end with a user message, got user, assistant"],
  [toPromptRows, { prompt: [{ role: "human", content: "a" }] }, '"prompt[0]"'],
  [toPromptRows, { prompt: [{ from: "human", value: "a" }] }, "got {from, value}"],
  [toPromptRows, { id: {}, prompt: "a" }, 'text or a number in "id"'],
  [toPromptRows, { instruction: "a", input: 3 }, 'text in "input", got a number'],
  [toPromptCompletions, { messages: [user("a")] }, "end with a user and an assistant message"],
  [toPromptCompletions, { prompt: "Q", completion: [user("a")] }, "begin and end with an assistant message"],
  [
    toPromptResponses,
    { prompt: "Q", response: [assistant("a"), user("b"), assistant("c")] },
    "got 3 messages",
  ],
])("names place and fault (%#)", (convert, fields, message) => {
  expect(() => convert([row(fields, 7)])).toThrow(message);
  expect(() => convert([row(fields, 7)])).toThrow("data/x.jsonl:7: expected ");
});

test("refuses two rows of one id", () => {
  const rows = [row({ id: "a", prompt: "x" }, 1), row({ id: "a", prompt: "y" }, 2)];
  expect(() => toPromptRows(rows)).toThrow("data/x.jsonl:2: expected an id of its own, got that of line 1");
});
