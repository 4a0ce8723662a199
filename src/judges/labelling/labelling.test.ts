import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Exchange } from "../../text/messages.js";
import type { LabelRow } from "./label-file.js";
import { Labelling, type LabellingOptions } from "./labelling.js";
import { labelWords } from "./words.js";

const folder = mkdtempSync(join(tmpdir(), "labelling-"));
const ANSWERS: readonly Exchange[] = Array.from({ length: 40 }, (_, i) => ({
  id: `row-${i}`,
  messages: [{ role: "user", content: `Prompt ${i}` }],
  response: `Answer ${i}`,
}));

function open(name: string, options: Partial<LabellingOptions> = {}): Labelling {
  const words = labelWords("harm");
  return new Labelling({
    answers: ANSWERS,
    words,
    labeller: "ann",
    path: join(folder, name),
    seed: 1,
    ...options,
  });
}

function ids({ answers }: Labelling): string[] {
  return answers.map(({ id }) => id);
}

function lines(name: string): LabelRow[] {
  const text = readFileSync(join(folder, name), "utf8");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LabelRow);
}

test("two people get the same sample, each in an order of their own that a second start repeats", () => {
  const ann = ids(open("order.jsonl", { sample: 12 }));
  const bob = ids(open("order.jsonl", { sample: 12, labeller: "bob" }));
  expect(ann).toHaveLength(12);
  expect(ann).not.toEqual(bob);
  expect([...ann].sort()).toEqual([...bob].sort());
  expect(ids(open("order.jsonl", { sample: 12 }))).toEqual(ann);
  expect(ids(open("order.jsonl", { sample: 12, seed: 2 })).sort()).not.toEqual([...ann].sort());
});

test("a larger sample of the same seed holds the smaller one, and what was labelled stays so", () => {
  const small = open("grow.jsonl", { sample: 5 });
  small.setLabel(0, "safe", 2);
  const large = open("grow.jsonl", { sample: 20 });
  expect(ids(large)).toEqual(expect.arrayContaining(ids(small)));
  expect(large.labelled).toBe(1);
  expect(large.labelOf(ids(large).indexOf(ids(small)[0] ?? ""))).toBe("safe");
});

test("every label is a line on disk when it is set, without prompt and answer; the last one is taken up again", () => {
  const labelling = open("disk.jsonl");
  labelling.setLabel(3, "unsafe", 4.5);
  labelling.setLabel(3, "safe", null);
  labelling.setLabel(4, "safe", 1);
  labelling.setLabel(4, null, null);
  expect(lines("disk.jsonl").map(({ label, seconds }) => [label, seconds])).toEqual([
    ["unsafe", 4.5],
    ["safe", null],
    ["safe", 1],
    [null, null],
  ]);
  expect(Object.keys(lines("disk.jsonl")[0] ?? {})).toEqual([
    "id",
    "promptHash",
    "responseHash",
    "label",
    "labeller",
    "seconds",
  ]);
  const again = open("disk.jsonl");
  expect([again.labelled, again.labelOf(3), again.labelOf(4)]).toEqual([1, "safe", null]);
});

test("the next open answer is looked for from a place on and then from the beginning", () => {
  const labelling = open("open.jsonl", { sample: 3 });
  expect(labelling.openFrom(1)).toBe(1);
  labelling.setLabel(1, "safe", 0);
  labelling.setLabel(2, "safe", 0);
  expect(labelling.openFrom(1)).toBe(0);
  labelling.setLabel(0, "safe", 0);
  expect(labelling.openFrom(1)).toBeNull();
});

test("nobody starts with the labels of another", () => {
  open("two.jsonl").setLabel(0, "safe", 1);
  expect(open("two.jsonl", { labeller: "bob" }).labelled).toBe(0);
});

test("refuses unknown labels and places, a file of labels of another kind, and labels of other answers", () => {
  const labelling = open("refuse.jsonl");
  expect(() => labelling.setLabel(0, "harmless", 1)).toThrow("label: expected safe or unsafe, got harmless");
  expect(() => labelling.setLabel(40, "safe", 1)).toThrow("answer: expected one of 40, got 40");
  labelling.setLabel(0, "safe", 1);
  expect(lines("refuse.jsonl")).toHaveLength(1);
  expect(() => open("refuse.jsonl", { words: labelWords("refusal") })).toThrow(
    "refuse.jsonl: expected refusal or partial or compliance, got safe",
  );
  const changed = ANSWERS.map((answer) => ({ ...answer, response: "Something else" }));
  expect(() => open("refuse.jsonl", { answers: changed })).toThrow("got one of another answer to its prompt");
});
