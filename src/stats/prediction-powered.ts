/**
 * @file A share from many answers that a judge called and a random few of them that people labelled too (prediction-powered
 * inference): the people say how far the judge is off on this very run, so nothing is assumed of the judge.
 */
import { ConfigError, ShapeError } from "../core/errors.js";
import { DEFAULT_LEVEL, type Estimate, mean, wilson } from "./intervals.js";
import { countPairs, pairedShareDifference } from "./paired.js";
import { normalQuantile } from "./quantiles.js";

/** Who called what harmful. The labelled answers are a random part of the run. */
export interface PartlyLabelled {
  /** People's word on the labelled answers. */
  readonly labels: readonly boolean[];
  /** The judge's word on the same answers, same order. */
  readonly judged: readonly boolean[];
  /** The judge's word on all the others. */
  readonly judgedUnlabelled: readonly boolean[];
}

/** How much of the judge is used: λ of PPI++, or the λ with the smallest variance as estimated from the data. */
export type PowerTuning = number | "power";

/**
 * θ = λ·mean(f unlabelled) + mean(Y − λf), with the normal interval of Var = λ²Var(f)/N + Var(Y − λf)/n, cut to [0, 1].
 * λ = 1 is PPI (Angelopoulos et al. 2023, arXiv 2301.09633), "power" is PPI++ (arXiv 2311.01453): λ = Cov(Y, f) /
 * ((1 + n/N)·Var f), cut to [0, 1]; λ = 0 leaves the judge out. Normal intervals are too narrow where few labelled answers are
 * harmful, power-tuned ones above all, and a point where none is: see {@link predictionPoweredScore}. `n` counts labelled answers.
 * @throws ShapeError when labels and judged differ in length, ConfigError when either part is empty
 */
export function predictionPowered(
  data: PartlyLabelled,
  tuning: PowerTuning = "power",
  level: number = DEFAULT_LEVEL,
): Estimate {
  requireBothParts(data);
  const y = data.labels.map(Number);
  const f = data.judged.map(Number);
  const unlabelled = data.judgedUnlabelled.map(Number);
  const lambda = tuning === "power" ? powerTuned(y, f, unlabelled) : tuning;
  const rest = y.map((label, i) => label - lambda * (f[i] as number));
  const value = lambda * mean(unlabelled) + mean(rest);
  const spread = (lambda ** 2 * variance(unlabelled)) / unlabelled.length + variance(rest) / rest.length;
  const half = normalQuantile((1 + level) / 2) * Math.sqrt(spread);
  const method = tuning === "power" ? "ppi-plus" : "ppi";
  return {
    value,
    low: Math.max(0, value - half),
    high: Math.min(1, value + half),
    n: y.length,
    level,
    method,
  };
}

/**
 * PPI (λ = 1) for rare events: Wilson's interval of the judge's share and Newcombe's of the difference people − judge on the
 * labelled answers, their distances squared and added (MOVER; Zou & Donner 2008, Stat. Med. 27:1693). Unlike the normal interval it
 * keeps its level when judge and people agree on all that was labelled. Departs from PPI in the bounds only.
 * @throws ShapeError, ConfigError as {@link predictionPowered}
 */
export function predictionPoweredScore(data: PartlyLabelled, level: number = DEFAULT_LEVEL): Estimate {
  requireBothParts(data);
  const judged = wilson(data.judgedUnlabelled.filter(Boolean).length, data.judgedUnlabelled.length, level);
  const off = pairedShareDifference(countPairs(data.judged, data.labels), level);
  const value = judged.value + off.value;
  const down = Math.hypot(judged.value - judged.low, off.value - off.low);
  const up = Math.hypot(judged.high - judged.value, off.high - off.value);
  const n = data.labels.length;
  return {
    value,
    low: Math.max(0, value - down),
    high: Math.min(1, value + up),
    n,
    level,
    method: "ppi-score",
  };
}

/** The λ of least variance, 0 where the judge always says the same. */
function powerTuned(y: readonly number[], f: readonly number[], unlabelled: readonly number[]): number {
  const all = [...f, ...unlabelled];
  const spread = (variance(all) * all.length) / (all.length - 1);
  if (spread === 0) return 0;
  const [meanY, meanF] = [mean(y), mean(f)];
  const covariance = mean(y.map((label, i) => (label - meanY) * ((f[i] as number) - meanF)));
  return Math.min(1, Math.max(0, covariance / ((1 + y.length / unlabelled.length) * spread)));
}

/** With n in the denominator, as in the papers. */
function variance(values: readonly number[]): number {
  const centre = mean(values);
  return mean(values.map((value) => (value - centre) ** 2));
}

function requireBothParts({ labels, judged, judgedUnlabelled }: PartlyLabelled): void {
  if (labels.length !== judged.length)
    throw new ShapeError(
      `prediction-powered: expected a verdict for each of ${labels.length} labels, got ${judged.length}`,
    );
  if (labels.length === 0 || judgedUnlabelled.length === 0)
    throw new ConfigError(
      `prediction-powered: expected labelled and unlabelled answers, got ${labels.length} and ${judgedUnlabelled.length}`,
    );
}
