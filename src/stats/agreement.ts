/** @file Agreement beyond chance of two raters (Cohen's kappa) and of any number with gaps (Krippendorff's alpha). */
import { ShapeError } from "../core/errors.js";

/**
 * Cohen's kappa (1960, Educ. Psychol. Meas. 20:37): (p_o − p_e) / (1 − p_e), p_e from the raters' own shares. NaN where both
 * gave one and the same label throughout.
 * @param table counts or weights, rows the first rater's labels, columns the second's, same order
 * @throws ShapeError when the table is not square
 */
export function cohenKappa(table: readonly (readonly number[])[]): number {
  if (table.some((row) => row.length !== table.length))
    throw new ShapeError(`kappa: expected a square table, got rows of ${table.map((row) => row.length)}`);
  const total = sum(table.map(sum));
  const observed = sum(table.map((row, i) => row[i] as number)) / total;
  const columns = table.map((_, j) => sum(table.map((row) => row[j] as number)));
  const expected = sum(table.map((row, i) => (sum(row) * (columns[i] as number)) / total ** 2));
  return expected === 1 ? Number.NaN : (observed - expected) / (1 - expected);
}

/** A table of labels for {@link cohenKappa}, labels in the order in which they first appear. @throws ShapeError when the lengths differ */
export function crossTable(
  first: readonly string[],
  second: readonly string[],
): { readonly labels: readonly string[]; readonly table: readonly (readonly number[])[] } {
  if (first.length !== second.length)
    throw new ShapeError(
      `kappa: expected two labels for each unit, got ${first.length} and ${second.length}`,
    );
  const labels = [...new Set([...first, ...second])];
  const table = labels.map((a) =>
    labels.map((b) => first.filter((label, i) => label === a && second[i] === b).length),
  );
  return { labels, table };
}

/**
 * Krippendorff's alpha for nominal labels (Hayes & Krippendorff 2007, Commun. Methods Meas. 1:77): 1 − D_o / D_e over the
 * coincidences of labels inside units. Units with fewer than two labels do not count. NaN where only one label occurs.
 * @param units the labels that each unit got, `null` where a rater gave none
 * @param weights how often each unit counts; default once
 */
export function krippendorffAlpha(
  units: readonly (readonly (string | null)[])[],
  weights?: ArrayLike<number>,
): number {
  const totals = new Map<string, number>();
  let disagreements = 0;
  for (const [i, unit] of units.entries()) {
    const counts = countLabels(unit);
    const size = sum([...counts.values()]);
    if (size < 2) continue;
    const weight = weights?.[i] ?? 1;
    for (const [label, count] of counts) totals.set(label, (totals.get(label) ?? 0) + weight * count);
    disagreements += (weight * unequalPairs([...counts.values()])) / (size - 1);
  }
  const counts = [...totals.values()];
  const expected = unequalPairs(counts) / (sum(counts) - 1);
  return expected > 0 ? 1 - disagreements / expected : Number.NaN;
}

function countLabels(unit: readonly (string | null)[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const label of unit) if (label !== null) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** Ordered pairs of different labels. */
function unequalPairs(counts: readonly number[]): number {
  return sum(counts) ** 2 - sum(counts.map((count) => count ** 2));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
