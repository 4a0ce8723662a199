import { describe, expect, test } from "vitest";
import { DatasetError, TrainingError } from "../core/errors.js";
import type { Message } from "../text/messages.js";
import { certifiedRows } from "./certificate.js";
import { type ExampleEncoder, prepareCompletions, preparePairs } from "./prepare.js";

const STOP = 1;
const NEWLINE = 2;

/** One token a letter, then the end of turn and its newline, as ChatML has it. */
const encoder: ExampleEncoder = {
  encodeExample(prompt, completion) {
    const letters = (messages: readonly Message[]) =>
      messages.flatMap(({ content }) => Array.from(content, (c) => c.charCodeAt(0)));
    const answer = letters(completion);
    return {
      promptIds: letters(prompt),
      completionIds: [...answer, STOP, NEWLINE],
      endOfTurnIndex: answer.length,
    };
  },
};
const options = { maxLength: 10, stopTokenIds: [STOP] };
const user = (content: string): Message[] => [{ role: "user", content }];
const assistant = (content: string): Message[] => [{ role: "assistant", content }];
const row = (id: string, prompt: string, completion: string) => ({
  id,
  prompt: user(prompt),
  completion: assistant(completion),
});
const pair = (id: string, prompt: string, chosen: string, rejected: string) => ({
  id,
  prompt: user(prompt),
  chosen: assistant(chosen),
  rejected: assistant(rejected),
});

describe("prepareCompletions", () => {
  test("keeps a row whole and trains its stop token", () => {
    const { rows, report } = prepareCompletions([row("a", "hi", "yo")], encoder, options);
    expect(rows).toEqual([
      { id: "a", segment: { id: "a", prompt: [104, 105], branches: [[121, 111, STOP, NEWLINE]] } },
    ]);
    expect(report.tokens).toEqual({ total: 6, withLoss: 4, longestSequence: 6 });
    expect(report.stopToken).toEqual({ trained: 1, lost: 0, uncutWithout: 0 });
  });

  test("cuts to the first maxLength tokens and counts the lost stop token", () => {
    const { rows, report } = prepareCompletions(
      [row("a", "hi", "abcdefghij"), row("b", "x", "y")],
      encoder,
      options,
    );
    expect(rows[0]?.segment.branches[0]).toHaveLength(8);
    expect(report.cut).toEqual({ count: 1, ids: ["a"] });
    expect(report.stopToken).toEqual({ trained: 1, lost: 1, uncutWithout: 0 });
  });

  test("cuts answers at maxCompletionLength, whatever the policy for long rows", () => {
    const { rows, report } = prepareCompletions([row("a", "hi", "abcdefghij"), row("b", "x", "y")], encoder, {
      ...options,
      maxCompletionLength: 4,
      overLength: "refuse",
    });
    expect(rows.map(({ segment }) => segment.branches[0]?.length)).toEqual([4, 3]);
    expect(report.cut).toEqual({ count: 1, ids: ["a"] });
    expect(report.stopToken).toEqual({ trained: 1, lost: 1, uncutWithout: 0 });
  });

  test("cuts a row's answer at the row's own limit, whatever the options say", () => {
    const rows = [
      { ...row("a", "hi", "abcdefghij"), maxCompletionLength: 2 },
      { ...row("b", "x", "abcdefghij"), maxCompletionLength: 6 },
      row("c", "y", "abcdefghij"),
    ];
    const cutAt = (maxCompletionLength: number) =>
      prepareCompletions(rows, encoder, {
        ...options,
        maxLength: 30,
        maxCompletionLength,
        needsStop: false,
      }).rows.map(({ segment }) => segment.branches[0]?.length);
    expect(cutAt(4)).toEqual([2, 6, 4]);
    expect(cutAt(0)).toEqual([2, 6, 12]);
  });

  test("keeps the stop token when the cut takes only the newline after it", () => {
    const { report } = prepareCompletions([row("a", "hi", "1234567")], encoder, options);
    expect(report.cut.count).toBe(1);
    expect(report.stopToken).toEqual({ trained: 1, lost: 0, uncutWithout: 0 });
  });

  test("drops with a reason: full prompt, empty answer, duplicate, evaluation prompt", () => {
    const rows = [
      row("long", "0123456789", "x"),
      row("empty", "q", "  "),
      row("kept", "q", "a"),
      row("again", "q", "a"),
      row("leak", "bench", "a"),
    ];
    const { report } = prepareCompletions(rows, encoder, {
      ...options,
      excluded: new Map([["leak", "prompt of an evaluation set"]]),
    });
    expect(report.rowsTrained).toBe(1);
    expect(report.dropped).toEqual({
      "prompt fills the length limit": { count: 1, ids: ["long"] },
      "empty completion": { count: 1, ids: ["empty"] },
      duplicate: { count: 1, ids: ["again"] },
      "prompt of an evaluation set": { count: 1, ids: ["leak"] },
    });
  });

  test("obeys the policy for long answers", () => {
    const rows = [row("a", "hi", "abcdefghij"), row("b", "x", "y")];
    const { report } = prepareCompletions(rows, encoder, { ...options, overLength: "drop" });
    expect(report.dropped["longer than the length limit"]?.ids).toEqual(["a"]);
    expect(() => prepareCompletions(rows, encoder, { ...options, overLength: "refuse" })).toThrow(
      DatasetError,
    );
  });

  test("refuses to train when no row is left", () => {
    expect(() => prepareCompletions([row("a", "q", "")], encoder, options)).toThrow(DatasetError);
  });

  test("refuses a template whose end of turn the model does not stop at", () => {
    expect(() =>
      prepareCompletions([row("a", "q", "a")], encoder, { ...options, stopTokenIds: [9] }),
    ).toThrow(TrainingError);
  });

  test("refuses when every answer loses its stop token", () => {
    expect(() => prepareCompletions([row("a", "hi", "abcdefghij")], encoder, options)).toThrow(TrainingError);
    const heldOut = prepareCompletions([row("a", "hi", "abcdefghij")], encoder, {
      ...options,
      needsStop: false,
    });
    expect(heldOut.report.stopToken).toEqual({ trained: 0, lost: 1, uncutWithout: 0 });
  });
});

