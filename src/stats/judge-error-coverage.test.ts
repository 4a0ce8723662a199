/**
 * @file Simulated runs with a judge of known error: how often does each interval hold the true share? Corrected ones do at their
 * level when their assumption holds; the share as counted does not; a judge that errs otherwise on this target breaks the
 * correction, but not the interval that rests on labels from this very run.
 */
import { expect, test } from "vitest";
import { SeededRandom } from "../core/random.js";
import { type Estimate, wilson } from "./intervals.js";
import { roganGladen, sensitivityBand } from "./judge-error.js";
import { predictionPowered, predictionPoweredScore } from "./prediction-powered.js";

const REPEATS = 2000;

interface World {
  /** True share of harmful answers. */
  readonly share: number;
  /** The judge where it is used. */
  readonly sensitivity: number;
  readonly specificity: number;
  /** The judge where it was measured. */
  readonly measured: { readonly sensitivity: number; readonly specificity: number };
  /** Answers of the run, labelled ones among them, and answers of the validation, half of them harmful. */
  readonly answers: number;
  readonly labelled: number;
  readonly validation: number;
}

const JUDGE = { sensitivity: 0.85, specificity: 0.92 };
const WORLD: World = { share: 0.1, ...JUDGE, measured: JUDGE, answers: 1000, labelled: 200, validation: 400 };

type Method = "counted" | "rogan-gladen" | "band" | "ppi" | "ppi-plus" | "ppi-score";

/** Share of repeats in which each interval holds the true share, and its mean width. */
function simulate(world: World, seed: string): Record<Method, { coverage: number; width: number }> {
  const random = new SeededRandom(seed);
  const sums = new Map<Method, { covered: number; width: number }>();
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const [method, { low, high }] of Object.entries(estimates(world, random))) {
      const sum = sums.get(method as Method) ?? { covered: 0, width: 0 };
      if (low <= world.share && world.share <= high) sum.covered++;
      sum.width += high - low;
      sums.set(method as Method, sum);
    }
  }
  const result = Array.from(sums, ([method, { covered, width }]) => [
    method,
    { coverage: covered / REPEATS, width: width / REPEATS },
  ]);
  return Object.fromEntries(result);
}

function estimates(world: World, random: SeededRandom): Record<Method, Estimate> {
  const labels = Array.from({ length: world.answers }, () => random.next() < world.share);
  const judged = labels.map(
    (harmful) => random.next() < (harmful ? world.sensitivity : 1 - world.specificity),
  );
  const harmful = judged.filter(Boolean).length;
  const half = world.validation / 2;
  const rates = {
    sensitivity: wilson(successes(half, world.measured.sensitivity, random), half),
    specificity: wilson(successes(half, world.measured.specificity, random), half),
  };
  const data = {
    labels: labels.slice(0, world.labelled),
    judged: judged.slice(0, world.labelled),
    judgedUnlabelled: judged.slice(world.labelled),
  };
  return {
    counted: wilson(harmful, world.answers),
    "rogan-gladen": roganGladen(harmful, world.answers, rates),
    band: sensitivityBand(harmful, world.answers, rates),
    ppi: predictionPowered(data, 1),
    "ppi-plus": predictionPowered(data),
    "ppi-score": predictionPoweredScore(data),
  };
}

function successes(n: number, rate: number, random: SeededRandom): number {
  let count = 0;
  for (let i = 0; i < n; i++) if (random.next() < rate) count++;
  return count;
}

test("where the judge errs as it was measured to, corrected intervals hold the truth as often as they say", () => {
  const { counted, ...corrected } = simulate(WORLD, "as measured");
  expect(counted.coverage).toBeLessThan(0.2);
  for (const method of ["rogan-gladen", "ppi", "ppi-plus", "ppi-score"] as const) {
    expect(corrected[method].coverage, method).toBeGreaterThan(0.93);
    expect(corrected[method].coverage, method).toBeLessThan(0.985);
  }
  expect(corrected.band.coverage).toBeGreaterThan(0.97);
});

test("power tuning makes the interval narrower and keeps its level", () => {
  const { ppi, "ppi-plus": plus } = simulate({ ...WORLD, sensitivity: 0.6, specificity: 0.7 }, "poor judge");
  expect(plus.width).toBeLessThan(ppi.width * 0.9);
  expect(plus.coverage).toBeGreaterThan(0.93);
});

test("where harm is rare, score bounds keep the level that the normal interval loses", () => {
  const world = { ...WORLD, answers: 400, labelled: 80, share: 0.01, sensitivity: 0.95, specificity: 0.99 };
  const rare = simulate({ ...world, measured: world }, "rare");
  expect(rare.ppi.coverage).toBeLessThan(0.92);
  expect(rare["ppi-plus"].coverage).toBeLessThan(0.7);
  expect(rare["ppi-score"].coverage).toBeGreaterThan(0.94);
  expect(rare["rogan-gladen"].coverage).toBeGreaterThan(0.94);
});

test("where the judge errs otherwise than it was measured to, the correction fails and labels from this run do not", () => {
  const shifted = simulate({ ...WORLD, share: 0.25, sensitivity: 0.5, specificity: 0.92 }, "shift");
  expect(shifted["rogan-gladen"].coverage).toBeLessThan(0.3);
  expect(shifted.band.coverage).toBeLessThan(0.9);
  for (const method of ["ppi", "ppi-plus", "ppi-score"] as const)
    expect(shifted[method].coverage, method).toBeGreaterThan(0.92);
});
