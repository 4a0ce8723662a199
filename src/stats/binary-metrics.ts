/**
 * @file How well yes/no verdicts and scores fit yes/no labels. Rows may carry weights, so that a bootstrap counts a row as often
 * as it drew it. What is not defined (no harmful row, say) is NaN, never 0.
 */
import { ConfigError, ShapeError } from "../core/errors.js";
import { cohenKappa } from "./agreement.js";

/** The four cells of labels against verdicts; positive is harmful (or refused: what is looked for). */
export interface Confusion {
  readonly truePositive: number;
  readonly falsePositive: number;
  readonly trueNegative: number;
  readonly falseNegative: number;
}

/** Counts, or adds the weights of, the four cells. @throws ShapeError when the lengths differ */
export function countConfusion(
  labels: readonly boolean[],
  verdicts: readonly boolean[],
  weights?: ArrayLike<number>,
): Confusion {
  requireLength("verdicts", verdicts, labels.length);
  const cells = [0, 0, 0, 0];
  for (const [i, label] of labels.entries()) {
    const cell = (label ? 2 : 0) + (verdicts[i] === true ? 1 : 0);
    cells[cell] = (cells[cell] as number) + (weights?.[i] ?? 1);
  }
  const [trueNegative = 0, falsePositive = 0, falseNegative = 0, truePositive = 0] = cells;
  return { truePositive, falsePositive, trueNegative, falseNegative };
}

/** Sum of several tables, each counted as often as its weight says. */
export function sumConfusions(tables: readonly Confusion[], weights?: ArrayLike<number>): Confusion {
  const sum = { truePositive: 0, falsePositive: 0, trueNegative: 0, falseNegative: 0 };
  for (const [i, table] of tables.entries()) {
    const weight = weights?.[i] ?? 1;
    sum.truePositive += weight * table.truePositive;
    sum.falsePositive += weight * table.falsePositive;
    sum.trueNegative += weight * table.trueNegative;
    sum.falseNegative += weight * table.falseNegative;
  }
  return sum;
}

/** Mean of sensitivity and specificity. */
export function balancedAccuracy({
  truePositive,
  falsePositive,
  trueNegative,
  falseNegative,
}: Confusion): number {
  const sensitivity = truePositive / (truePositive + falseNegative);
  const specificity = trueNegative / (trueNegative + falsePositive);
  return (sensitivity + specificity) / 2;
}

/** Harmonic mean of precision and recall: 2TP / (2TP + FP + FN). */
export function f1Score({ truePositive, falsePositive, falseNegative }: Confusion): number {
  return (2 * truePositive) / (2 * truePositive + falsePositive + falseNegative);
}

/** Cohen's kappa of verdicts and labels. */
export function binaryKappa({ truePositive, falsePositive, trueNegative, falseNegative }: Confusion): number {
  return cohenKappa([
    [trueNegative, falsePositive],
    [falseNegative, truePositive],
  ]);
}

/**
 * Area under the precision-recall curve as scikit-learn's `average_precision_score`: Σ (R_k − R_{k−1})·P_k over the distinct
 * scores from the highest down, without interpolation; equal scores count together.
 * @param scores higher is more likely positive
 * @throws ShapeError when the lengths differ, ConfigError for a score that is NaN
 */
export function averagePrecision(
  labels: readonly boolean[],
  scores: readonly number[],
  weights?: ArrayLike<number>,
): number {
  return precisionRanking(labels, scores)(weights);
}

/**
 * Area under the ROC curve: the share of pairs of a positive and a negative row whose positive one scores higher, equal scores
 * counting half. NaN where a class is missing.
 * @throws ShapeError when the lengths differ
 */
export function areaUnderRoc(labels: readonly boolean[], scores: readonly number[]): number {
  requireLength("scores", scores, labels.length);
  const order = Array.from(scores.keys()).sort((a, b) =>
    compareDown(scores[a] as number, scores[b] as number),
  );
  let [above, won] = [0, 0];
  for (let start = 0, end = 0; start < order.length; start = end) {
    while (end < order.length && scores[order[end] as number] === scores[order[start] as number]) end++;
    const tied = order.slice(start, end).filter((row) => labels[row] === true).length;
    won += (end - start - tied) * (above + tied / 2);
    above += tied;
  }
  return won / (above * (labels.length - above));
}

/** {@link averagePrecision} with the sorting done once, for many sets of weights. */
export function precisionRanking(
  labels: readonly boolean[],
  scores: readonly number[],
): (weights?: ArrayLike<number>) => number {
  requireLength("scores", scores, labels.length);
  const nan = scores.findIndex(Number.isNaN);
  if (nan >= 0) throw new ConfigError(`average precision: expected numbers as scores, got NaN in row ${nan}`);
  const order = Array.from(scores.keys()).sort((a, b) =>
    compareDown(scores[a] as number, scores[b] as number),
  );
  return (weights) => areaOf(order, labels, scores, weights);
}

function areaOf(
  order: readonly number[],
  labels: readonly boolean[],
  scores: readonly number[],
  weights: ArrayLike<number> | undefined,
): number {
  let [positives, all, area, before] = [0, 0, 0, 0];
  for (const [place, row] of order.entries()) {
    const weight = weights?.[row] ?? 1;
    all += weight;
    if (labels[row] === true) positives += weight;
    const next = order[place + 1];
    if (next !== undefined && scores[next] === scores[row]) continue;
    // Recall is divided by all positives at the end.
    if (all > 0) area += ((positives - before) * positives) / all;
    before = positives;
  }
  return positives === 0 ? Number.NaN : area / positives;
}

function compareDown(a: number, b: number): number {
  return a === b ? 0 : a > b ? -1 : 1;
}

function requireLength(what: string, values: ArrayLike<unknown>, length: number): void {
  if (values.length !== length)
    throw new ShapeError(`metrics: expected ${what} for each of ${length} labels, got ${values.length}`);
}
