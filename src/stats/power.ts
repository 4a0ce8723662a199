/**
 * @file How many prompts a decision takes: the power of a Wilson bound and of exact McNemar, and the number of prompts at
 * which a bound would pass its threshold if the observed rates stayed as they are. A number of the second kind is a plan,
 * not a promise: with the rate at its expected value, about half of the repetitions need a few more.
 */
import { ConfigError } from "../core/errors.js";
import { DEFAULT_LEVEL, wilson } from "./intervals.js";
import { meanDifference, nonInferiority, type PairedCounts, pairedShareDifference } from "./paired.js";
import { binomialProbabilities } from "./probabilities.js";
import { normalQuantile } from "./quantiles.js";

/** A share in a test to come. */
export interface WilsonPlan {
  /** Prompts. */
  readonly n: number;
  /** The true share, in [0, 1]. */
  readonly rate: number;
  /** What the bound must not pass, in (0, 1). */
  readonly threshold: number;
  readonly level?: number;
}

/**
 * Probability that the upper Wilson bound will be at most the threshold: P(X ≤ k) of a binomial X, with k the largest
 * count whose bound passes.
 * @throws ConfigError when n or rate is out of range
 */
export function wilsonPower({ n, rate, threshold, level = DEFAULT_LEVEL }: WilsonPlan): number {
  const terms = binomialProbabilities(n, rate);
  let power = 0;
  for (let k = 0; k <= n && wilson(k, n, level).high <= threshold; k++) power += terms[k] as number;
  return n === 0 ? 0 : Math.min(1, power);
}

/** A paired comparison to come. */
export interface McnemarPlan {
  /** Prompts, each answered by both. */
  readonly pairs: number;
  /** Probability that only the first says yes, and that only the second does. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** Two-sided; default 0.05. */
  readonly alpha?: number;
}

/**
 * Power of McNemar's exact test, unconditional: over the number of discordant pairs, which is binomial, the probability
 * that the test given that number rejects (Duffy 1984, Biometrics 40:1005).
 * @throws ConfigError when pairs or probabilities are out of range
 */
export function mcnemarPower({ pairs, onlyFirst, onlySecond, alpha = 0.05 }: McnemarPlan): number {
  const discordant = onlyFirst + onlySecond;
  if (!(onlyFirst >= 0 && onlySecond >= 0 && discordant <= 1))
    throw new ConfigError(`mcnemarPower: expected two shares of 1, got ${onlyFirst} and ${onlySecond}`);
  if (discordant === 0) return 0;
  const weights = binomialProbabilities(pairs, discordant);
  let power = 0;
  for (const [m, weight] of weights.entries())
    if (weight > NEGLIGIBLE) power += weight * conditionalPower(m, onlyFirst / discordant, alpha);
  return Math.min(1, power);
}

/** Numbers of discordant pairs less likely than this are left out. */
const NEGLIGIBLE = 1e-17;

/** P(rejection) of `m` discordant pairs, each with probability `share` on the first side. */
function conditionalPower(m: number, share: number, alpha: number): number {
  const underNull = binomialProbabilities(m, 0.5);
  const terms = binomialProbabilities(m, share);
  let [tail, power] = [0, 0];
  for (let k = 0; 2 * k < m; k++) {
    tail += underNull[k] as number;
    // Rounding must not turn a p value that equals alpha into a rejection or out of one by chance.
    if (2 * tail > alpha * (1 + 1e-12)) break;
    power += (terms[k] as number) + (terms[m - k] as number);
  }
  return power;
}

/**
 * The fewest pairs with which exact McNemar has a power. Power is not quite monotone in the number of pairs; a few more can
 * have a little less.
 * @param power in (0, 1), e.g. 0.8
 * @returns Infinity when both probabilities are equal: there is nothing to find
 */
export function mcnemarPairsNeeded(plan: Omit<McnemarPlan, "pairs">, power: number): number {
  if (plan.onlyFirst === plan.onlySecond) return Infinity;
  return smallestWhole((pairs) => mcnemarPower({ ...plan, pairs }) >= power);
}

/** Which side of a threshold a share will be shown to lie on, and from how many prompts on. */
export interface PromptsNeeded {
  readonly side: "below" | "above";
  /** Prompts in all, those already answered included; Infinity when the rate is the threshold itself. */
  readonly total: number;
}

/**
 * The number of prompts from which on Wilson's interval lies on one side of a threshold, if the share stays what it is:
 * upper bound at most the threshold, or lower bound above it. Counts are rounded against the decision, so that it holds
 * at that number and at every larger one. Closed form (T − p)²·n ≥ z²·T(1 − T), then walked to the exact number.
 * @param yes       how many of `n` say yes; with `n` = 0 the share is taken as 0, the most hopeful
 * @param threshold in (0, 1)
 */
