/**
 * @file The folder of a run: `run.json` fixes the recipe, `metrics.jsonl` grows a line a step. A folder belongs to one
 * recipe; going on with another is refused.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../core/errors.js";
import { Journal, writeFileDurably, writeJsonDurably } from "../core/files.js";
import { canonicalJson, hashJson, type Json } from "../core/hash.js";
import { readJsonFile } from "../core/read-back.js";

/** The recipe as resolved: everything that determines the result. */
export type Recipe = { readonly [key: string]: Json | undefined };

/** One line of metrics.jsonl. */
export interface MetricsLine {
  readonly global_step: number;
  readonly [name: string]: number | readonly string[];
}

/**
 * Opens `folder` for a run: writes `run.json`, or checks that it holds the same recipe when resuming.
 * @param facts recorded beside the recipe, not compared: versions, machine
 * @throws ConfigError when the folder holds a run and `resume` is false, or a run of another recipe
 */
export async function openRunFolder(
  folder: string,
  recipe: Recipe,
  facts: Recipe,
  resume: boolean,
): Promise<void> {
  const path = join(folder, "run.json");
  if (existsSync(path)) {
    if (!resume) {
      throw new ConfigError(`--out: expected a folder without a run, got ${folder}, which holds one`, {
        hint: "add --resume to go on with it, or name another folder",
      });
    }
    return requireSameRecipe(path, recipe);
  }
  await writeJsonDurably(path, { schemaVersion: 1, recipe, recipeHash: hashJson(recipe), ...facts });
}

/** The metrics of a run up to `step`; later lines, of steps that will be done again, are removed. */
export async function openMetrics(folder: string, step: number): Promise<Journal<MetricsLine>> {
  const path = join(folder, "metrics.jsonl");
  const before = new Journal<MetricsLine>(path);
  before.close();
  const kept = before.rows.filter((line) => line.global_step <= step);
  if (kept.length < before.rows.length) {
    await writeFileDurably(path, kept.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }
  return new Journal<MetricsLine>(path);
}

function requireSameRecipe(path: string, recipe: Recipe): void {
  const stored = readJsonFile<{ recipe?: Recipe }>(path, "what a run was begun with");
  const differing = differingKeys(stored.recipe ?? {}, recipe);
  if (differing.length === 0) return;
  throw new ConfigError(`--resume: expected the recipe of ${path}, got another ${differing.join(", ")}`, {
    hint: "resume with the same options and files, or start in another folder",
  });
}

function differingKeys(a: Recipe, b: Recipe): string[] {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  const text = (value: Json | undefined) => (value === undefined ? "" : canonicalJson(value));
  return [...keys].filter((key) => text(a[key]) !== text(b[key])).sort();
}
