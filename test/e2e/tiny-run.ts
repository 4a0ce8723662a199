/** @file A tiny model folder from the golden checkpoints, and rows to train on. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GoldenModel, goldenModels, writeGolden } from "../support/tiny-model.js";

/** A temporary folder with `model`, `rows.jsonl` and a cache of its own. */
export function tinyRun(): { root: string; model: string; rows: string; cache: string } {
  const root = mkdtempSync(join(tmpdir(), "safe-to-serve-e2e-"));
  const model = writeGolden(root, goldenModels.variants[0] as GoldenModel);
  const rows = join(root, "rows.jsonl");
  const words = ["red", "green", "blue", "cat", "dog", "house", "tree", "river"];
  const lines = Array.from({ length: 12 }, (_, i) =>
    JSON.stringify({
      prompt: `Say ${words[i % 8]} and ${words[(i * 3 + 1) % 8]} ${i}`,
      completion: `${words[(i * 5) % 8]} it is`,
    }),
  );
  writeFileSync(rows, `${lines.join("\n")}\n`);
  const cache = join(root, "cache");
  mkdirSync(cache);
  return { root, model, rows, cache };
}
