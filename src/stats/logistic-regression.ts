/**
 * @file Logistic regression with an L2 penalty, exact: l2/2·‖w‖² + Σ weight·log(1 + exp(−y·(x·w + b))), the intercept b not
 * penalised, which is scikit-learn's with C = 1/l2. A row may be a difference of two rows: it has no intercept, and the
 * same formula is then Bradley and Terry's model of which of the two is more.
 */
import { ShapeError } from "../core/errors.js";
import { type MinimiseOptions, minimise } from "./lbfgs.js";

/** Rows of numbers, however they are stored. */
export interface Design {
  readonly rows: number;
  readonly columns: number;
  /** Row times weights [columns]. */
  dot(row: number, weights: Float64Array): number;
  /** target += factor · row */
  addScaled(row: number, factor: number, target: Float64Array): void;
}

/** What is learnt, and how. */
export interface LogisticOptions extends MinimiseOptions {
  /** Weight of the penalty, at least 0. */
  readonly l2: number;
  /** Of each row; default 1. */
  readonly weights?: ArrayLike<number>;
  /** Rows that are differences: no intercept. Default none. */
  readonly isDifference?: readonly boolean[];
}

/** What was learnt: log-odds of a row x are x·weights + intercept. */
export interface LogisticModel {
  readonly weights: Float64Array;
  readonly intercept: number;
  readonly isConverged: boolean;
}

/** Fits the model. @throws ShapeError when labels or weights are of another number of rows */
export function fitLogistic(
  design: Design,
  labels: readonly boolean[],
  { l2, weights, isDifference, ...options }: LogisticOptions,
): LogisticModel {
  const { rows, columns } = design;
  for (const each of [labels, weights, isDifference])
    if (each !== undefined && each.length !== rows)
      throw new ShapeError(`logistic regression: expected ${rows} labels and weights, got ${each.length}`);
  // The intercept is the last parameter.
  const objective = (x: Float64Array, gradient: Float64Array): number => {
    const w = x.subarray(0, columns);
    gradient.fill(0);
    let value = 0;
    for (let row = 0; row < rows; row++) {
      const sign = labels[row] === true ? 1 : -1;
      const weight = weights?.[row] ?? 1;
      const constant = isDifference?.[row] === true ? 0 : 1;
      const margin = sign * (design.dot(row, w) + constant * (x[columns] as number));
      value += weight * softplus(-margin);
      const slope = -sign * weight * sigmoid(-margin);
      design.addScaled(row, slope, gradient);
      gradient[columns] = (gradient[columns] as number) + constant * slope;
    }
    for (let j = 0; j < columns; j++) {
      value += (l2 / 2) * (w[j] as number) ** 2;
      gradient[j] = (gradient[j] as number) + l2 * (w[j] as number);
    }
    return value;
  };
  const { x, isConverged } = minimise(objective, new Float64Array(columns + 1), options);
  return { weights: x.slice(0, columns), intercept: x[columns] as number, isConverged };
}

/** 1 / (1 + e^−x) */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** log(1 + e^x), without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** A design of stored numbers, row major. */
export function denseDesign(values: Float32Array | Float64Array, columns: number): Design {
  return {
    rows: columns === 0 ? 0 : values.length / columns,
    columns,
    dot: (row, weights) => {
      let sum = 0;
      for (let j = 0, at = row * columns; j < columns; j++, at++)
        sum += (values[at] as number) * (weights[j] as number);
      return sum;
    },
    addScaled: (row, factor, target) => {
      for (let j = 0, at = row * columns; j < columns; j++, at++)
        target[j] = (target[j] as number) + factor * (values[at] as number);
    },
  };
}

/** The entries of a row that are not zero. */
export interface SparseRow {
  readonly columns: Int32Array;
  readonly values: Float64Array;
}

/** A design of rows that are mostly zeros. */
export function sparseDesign(rows: readonly SparseRow[], columns: number): Design {
  return {
    rows: rows.length,
    columns,
    dot: (row, weights) => sparseDot(rows[row] as SparseRow, weights),
    addScaled: (row, factor, target) => {
      const { columns: places, values } = rows[row] as SparseRow;
      for (let k = 0; k < places.length; k++) {
        const j = places[k] as number;
        target[j] = (target[j] as number) + factor * (values[k] as number);
      }
    },
  };
}

/** A sparse row times weights. */
export function sparseDot({ columns, values }: SparseRow, weights: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < columns.length; k++)
    sum += (values[k] as number) * (weights[columns[k] as number] as number);
  return sum;
}
