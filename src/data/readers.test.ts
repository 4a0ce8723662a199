/** @file Readers: every format, and every way in which a file can be wrong. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { DatasetError } from "../core/errors.js";
import { placeOf, readRows } from "./readers.js";

const folder = mkdtempSync(join(tmpdir(), "readers-"));

/** Two rows {id, n}, written by reference/parquet_golden.py. */
const PARQUET = new URL("../../test/golden/two-rows.parquet", import.meta.url).pathname;
const PARQUET_GZIP = new URL("../../test/golden/two-rows-gzip.parquet", import.meta.url).pathname;

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function failure(path: string): Promise<string> {
  const error = await readRows(path).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(DatasetError);
  return (error as DatasetError).message;
}

test("reads JSON Lines with the line of each row, passing over blank lines, a byte order mark and CRLF", async () => {
  const path = file("a.jsonl", '\ufeff{"id":"a"}\r\n\r\n{"id":"ü🙂"}');
  const rows = await readRows(path);
  expect(rows.map(({ line, fields }) => [line, fields["id"]])).toEqual([
    [1, "a"],
    [3, "ü🙂"],
  ]);
  expect(rows.map(placeOf)).toEqual(["a.jsonl:1", "a.jsonl:3"]);
});

test("reads a JSON array, compressed files and Parquet as the same rows", async () => {
  const rows = [
    { id: "a", n: 7 },
    { id: "b", n: 8 },
  ];
  const lines = rows.map((row) => JSON.stringify(row)).join("\n");
  const paths = [
    file("b.json", JSON.stringify(rows, null, 2)),
    file("b.jsonl.gz", gzipSync(lines)),
    file("b.json.gz", gzipSync(JSON.stringify(rows))),
    PARQUET,
    PARQUET_GZIP,
  ];
  for (const path of paths) expect((await readRows(path)).map((row) => row.fields)).toEqual(rows);
});

test("names file and line of a line that does not parse, and does not quote its text", async () => {
  const path = file("c.jsonl", '{"id":1}\n{"id":2,"prompt":"secret words\n{"id":3}\n');
  const message = await failure(path);
  expect(message).toContain(`${path}:2: expected a JSON object, got `);
  expect(message).not.toContain("secret");
});

test("names the line at which a JSON array breaks", async () => {
  const path = file("d.json", '[\n{"id":1},\n{"id":2,}\n]');
  expect(await failure(path)).toContain(`${path}:3: expected a JSON array`);
});

test.each([
  ["empty.jsonl", "", "expected at least one row, got none"],
  ["blank.jsonl", "\n \n", "expected at least one row, got none"],
  ["none.json", "[]", "expected at least one row, got none"],
  ["number.jsonl", '{"a":1}\n5', ":2: expected a JSON object, got a number"],
  ["list.json", '[{"a":1},[2]]', ":2: expected a JSON object, got an array"],
  ["null.jsonl", "null", ":1: expected a JSON object, got null"],
  ["lone.jsonl", '{"a":"ok"}\n{"b":{"c":["x\\ud83d"]}}', ':2: expected well-formed Unicode in "b"'],
])("refuses %s", async (name, content, message) => {
  expect(await failure(file(name, content))).toContain(message);
});

test("refuses bytes that are not UTF-8, files that are not there or not what their name says", async () => {
  const latin1 = file("latin1.jsonl", Buffer.from('{"a":1}\n{"a":"caf\xe9"}', "latin1"));
  expect(await failure(latin1)).toContain(`${latin1}:2: expected UTF-8`);
  expect(await failure(join(folder, "absent.jsonl"))).toContain("expected a readable file");
  expect(await failure(file("plain.jsonl.gz", '{"a":1}'))).toContain("expected a readable file");
  expect(await failure(file("broken.parquet", "PAR1 and nothing more"))).toContain("expected a Parquet file");
});
