/**
 * @file Splits and choices that depend on the seed and the row, never on the order of the file. A split is by prompt:
 * all rows of one prompt fall on the same side, otherwise a held-out loss measures memory.
 */
import { ConfigError } from "../core/errors.js";
import { uniformAt } from "../core/random.js";
import type { Message } from "../text/messages.js";
import { userTurns } from "./columns.js";
import { normalise } from "./contamination.js";

/** The two sides of a split; each keeps the order of the input. */
export interface Split<Row> {
  readonly train: Row[];
  readonly heldOut: Row[];
}

/** How much to hold out. */
export interface SplitOptions {
  /** Share of the distinct prompts held out, in [0, 1]; rounded to whole prompts. */
  readonly heldOutShare: number;
  readonly seed: number;
}

/** Rows with a prompt, under either of the two names that rows have for it. */
export type Prompted = { readonly prompt: readonly Message[] } | { readonly messages: readonly Message[] };

/** Holds out a seeded share of the prompts. Prompts that differ in case or punctuation only count as one. */
export function splitByPrompt<Row extends Prompted>(rows: readonly Row[], options: SplitOptions): Split<Row> {
  const { heldOutShare, seed } = options;
  if (!(heldOutShare >= 0 && heldOutShare <= 1))
    throw new ConfigError(`splitByPrompt: expected heldOutShare in [0, 1], got ${heldOutShare}`);
  const keys = [...new Set(rows.map(promptKey))];
  const held = new Set(
    seededOrder(keys, (key) => key, seed).slice(0, Math.round(heldOutShare * keys.length)),
  );
  return {
    train: rows.filter((row) => !held.has(promptKey(row))),
    heldOut: rows.filter((row) => held.has(promptKey(row))),
  };
}

/** All rows in an order given by seed and key alone: adding a row moves no other. */
export function seededOrder<Row>(rows: readonly Row[], keyOf: (row: Row) => string, seed: number): Row[] {
  const keyed = rows.map((row) => {
    const key = keyOf(row);
    return { row, key, place: uniformAt([seed, key]) };
  });
  keyed.sort((a, b) => a.place - b.place || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return keyed.map(({ row }) => row);
}

/** A seeded choice of `count` rows (all, if there are fewer), in the order of the input. */
export function seededSample<Row>(
  rows: readonly Row[],
  count: number,
  keyOf: (row: Row) => string,
  seed: number,
): Row[] {
  const chosen = new Set(seededOrder(rows, keyOf, seed).slice(0, count));
  return rows.filter((row) => chosen.has(row));
}

/** What makes two prompts the same one: the words of all user turns. */
export function promptKey(row: Prompted): string {
  const messages = "prompt" in row ? row.prompt : row.messages;
  return userTurns(messages).map(normalise).join("\n");
}
