/** @file Reads `test/golden/judge-statistics.json` for the tests of this folder; not in the package. */
import { readFileSync } from "node:fs";

/** Golden numbers of ppi-python, scikit-learn, krippendorff and statsmodels; equal within this. */
export const TOLERANCE = 1e-9;

/** Value, lower and upper bound. */
export type Triple = readonly [value: number, low: number, high: number];

/** Scores of one set of weights. */
interface BinaryScores {
  readonly averagePrecision: number;
  readonly f1: number;
  readonly balancedAccuracy: number;
  readonly kappa: number;
}

/** What `reference/judge_statistics_golden.py` wrote. */
export interface JudgeStatisticsGolden {
  /** positive, n, truePositive, harmful, trueNegative, harmless, level, value, low, high */
  readonly roganGladen: { readonly rows: readonly number[][] };
  readonly band: { readonly rows: readonly number[][] };
  readonly predictionPowered: readonly {
    readonly labels: readonly number[];
    readonly judged: readonly number[];
    readonly judgedUnlabelled: readonly number[];
    readonly level: number;
    readonly ppi: Triple;
    readonly half: Triple;
    readonly plus: Triple;
    readonly score: Triple;
  }[];
  readonly binary: readonly {
    readonly labels: readonly number[];
    readonly scores: readonly number[];
    readonly threshold: number;
    readonly weights: readonly number[];
    readonly plain: BinaryScores;
    readonly weighted: BinaryScores;
  }[];
  readonly agreement: readonly {
    readonly units: readonly (readonly (string | null)[])[];
    readonly alpha: number;
    readonly kappa?: number;
  }[];
  readonly clustered: readonly {
    readonly values: readonly number[];
    readonly clusters: readonly number[];
    readonly level: number;
    readonly n: number;
    readonly value: number;
    readonly low: number;
    readonly high: number;
  }[];
}

/** The golden file. */
export const judgeGolden = JSON.parse(
  readFileSync(new URL("../../test/golden/judge-statistics.json", import.meta.url), "utf8"),
) as JudgeStatisticsGolden;

/** Largest distance of value and bounds from a golden triple. */
export function distance(
  got: { readonly value: number; readonly low: number; readonly high: number },
  wanted: Triple,
): number {
  return Math.max(...[got.value, got.low, got.high].map((x, i) => Math.abs(x - (wanted[i] as number))));
}
