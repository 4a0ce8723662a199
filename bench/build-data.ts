/**
 * @file Makes the bench's inputs from the bundled Alpaca rows: `npx tsx bench/build-data.ts`. Rows are drawn with a seed
 * and never twice; run again, it writes the same bytes. Alpaca has no preference pairs: a pair's rejected answer is the
 * answer to another prompt of like length, nonsense there and harmless anywhere, with the shape of real pairs.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatasetError } from "../src/core/errors.js";
import { SeededRandom } from "../src/core/random.js";
import { bundledDataFolder } from "../src/data/catalogue.js";
import { toPromptCompletions } from "../src/data/columns.js";
import { readRows } from "../src/data/readers.js";

const HERE = import.meta.dirname;
const COUNTS = { pairs: 64, answers: 256, prompts: 64 };

interface Answered {
  readonly id: string;
  readonly prompt: string;
  readonly completion: string;
}

const random = new SeededRandom("bench data", 1);
const all = random.shuffled((await alpaca()).filter(({ completion }) => completion.trim() !== ""));
write("dpo-64.jsonl", pairs(take(2 * COUNTS.pairs)));
write("sft-256.jsonl", take(COUNTS.answers));
write(
  "prompts-64.jsonl",
  take(COUNTS.prompts).map(({ id, prompt }) => ({ id, prompt })),
);

async function alpaca(): Promise<Answered[]> {
  const rows = await readRows(join(bundledDataFolder(), "instructions/alpaca_5k.jsonl.gz"));
  return toPromptCompletions(rows).map(({ id, prompt, completion }) => ({
    id,
    prompt: prompt[0]?.content ?? "",
    completion: completion[0]?.content ?? "",
  }));
}

function take(count: number): Answered[] {
  if (all.length < count)
    throw new DatasetError(`bench data: expected ${count} more rows, got ${all.length}`);
  return all.splice(0, count);
}

/** Neighbours by the length of their answers become pairs, in a drawn order. */
function pairs(rows: readonly Answered[]): unknown[] {
  const sorted = rows.toSorted((a, b) => a.completion.length - b.completion.length);
  const found = sorted.flatMap((row, i) => {
    const other = sorted[i + 1];
    if (i % 2 === 1 || other === undefined) return [];
    return [{ id: row.id, prompt: row.prompt, chosen: row.completion, rejected: other.completion }];
  });
  return random.shuffled(found);
}

function write(file: string, rows: readonly unknown[]): void {
  writeFileSync(join(HERE, "data", file), `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`);
}
