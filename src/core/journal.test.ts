import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { DatasetError } from "./errors.js";
import { Journal } from "./files.js";

const root = mkdtempSync(join(tmpdir(), "safe-to-serve-journal-"));
afterAll(() => rmSync(root, { recursive: true }));
const path = join(root, "rows.jsonl");
const content = (): string => readFileSync(path, "utf8");

function opened(before: string): Journal<object> {
  writeFileSync(path, before);
  return new Journal(path);
}

test("a last line cut by a kill is no row, and goes when the next row comes", () => {
  const journal = opened('{"a":1}\n{"a":2');
  expect(journal.rows).toEqual([{ a: 1 }]);
  expect(content()).toBe('{"a":1}\n{"a":2');
  journal.append({ a: 3 }, { a: 4 });
  journal.append({ a: 5 });
  journal.close();
  expect(content()).toBe('{"a":1}\n{"a":3}\n{"a":4}\n{"a":5}\n');
  expect(journal.rows).toEqual([{ a: 1 }, { a: 3 }, { a: 4 }, { a: 5 }]);
});

test("a whole last line without its line break is a row", () => {
  const journal = opened('{"a":1}\n{"a":2}');
  expect(journal.rows).toEqual([{ a: 1 }, { a: 2 }]);
  journal.append({ a: 3 });
  journal.close();
  expect(content()).toBe('{"a":1}\n{"a":2}\n{"a":3}\n');
});

test.each(["notes of mine", "notes\nof mine\n", "5\n", "[]", "null\n", '{"a":1}\n[1,'])(
  "a file that is no journal is refused and stays: %j",
  (before) => {
    expect(() => opened(before)).toThrow(DatasetError);
    expect(content()).toBe(before);
  },
);
