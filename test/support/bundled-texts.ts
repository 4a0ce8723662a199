/** @file Texts of bundled data by their ids, for goldens that name pairs without holding them. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

function texts(file: string, column: string): [string, string][] {
  const content = gunzipSync(readFileSync(new URL(`../../data/${file}`, import.meta.url))).toString("utf8");
  const rows = content
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, string>);
  return rows.map((row) => [row["id"] ?? "", row[column] ?? ""]);
}

/** Answers of XSTest's completions and of Alpaca. */
export function bundledTexts(): ReadonlyMap<string, string> {
  return new Map([
    ...texts("xstest/completions.jsonl.gz", "response"),
    ...texts("instructions/alpaca_5k.jsonl.gz", "output"),
  ]);
}
