/** @file Rows with what reward models learn from: margins of pairs, whether answers are safe, labels of answers. */
import { DatasetError } from "../core/errors.js";
import { toPreferencePairs, toPromptCompletions } from "./columns.js";
import type { CostPair, LabelledAnswer, RewardPair } from "./examples.js";
import { placeOf, type SourceRow } from "./readers.js";

/** Preference pairs with an optional `margin`. @throws DatasetError naming place and column */
export function toRewardPairs(rows: readonly SourceRow[]): RewardPair[] {
  return toPreferencePairs(rows).map((pair, i) => ({ ...pair, margin: marginOf(rows[i] as SourceRow) }));
}

/**
 * Preference pairs, the chosen answer the safer one, with `is_chosen_safe` and `is_rejected_safe`.
 * @throws DatasetError naming place and column
 */
export function toCostPairs(rows: readonly SourceRow[]): CostPair[] {
  return toPreferencePairs(rows).map((pair, i) => {
    const row = rows[i] as SourceRow;
    return {
      ...pair,
      isChosenSafe: flagOf(row, "is_chosen_safe"),
      isRejectedSafe: flagOf(row, "is_rejected_safe"),
    };
  });
}

/**
 * Prompts, answers and labels: a name of `labels`, the index of one, or true and false for 1 and 0.
 * @throws DatasetError naming place and column
 */
export function toLabelledAnswers(
  rows: readonly SourceRow[],
  labels: readonly string[],
  field: string,
): LabelledAnswer[] {
  return toPromptCompletions(rows).map(({ id, prompt, completion }, i) => ({
    id,
    prompt,
    completion,
    label: labelIndex(rows[i] as SourceRow, labels, field),
  }));
}

function marginOf(row: SourceRow): number {
  const value = row.fields["margin"] ?? 0;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw wrong(row, "margin", "a number", value);
}

function flagOf(row: SourceRow, column: string): boolean {
  const value = row.fields[column];
  if (value === true || value === 1) return true;
  if (value === false || value === 0) return false;
  throw wrong(row, column, "true or false", value);
}

function labelIndex(row: SourceRow, labels: readonly string[], field: string): number {
  const value = row.fields[field];
  const named = typeof value === "string" ? labels.indexOf(value) : -1;
  if (named >= 0) return named;
  const index =
    typeof value === "boolean" ? Number(value) : typeof value === "string" ? indexIn(value) : value;
  if (typeof index === "number" && Number.isInteger(index) && index >= 0 && index < labels.length)
    return index;
  throw wrong(row, field, `one of ${labels.join(", ")}, or its index`, value);
}

function indexIn(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

function wrong(row: SourceRow, column: string, expected: string, got: unknown): DatasetError {
  const shown = typeof got === "number" || typeof got === "boolean" ? `${got}` : typeof got;
  return new DatasetError(`${placeOf(row)}: expected ${expected} in "${column}", got ${shown}`);
}
