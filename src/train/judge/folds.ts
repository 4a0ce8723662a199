/** @file Folds by prompt: rows of one prompt, of whatever source, fall into one fold. The rows' order changes nothing. */
import { seededOrder } from "../../data/splits.js";
import type { JudgeRow } from "./rows.js";

/** The fold of each row, 0 … folds − 1; each source's prompts are spread evenly. */
export function foldsOf(
  rows: readonly Pick<JudgeRow, "cluster" | "source">[],
  folds: number,
  seed: number,
): number[] {
  const sourceOf = new Map<string, string>();
  for (const { cluster, source } of rows) {
    const known = sourceOf.get(cluster);
    if (known === undefined || source < known) sourceOf.set(cluster, source);
  }
  const order = seededOrder([...sourceOf.keys()], (cluster) => cluster, seed);
  const foldOf = new Map<string, number>();
  const filled = new Map<string, number>();
  for (const cluster of order) {
    const source = sourceOf.get(cluster) ?? "";
    const place = filled.get(source) ?? 0;
    foldOf.set(cluster, place % folds);
    filled.set(source, place + 1);
  }
  return rows.map(({ cluster }) => foldOf.get(cluster) ?? 0);
}
