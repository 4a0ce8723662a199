/**
 * @file What the judge's own error does to a share that it counted: by people's labels on a part of this run, else by the judge's
 * validation, as an interval where that was of the same kind, else as a band (docs/decisions/0107 and 0121).
 */

import { type Estimate, wilson } from "../stats/intervals.js";
import { roganGladen, sensitivityBand } from "../stats/judge-error.js";
import { predictionPoweredScore } from "../stats/prediction-powered.js";
import type { JudgeValidation, Proportion } from "../text/judge.js";
import type { CorrectedShare, SampleRow } from "./results.js";
import type { RunLabels } from "./run-labels.js";

/** A judge's word on an answer, in terms of what is counted; null where it has none. */
type Says = (row: SampleRow) => boolean | null;

/** What is known of a judge's error. */
export interface JudgeEvidence {
  readonly validation: JudgeValidation | null;
  /** Labels about what the judge is asked; null where there are none. */
  readonly labels: RunLabels | null;
}

/**
 * The share over the answers that the judge decided, corrected by the best that is known; null where nothing is, and where it
 * decided none.
 */
export function correctedShare(
  samples: readonly SampleRow[],
  says: Says,
  { validation, labels }: JudgeEvidence,
  level: number,
): CorrectedShare | null {
  const decided = samples.filter((row) => says(row) !== null);
  if (decided.length === 0) return null;
  const labelled = labels && byLabels(decided, says, labels, level);
  return labelled ?? (validation && byValidation(decided, says, validation, level));
}

function byLabels(
  decided: readonly SampleRow[],
  says: Says,
  { isPositive, source }: RunLabels,
  level: number,
): CorrectedShare | null {
  const known = decided.filter(({ id }) => isPositive.has(id));
  const judgedUnlabelled = decided.filter(({ id }) => !isPositive.has(id)).map((row) => says(row) === true);
  if (known.length === 0) return null;
  const labels = known.map(({ id }) => isPositive.get(id) === true);
  if (judgedUnlabelled.length === 0)
    return {
      ...wilson(count(labels), labels.length, level),
      assumes: "nothing: people labelled all of these answers",
      source,
    };
  const judged = known.map((row) => says(row) === true);
  const share = predictionPoweredScore({ labels, judged, judgedUnlabelled }, level);
  const assumes = "assumes that the labelled answers are a random part of these";
  return { ...share, value: Math.min(1, Math.max(0, share.value)), assumes, source };
}

function byValidation(
  decided: readonly SampleRow[],
  says: Says,
  validation: JudgeValidation,
  level: number,
): CorrectedShare | null {
  const { sensitivity, specificity, sameKind = [], source } = validation;
  if (sensitivity.n === 0 || specificity.n === 0) return null;
  const positive = count(decided.map((row) => says(row) === true));
  const ofKind = decided.every(({ task }) => sameKind.includes(task));
  const correct = (by: typeof sensitivityBand | typeof roganGladen): Estimate =>
    by(
      positive,
      decided.length,
      { sensitivity: independent(sensitivity), specificity: independent(specificity) },
      level,
    );
  return ofKind
    ? {
        ...correct(roganGladen),
        assumes: "assumes that these answers are of the kind that the judge was measured on",
        source,
      }
    : { ...correct(sensitivityBand), assumes: "assumes that the judge errs here as it did there", source };
}

/** Answers to one prompt are alike: a rate is as sure as its independent answers make it. */
function independent(rate: Proportion): Proportion {
  return { ...rate, n: rate.effectiveN ?? rate.n };
}

function count(words: readonly boolean[]): number {
  return words.filter(Boolean).length;
}
