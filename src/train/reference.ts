/**
 * @file Reference log-probabilities of preference pairs: computed once, before training, and kept in the run's folder
 * under a hash of everything that they depend on. An interrupted pass goes on where it stopped.
 */
import { join } from "node:path";
import { TrainingError } from "../core/errors.js";
import { Journal } from "../core/files.js";
import { hashJson } from "../core/hash.js";
import { SeededRandom } from "../core/random.js";
import { type BatchLimits, microBatches, packRows } from "./gradient.js";
import { sequenceTotals, type TrainingRow } from "./method.js";
import type { PairRow } from "./methods/dpo-method.js";
import type { NamedArrays } from "./optimizer.js";
import type { StepRunner } from "./runner.js";

/** One line of `reference-<hash>.jsonl`. */
interface ReferenceLine {
  readonly index: number;
  readonly id: string;
  /** Summed log-probabilities, nats. */
  readonly chosen: number;
  readonly rejected: number;
}

/** What reference log-probabilities depend on besides the rows' token ids. */
export interface ReferenceKey {
  readonly model: string;
  /** Hash of the reference's adapter; "" for the base. */
  readonly adapter: string;
}

/** How the reference is computed. */
export interface ReferenceTask {
  readonly folder: string;
  readonly key: ReferenceKey;
  readonly runner: Pick<StepRunner, "score">;
  /** The reference's factors. */
  readonly factors: NamedArrays;
  readonly limits: BatchLimits;
  readonly seed: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Cached rows that are computed again, to see that the file belongs to this reference. */
const ROWS_VERIFIED = 3;
/** Two packings of one row may differ by this much in the summed log-probability: absolute nats, and relative. */
const TOLERANCE = { absolute: 1e-2, relative: 1e-3 };

/**
 * Pairs with their reference log-probabilities.
 * @throws TrainingError when cached values are not those of this reference
 */
export async function withReference(rows: readonly TrainingRow[], task: ReferenceTask): Promise<PairRow[]> {
  const path = join(task.folder, `reference-${referenceHash(rows, task.key)}.jsonl`);
  const journal = new Journal<ReferenceLine>(path);
  try {
    const known = new Map(journal.rows.map((line) => [line.index, line]));
    await verify(rows, known, task, path);
    let done = known.size;
    // Parts do not depend on what is known: packed alike, a row gets the same bits whether the pass was interrupted or not.
    for (const part of microBatches(indexed(rows), task.limits)) {
      if (part.every(({ index }) => known.has(index))) continue;
      const lines = (await score(part, task)).filter(({ index }) => !known.has(index));
      journal.append(...lines);
      done += lines.length;
      task.onProgress?.(done, rows.length);
    }
    return attach(rows, journal.rows);
  } finally {
    journal.close();
  }
}

/** Hash over the token ids of the rows (and so data, template and maximum length), the model and the adapter. */
export function referenceHash(rows: readonly TrainingRow[], key: ReferenceKey): string {
  const data = rows.map(({ segment }) => [segment.prompt, ...segment.branches]);
  return hashJson({ data, model: key.model, adapter: key.adapter }).slice(0, 16);
}

type IndexedRow = TrainingRow & { readonly index: number };

function indexed(rows: readonly TrainingRow[]): IndexedRow[] {
  return rows.map((row, index) => ({ ...row, index }));
}

async function score(rows: readonly IndexedRow[], task: ReferenceTask): Promise<ReferenceLine[]> {
  const packed = packRows(rows, task.limits);
  const totals = sequenceTotals((await task.runner.score(packed, task.factors)).logProbs, packed);
  return rows.map(({ index, id }, i) => {
    const [chosen, rejected] = [totals[2 * i] ?? Number.NaN, totals[2 * i + 1] ?? Number.NaN];
    if (Number.isFinite(chosen) && Number.isFinite(rejected)) return { index, id, chosen, rejected };
    throw new TrainingError(
      `reference: expected finite log-probabilities, got ${chosen} and ${rejected} in row ${id}`,
    );
  });
}

async function verify(
  rows: readonly TrainingRow[],
  known: ReadonlyMap<number, ReferenceLine>,
  task: ReferenceTask,
  path: string,
): Promise<void> {
  const random = new SeededRandom("verify reference", task.seed);
  const sample = random.shuffled([...known.values()]).slice(0, ROWS_VERIFIED);
  for (const line of sample) {
    const row = rows[line.index];
    if (row === undefined) continue;
    const [again] = await score([{ ...row, index: line.index }], task);
    if (again && isNear(again.chosen, line.chosen) && isNear(again.rejected, line.rejected)) continue;
    throw new TrainingError(
      `${path}: expected ${again?.chosen} and ${again?.rejected} for row ${line.id}, got ${line.chosen} and ${line.rejected}`,
      { hint: "the file belongs to another reference; remove it" },
    );
  }
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= TOLERANCE.absolute + TOLERANCE.relative * Math.abs(b);
}

function attach(rows: readonly TrainingRow[], lines: readonly ReferenceLine[]): PairRow[] {
  const byIndex = new Map(lines.map((line) => [line.index, line]));
  return rows.map((row, index) => {
    const line = byIndex.get(index);
    return {
      ...row,
      referenceChosen: line?.chosen ?? Number.NaN,
      referenceRejected: line?.rejected ?? Number.NaN,
    };
  });
}
