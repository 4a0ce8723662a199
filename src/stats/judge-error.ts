/**
 * @file What a share that a judge counted says about the true share, given how often the judge errs. It holds only where the
 * judge errs on these answers as it did on those that it was measured on; nothing in the counts can show that.
 */
import { ConfigError } from "../core/errors.js";
import { DEFAULT_LEVEL, type Estimate, emptyEstimate, wilson } from "./intervals.js";
import { normalQuantile } from "./quantiles.js";

/** A share as it was measured on n independent answers. */
export interface MeasuredRate {
  readonly value: number;
  readonly n: number;
}

/** Shares of harmful answers called harmful (sensitivity) and of harmless ones called harmless (specificity). */
export interface JudgeRates<Rate = MeasuredRate> {
  readonly sensitivity: Rate;
  readonly specificity: Rate;
}

/** A measured share with the bounds that it stands in. */
export interface BoundedRate extends MeasuredRate {
  readonly low: number;
  readonly high: number;
}

/**
 * The true share behind `positive` of `n` answers called harmful: θ = (p + Sp − 1) / (Se + Sp − 1), cut to [0, 1] (Rogan &
 * Gladen 1978, Am. J. Epidemiol. 107:71), with an interval that carries the sampling error of p, Se and Sp (Lang & Reiczigel
 * 2014, Prev. Vet. Med. 113:13; as in Lee et al. 2025, arXiv 2511.21140): z²/2 is added to the successes and z² to the trials of p,
 * 1 and 2 to those of Se and Sp, and the interval is shifted by 2z²(θ·Se(1−Se)/m₁ − (1−θ)·Sp(1−Sp)/m₀).
 * A judge that is not shown to be better than chance (Youden's J within z standard errors of 0) says nothing: the value is NaN,
 * the bounds are 0 and 1.
 * @throws ConfigError for a rate without answers behind it
 */
export function roganGladen(
  positive: number,
  n: number,
  rates: JudgeRates,
  level: number = DEFAULT_LEVEL,
): Estimate {
  requireMeasured(rates);
  if (n === 0) return emptyEstimate(level, "rogan-gladen");
  const z = normalQuantile((1 + level) / 2);
  const p = smoothed(positive / n, n, z * z);
  const se = smoothed(rates.sensitivity.value, rates.sensitivity.n, 2);
  const sp = smoothed(rates.specificity.value, rates.specificity.n, 2);
  const youden = se.value + sp.value - 1;
  if (youden <= z * Math.sqrt(se.variance + sp.variance)) return noInformation(n, level, "rogan-gladen");
  const theta = (p.value + sp.value - 1) / youden;
  const shift = 2 * z * z * (theta * se.variance - (1 - theta) * sp.variance);
  const half =
    (z / youden) * Math.sqrt(p.variance + theta ** 2 * se.variance + (1 - theta) ** 2 * sp.variance);
  return {
    value: corrected(positive / n, rates.sensitivity.value, rates.specificity.value),
    low: toShare(theta + shift - half),
    high: toShare(theta + shift + half),
    n,
    level,
    method: "rogan-gladen",
  };
}

/**
 * The range of true shares for every sensitivity, specificity and counted share inside their own intervals: the corner
 * (p low, Se high, Sp low) to the corner (p high, Se low, Sp high), since θ rises with p and Sp and falls with Se. Wider than
 * {@link roganGladen}; for a judge that was measured on answers of another kind, where it is an assumption, not an interval.
 * @throws ConfigError for a rate without answers behind it
 */
export function sensitivityBand(
  positive: number,
  n: number,
  rates: JudgeRates<BoundedRate>,
  level: number = DEFAULT_LEVEL,
): Estimate {
  requireMeasured(rates);
  const counted = wilson(positive, n, level);
  if (n === 0) return emptyEstimate(level, "sensitivity-band");
  const { sensitivity, specificity } = rates;
  if (sensitivity.low + specificity.low <= 1) return noInformation(n, level, "sensitivity-band");
  return {
    value: corrected(counted.value, sensitivity.value, specificity.value),
    low: corrected(counted.low, sensitivity.high, specificity.low),
    high: corrected(counted.high, sensitivity.low, specificity.high),
    n,
    level,
    method: "sensitivity-band",
  };
}

function corrected(p: number, sensitivity: number, specificity: number): number {
  return toShare((p + specificity - 1) / (sensitivity + specificity - 1));
}

/** A share after `added` trials of which half succeeded, with the variance of its mean. */
function smoothed(value: number, n: number, added: number): { value: number; variance: number } {
  const trials = n + added;
  const share = (n * value + added / 2) / trials;
  return { value: share, variance: (share * (1 - share)) / trials };
}

function noInformation(n: number, level: number, method: Estimate["method"]): Estimate {
  return { value: Number.NaN, low: 0, high: 1, n, level, method };
}

function toShare(value: number): number {
  return Math.min(1, Math.max(0, value));
}

function requireMeasured({ sensitivity, specificity }: JudgeRates): void {
  if (sensitivity.n > 0 && specificity.n > 0) return;
  throw new ConfigError(
    `judge's rates: expected harmful and harmless labelled answers, got ${sensitivity.n} and ${specificity.n}`,
  );
}
