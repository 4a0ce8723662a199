/** @file Tasks of the user's own: what a file gives, and that what does not fit is refused by line and key. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadTask } from "./load.js";
import { taskNamed } from "./suites.js";

const folder = mkdtempSync(join(tmpdir(), "task-file-"));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

file(
  "prompts.jsonl",
  [1, 2, 3]
    .map((i) => JSON.stringify({ id: `p${i}`, prompt: `Say ${i}.`, response: `It is ${i}.` }))
    .join("\n"),
);

test("reads a task with the data beside it, and its references where asked", async () => {
  const yaml = "name: numbers\ndata: prompts.jsonl\nexpectation: should-answer\n";
  const plain = await loadTask(taskNamed(file("plain.yaml", yaml)), { limit: 2, seed: 0 });
  expect(plain.record).toMatchObject({ name: "numbers", prompts: 2, of: 3, hasReferences: false });
  expect(plain.prompts.every(({ reference }) => reference === undefined)).toBe(true);
  const task = taskNamed(file("references.yml", `${yaml}references: true\ndescription: counts\n`));
  const { prompts, record } = await loadTask(task, { limit: null, seed: 0 });
  expect(record.hasReferences).toBe(true);
  expect(prompts.map(({ reference }) => reference)).toEqual(["It is 1.", "It is 2.", "It is 3."]);
});

test("takes a data set of the catalogue by name", async () => {
  const path = file("alpaca.yaml", "name: my-alpaca\ndata: I-Alpaca\nexpectation: should-answer\n");
  expect((await loadTask(taskNamed(path), { limit: null, seed: 0 })).prompts).toHaveLength(50);
});

test.each([
  [
    "an unknown key",
    "name: a\ndata: x\nexpectation: neutral\nlimt: 3\n",
    /task\.yaml:4: limt: expected a known key/,
  ],
  ["a missing key", "name: a\nexpectation: neutral\n", /expected the key data, got none/],
  [
    "another expectation",
    "name: a\ndata: x\nexpectation: refuse\n",
    /task\.yaml:3: expectation: .* got refuse/,
  ],
  ["a name with a slash", "name: a/b\ndata: x\nexpectation: neutral\n", /expected a name of letters/],
  [
    "a name that is taken",
    "name: I-CoNa\ndata: x\nexpectation: neutral\n",
    /name that no other task has, got I-CoNa/,
  ],
])("refuses %s", (_, content, message) => {
  expect(() => taskNamed(file("task.yaml", content))).toThrow(message);
});

test("refuses a file or data that is not there", async () => {
  expect(() => taskNamed(join(folder, "none.yaml"))).toThrow(/expected a task, got no such file/);
  const task = taskNamed(file("lost.yaml", "name: lost\ndata: lost.jsonl\nexpectation: neutral\n"));
  await expect(loadTask(task, { limit: null, seed: 0 })).rejects.toThrow(
    /lost\.jsonl: expected a file or the name/,
  );
});
