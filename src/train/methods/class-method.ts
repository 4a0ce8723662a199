/** @file Classifiers for the loop: cross-entropy over the labels of answers, with a weight a class. */
import { DatasetError } from "../../core/errors.js";
import { classLossValue } from "../losses/class.js";
import {
  addSums,
  figure,
  type Metrics,
  type Sums,
  type TrainingMethod,
  type TrainingRow,
  vector,
} from "../method.js";
import type { TokenOutputs } from "../runner.js";

/** An answer with its label. */
export interface ClassRow extends TrainingRow {
  readonly label: number;
}

/** The method of `train reward --head classifier`. @param weights one a class */
export function classMethod(weights: readonly number[]): TrainingMethod<ClassRow> {
  const weightOf = ({ label }: ClassRow) => weights[label] ?? Number.NaN;
  return {
    name: "classifier",
    inputs: (microBatch, step) => ({
      targets: {
        dtype: "float32",
        shape: [microBatch.length, weights.length],
        data: Float32Array.from(
          microBatch.flatMap((row) => weights.map((weight, label) => (label === row.label ? weight : 0))),
        ),
      },
      normaliser: vector(step.reduce((sum, row) => sum + weightOf(row), 0)),
    }),
    measure: (microBatch, _packed, outputs) =>
      microBatch
        .map((row, i) => rowFigures(scoresOf(outputs, i, weights.length), row.label, weightOf(row)))
        .reduce(addSums, {}),
    summarise,
  };
}

/**
 * The weight of every class: as given, or so that each class weighs as much as any other and all rows together as many.
 * @throws DatasetError for a class without rows
 */
export function classWeights(
  rows: readonly ClassRow[],
  labels: readonly string[],
  asked: "balanced" | readonly number[] | undefined,
): readonly number[] {
  const counts = labels.map((_, label) => rows.filter((row) => row.label === label).length);
  const absent = labels[counts.indexOf(0)];
  if (absent !== undefined)
    throw new DatasetError(`training data: expected rows of every label, got none of ${absent}`);
  if (asked === "balanced") return counts.map((count) => rows.length / (labels.length * count));
  return asked ?? labels.map(() => 1);
}

function scoresOf({ scores }: TokenOutputs, i: number, labels: number): readonly number[] {
  return Array.from({ length: labels }, (_, label) => scores?.[i * labels + label] ?? Number.NaN);
}

function rowFigures(scores: readonly number[], label: number, weight: number): Sums {
  const isRight = scores.every((score, other) => other === label || score < (scores[label] as number));
  return { rows: 1, weight, loss: weight * classLossValue(scores, label), accurate: isRight ? 1 : 0 };
}

function summarise(sums: Sums): Metrics {
  return {
    loss: figure(sums, "loss") / figure(sums, "weight"),
    accuracy: figure(sums, "accurate") / figure(sums, "rows"),
  };
}