export function promptsNeeded(
  yes: number,
  n: number,
  threshold: number,
  level: number = DEFAULT_LEVEL,
): PromptsNeeded {
  const rate = n === 0 ? 0 : yes / n;
  const side = rate < threshold ? "below" : "above";
  const gap = Math.abs(threshold - rate);
  const q = normalQuantile((1 + level) / 2) * Math.sqrt(threshold * (1 - threshold));
  if (gap === 0) return { side: "above", total: Infinity };
  // One count of rounding is at most 1/n of the share: from here on it cannot matter.
  let total = Math.ceil(((q + Math.sqrt(q * q + 4 * gap)) / (2 * gap)) ** 2) + 1;
  if (total > LONGEST_WALK) return { side, total };
  while (total > 1 && isDecided(total - 1, rate, side, threshold, level)) total--;
  return { side, total };
}

/** Beyond this many prompts the closed form is exact enough. */
const LONGEST_WALK = 1e7;

function isDecided(
  n: number,
  rate: number,
  side: PromptsNeeded["side"],
  threshold: number,
  level: number,
): boolean {
  // 1e-9: a product that is whole but for rounding is whole.
  if (side === "below") return wilson(Math.ceil(rate * n - 1e-9), n, level).high <= threshold;
  return wilson(Math.floor(rate * n + 1e-9), n, level).low > threshold;
}

/** What it takes to decide about a share some of whose answers have no verdict. */
export interface NeededRange {
  /** Unscored answers left out. */
  readonly observed: PromptsNeeded;
  /** Unscored answers counted as no, and as yes, and so in the same proportion among further ones. */
  readonly allNo: PromptsNeeded;
  readonly allYes: PromptsNeeded;
}

/** {@link promptsNeeded} as observed and for both extremes of what is unscored. */
export function promptsNeededRange(
  yes: number,
  scored: number,
  unscored: number,
  threshold: number,
  level: number = DEFAULT_LEVEL,
): NeededRange {
  const all = scored + unscored;
  return {
    observed: promptsNeeded(yes, scored, threshold, level),
    allNo: promptsNeeded(yes, all, threshold, level),
    allYes: promptsNeeded(yes + unscored, all, threshold, level),
  };
}

/**
 * How many times as many pairs, in every set, decide about non-inferiority of the mean difference, if the shares of the
 * four cells stay what they are (rounded against the decision).
 * @param margin ≥ 0, in shares
 * @returns a factor ≥ 1; Infinity when the mean difference is −margin itself, a set is empty, or beyond `1e6`
 */
export function pairsFactorNeeded(
  sets: readonly PairedCounts[],
  margin: number,
  level: number = DEFAULT_LEVEL,
): number {
  const value = meanDifference(sets.map((set) => pairedShareDifference(set, level))).value;
  if (!(Math.abs(value + margin) > 1e-12)) return Infinity;
  const wanted = value > -margin ? "non-inferior" : "inferior";
  const decides = (hundredths: number): boolean => {
    const scaled = sets.map((set) => pairedShareDifference(scale(set, hundredths / 100, wanted), level));
    return nonInferiority(meanDifference(scaled, level), margin) === wanted;
  };
  return Math.max(100, smallestWhole(decides, 1e8)) / 100;
}

/** The four cells of so many times as many pairs. */
function scale(counts: PairedCounts, factor: number, wanted: "non-inferior" | "inferior"): PairedCounts {
  const n = Math.ceil(factor * (counts.both + counts.onlyFirst + counts.onlySecond + counts.neither));
  const [up, down] = [(x: number) => Math.ceil(x - 1e-9), (x: number) => Math.floor(x + 1e-9)];
  const [lost, won] = wanted === "non-inferior" ? [up, down] : [down, up];
  const onlyFirst = Math.min(n, lost(factor * counts.onlyFirst));
  const onlySecond = Math.min(n - onlyFirst, won(factor * counts.onlySecond));
  const both = Math.min(n - onlyFirst - onlySecond, Math.round(factor * counts.both));
  return { both, onlyFirst, onlySecond, neither: n - both - onlyFirst - onlySecond };
}

/** The smallest whole number ≥ 1 from which a (nearly) monotone predicate holds; Infinity beyond `most`. */
function smallestWhole(holds: (n: number) => boolean, most = 1e6): number {
  let high = 1;
  while (!holds(high)) {
    if (high > most) return Infinity;
    high *= 2;
  }
  let low = Math.floor(high / 2);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}
