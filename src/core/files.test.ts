import fs, { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ConfigError, DatasetError } from "./errors.js";
import { Journal, makeFolder, RowFile } from "./files.js";

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

test("a read-only file system is named as what it is, where Node says that there is no such folder", () => {
  const { mkdirSync } = fs;
  // Node 20's mkdir with `recursive` below a read-only mount, and its plain one.
  fs.mkdirSync = ((_: string, options?: { recursive?: boolean }) => {
    throw Object.assign(new Error("mkdir"), { code: options?.recursive ? "ENOENT" : "EROFS" });
  }) as typeof fs.mkdirSync;
  syncBuiltinESMExports();
  try {
    const make = () => makeFolder(join(root, "a", "b"));
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(/b: expected to write it, got a read-only file system/);
  } finally {
    fs.mkdirSync = mkdirSync;
    syncBuiltinESMExports();
  }
});

test("rows of numbers come back whole where the system writes a few bytes at a time, and are seen by the next opening", () => {
  const { writeSync } = fs;
  const few = (file: number, bytes: Uint8Array, offset: number, length: number, position: number | null) =>
    writeSync(file, bytes, offset, Math.min(length, 5), position);
  fs.writeSync = few as typeof fs.writeSync;
  syncBuiltinESMExports();
  const rows = [Float32Array.from([1, 2, 3]), Float32Array.from([4, 5, 6])];
  const numbers = join(root, "numbers.f32");
  try {
    const file = new RowFile(numbers, 3);
    file.write(1, rows);
    file.write(0, rows.slice(0, 1));
    file.close();
  } finally {
    fs.writeSync = writeSync;
    syncBuiltinESMExports();
  }
  const file = new RowFile(numbers, 3);
  const read = new Float32Array(3);
  expect([0, 1, 2].map((place) => (file.read(place, read) ? [...read] : null))).toEqual([
    [1, 2, 3],
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect([file.count, file.read(3, read)]).toEqual([3, false]);
  file.close();
});
