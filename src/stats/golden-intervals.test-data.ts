/** @file Reads `test/golden/intervals.json` for the tests of this folder; not in the package. */
import { readFileSync } from "node:fs";

/** Golden numbers of scipy and statsmodels; equal within this. */
export const TOLERANCE = 1e-9;

/** What `reference/intervals_golden.py` wrote. */
export interface IntervalsGolden {
  readonly normalCdf: Table;
  readonly binomialCdf: Table;
  readonly clustered: readonly (Bounded & { readonly values: number[]; readonly clusters: number[] })[];
  readonly bootstrap: readonly {
    readonly values: number[];
    readonly draws: number[];
    readonly level: number;
    readonly percentile: readonly [number, number];
    readonly bca: readonly [number, number];
  }[];
  readonly newcombe: Table;
  readonly meanDifference: readonly (Bounded & { readonly sets: [number, number, number, number][] })[];
  readonly holm: readonly { readonly pValues: number[]; readonly adjusted: number[] }[];
  readonly wilsonPower: Table;
  readonly mcnemarPower: Table;
  readonly promptsNeeded: { readonly rows: [number, number, number, number, "below" | "above", number][] };
}

interface Table {
  readonly rows: number[][];
}

interface Bounded {
  readonly level: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The golden file. */
export const GOLDEN: IntervalsGolden = JSON.parse(
  readFileSync(new URL("../../test/golden/intervals.json", import.meta.url), "utf8"),
) as IntervalsGolden;

/** The largest absolute difference of two lists. */
export function farthest(got: readonly number[], wanted: readonly number[]): number {
  return Math.max(...got.map((x, i) => Math.abs(x - (wanted[i] ?? Number.NaN))));
}
