import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Exchange } from "../../text/messages.js";
import { hashesOf, type LabelRow, labelsOf, readLabelFile } from "./label-file.js";

const folder = mkdtempSync(join(tmpdir(), "label-file-"));

function exchange(id: string): Exchange {
  return { id, messages: [{ role: "user", content: `Prompt ${id}` }], response: `Answer ${id}` };
}

function row(id: string, label: string | null, labeller = "ann"): LabelRow {
  return { id, ...hashesOf(exchange(id)), label, labeller, seconds: 1.5 };
}

function file(name: string, ...rows: object[]): string {
  const path = join(folder, name);
  writeFileSync(path, rows.map((each) => `${JSON.stringify(each)}\n`).join(""));
  return path;
}

test("of each answer the last label counts, and none that was taken back", () => {
  const path = file("last.jsonl", row("a", "safe"), row("b", "safe"), row("a", "unsafe"), row("b", null));
  const labels = labelsOf(path, readLabelFile(path));
  expect([...labels].map(([id, { label }]) => [id, label])).toEqual([["a", "unsafe"]]);
});

test("a line that a kill cut off is passed over; no file is no labels", () => {
  const path = file("cut.jsonl", row("a", "safe"));
  appendFileSync(path, '{"id":"b","promptHash":"12');
  expect(readLabelFile(path).map(({ id }) => id)).toEqual(["a"]);
  expect(readLabelFile(join(folder, "nothing.jsonl"))).toEqual([]);
});

test("of several people one is to be named", () => {
  const rows = [row("a", "safe"), row("a", "unsafe", "bob")];
  expect(() => labelsOf("two.jsonl", rows)).toThrow("expected labels of one person, got those of ann, bob");
  expect(labelsOf("two.jsonl", rows, "bob").get("a")?.label).toBe("unsafe");
  expect(() => labelsOf("two.jsonl", rows, "eve")).toThrow("expected labels of eve, got none");
});

test.each([
  ["rows of answers", '{"id":"a","prompt":"Why?","response":"So."}', /1: prompt: expected a known key/],
  ["text", "some notes", /1: expected a label of `judge label`/],
  ["a label without labeller", JSON.stringify({ ...row("a", "safe"), labeller: undefined }), /labeller/],
])("another file is refused and left as it is: %s", (_, content, message) => {
  const path = join(folder, "other.jsonl");
  writeFileSync(path, content);
  expect(() => readLabelFile(path)).toThrow(message);
  expect(readFileSync(path, "utf8")).toBe(content);
});
