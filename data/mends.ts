/**
 * @file What is changed in the source files before they are bundled: faults mended where the right value is known and
 * marked where it is not. Every function takes all rows of a file and returns all rows of the bundled one.
 */

import { DatasetError } from "../src/core/errors.js";
import { SeededRandom } from "../src/core/random.js";

/** A row of a source file. */
export type Row = Readonly<Record<string, unknown>>;

/** Mends by data set name; a set without one is bundled as it is. */
export const MENDS: Readonly<Record<string, (rows: readonly Row[], source: SourceRows) => readonly Row[]>> = {
  "I-MaliciousInstructions": (rows) => markRepeats(rows, (row) => text(row, "prompt")),
  safety_only_train: (rows) =>
    markRepeats(rows, (row) => `${text(row, "instruction")}\n\n${text(row, "input")}`),
  "xstest-completions": markReworded,
  harmbench: (rows) => rows.filter((row) => row["functional_category"] === "standard"),
  hh_rlhf: (rows) => rows.map(parseDialogue),
  safe_rlhf_mini: safeUnsafePairs,
  alpaca_5k: harmlessInstructions,
};

/** Reads another source file: some mends compare two. */
export type SourceRows = (path: string) => readonly Row[];

/** Seed and size of the choice of Alpaca rows. */
export const ALPACA_CHOICE = { seed: "alpaca_5k", rows: 5000 } as const;

/** Adds `duplicate_of`: the id of the first row with the same key, else null. */
function markRepeats(rows: readonly Row[], keyOf: (row: Row) => string): Row[] {
  const first = new Map<string, string>();
  return rows.map((row) => {
    const key = keyOf(row);
    const duplicateOf = first.get(key) ?? null;
    if (duplicateOf === null) first.set(key, text(row, "id"));
    return { ...row, duplicate_of: duplicateOf };
  });
}

/** Marks completions whose prompt was reworded in the prompt file afterwards (XSTest 195). */
function markReworded(rows: readonly Row[], source: SourceRows): Row[] {
  const prompts = new Map(
    source("xstest/prompts.jsonl").map((row) => [text(row, "id"), text(row, "prompt")]),
  );
  return rows.map((row) => ({
    ...row,
    prompt_reworded_since: prompts.get(text(row, "prompt_id")) !== text(row, "prompt"),
  }));
}

/** A "Human: … Assistant:" transcript becomes messages; two turns in a row of one speaker become one. */
function parseDialogue(row: Row): Row {
  const parts = `\n\n${text(row, "prompt")}`.split(/\n\n(Human|Assistant):/);
  const messages: { role: string; content: string }[] = [];
  for (let i = 1; i < parts.length; i += 2) {
    const role = parts[i] === "Human" ? "user" : "assistant";
    const content = (parts[i + 1] ?? "").trim();
    const last = messages.at(-1);
    if (last?.role === role) last.content = `${last.content}\n\n${content}`;
    else messages.push({ role, content });
  }
  const open = messages.pop();
  if (open?.role !== "assistant" || open.content !== "" || messages.at(-1)?.role !== "user")
    throw new DatasetError(
      `${text(row, "id")}: expected a transcript that ends in an open "Assistant:" turn`,
    );
  return { ...row, prompt: messages, chosen: answer(row, "chosen"), rejected: answer(row, "rejected") };
}

function answer(row: Row, column: string): Row[] {
  return [{ role: "assistant", content: text(row, column).trim() }];
}

/** Prompts with a safe and an unsafe answer: the i-th safe one against the i-th unsafe one, repeated rows once. */
function safeUnsafePairs(rows: readonly Row[]): Row[] {
  const byPrompt = new Map<string, { safe: Map<string, Row>; unsafe: Map<string, Row> }>();
  for (const row of rows) {
    const group = byPrompt.get(text(row, "prompt")) ?? { safe: new Map(), unsafe: new Map() };
    byPrompt.set(text(row, "prompt"), group);
    const side = row["unsafe"] === 1 ? group.unsafe : group.safe;
    if (!side.has(text(row, "response"))) side.set(text(row, "response"), row);
  }
  return [...byPrompt.values()].flatMap(({ safe, unsafe }) => pairUp(safe, unsafe));
}

function pairUp(safe: ReadonlyMap<string, Row>, unsafe: ReadonlyMap<string, Row>): Row[] {
  // The same text labelled both ways says nothing: leave it out.
  const chosen = [...safe.values()].filter((row) => !unsafe.has(text(row, "response")));
  const rejected = [...unsafe.values()].filter((row) => !safe.has(text(row, "response")));
  return chosen.slice(0, rejected.length).map((row, i) => ({
    id: `${text(row, "id")}+${text(rejected[i] ?? {}, "id").replace(/^.*-/, "")}`,
    prompt: row["prompt"],
    chosen: row["response"],
    rejected: rejected[i]?.["response"],
    source: row["source"],
  }));
}

/** A seeded choice of rows that are not about safety, in the order of the source file. */
function harmlessInstructions(rows: readonly Row[]): Row[] {
  const kept = rows.filter((row) => row["safety_related"] === false && text(row, "output").trim() !== "");
  const order = new SeededRandom(ALPACA_CHOICE.seed)
    .permutation(kept.length)
    .slice(0, ALPACA_CHOICE.rows)
    .sort();
  return Array.from(order, (i) => {
    const { safety_related: _, ...row } = kept[i] as Row;
    return row;
  });
}

function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string")
    throw new DatasetError(`expected text in column ${column}, got ${typeof value}`);
  return value;
}