describe("preparePairs", () => {
  test("shares the prompt and cuts both sides by one budget", () => {
    const { rows, report } = preparePairs([pair("a", "hi", "abcdefghij", "no")], encoder, options);
    expect(rows[0]?.segment.branches.map((branch) => branch.length)).toEqual([8, 4]);
    expect(report.stopToken).toEqual({ trained: 1, lost: 1, uncutWithout: 0 });
  });

  test("drops pairs that teach nothing or contradict each other", () => {
    const rows = [
      pair("same", "p", "a", "a"),
      pair("cut", "p", "abcdefghijk", "abcdefghijz"),
      pair("one", "q", "a", "b"),
      pair("two", "q", "b", "a"),
      pair("kept", "r", "a", "b"),
      pair("again", "r", "a", "b"),
    ];
    const { rows: kept, report } = preparePairs(rows, encoder, options);
    expect(kept.map(({ id }) => id)).toEqual(["kept"]);
    expect(report.dropped).toEqual({
      "identical pair": { count: 1, ids: ["same"] },
      "identical pair after truncation": { count: 1, ids: ["cut"] },
      "contradictory pair": { count: 2, ids: ["one", "two"] },
      duplicate: { count: 1, ids: ["again"] },
    });
  });
});

describe("certifiedRows", () => {
  test("shows which tokens carry loss and masks rejected text", () => {
    const { rows } = preparePairs([pair("a", "p", "x", "y")], encoder, options);
    const [shown] = certifiedRows(rows, (id) => `<${id}>`);
    expect(shown?.sequences[0]?.tokens.slice(0, 2)).toEqual([
      { id: 112, text: "<112>", loss: false },
      { id: 120, text: "<120>", loss: true },
    ]);
    expect(shown?.sequences[1]).toMatchObject({
      name: "rejected",
      tokens: [{ loss: false }, { text: null }, {}, {}],
    });
  });
});
