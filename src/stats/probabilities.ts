/**
 * @file Probabilities of the normal and the binomial distribution, to about 1e-14, without a dependency.
 * Normal: Marsaglia 2004 (J. Stat. Softw. 11:4), in the tails the continued fraction of Mills' ratio (Abramowitz & Stegun
 * 26.2.14). Binomial: ratios of neighbours, from the largest term outwards.
 */
import { ConfigError } from "../core/errors.js";

/** P(Z ≤ z) of a standard normal Z, with its relative accuracy in both tails. */
export function normalCdf(z: number): number {
  if (z > TAIL) return 1 - lowerTail(-z);
  if (z < -TAIL) return lowerTail(z);
  let [term, sum] = [z, z];
  for (let i = 3; sum + term !== sum; i += 2) {
    term *= (z * z) / i;
    sum += term;
  }
  return 0.5 + sum * density(z);
}

/** Where the continued fraction takes over: below, the series loses relative accuracy. */
const TAIL = 2;
/** Steps of the continued fraction; at z = −2 the rest is below 1e-16. */
const STEPS = 200;

function lowerTail(z: number): number {
  const x = -z;
  if (x > 38.6) return 0;
  let fraction = x;
  for (let i = STEPS; i >= 1; i--) fraction = x + i / fraction;
  return density(x) / fraction;
}

function density(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
}

/**
 * P(X = k) for k = 0 … n of a binomial X, [n + 1]. Terms below about 1e-308 of the largest are 0.
 * @throws ConfigError when n is not a whole number ≥ 0 or p is outside [0, 1]
 */
export function binomialProbabilities(n: number, p: number): Float64Array {
  if (!Number.isInteger(n) || n < 0 || !(p >= 0 && p <= 1))
    throw new ConfigError(`binomial: expected n of 0 or more and p from 0 to 1, got ${n} and ${p}`);
  const terms = new Float64Array(n + 1);
  const mode = Math.min(n, Math.floor((n + 1) * p));
  terms[mode] = 1;
  const odds = p / (1 - p);
  for (let k = mode; k > 0; k--) terms[k - 1] = ((terms[k] as number) * k) / ((n - k + 1) * odds);
  for (let k = mode; k < n; k++) terms[k + 1] = ((terms[k] as number) * (n - k) * odds) / (k + 1);
  const total = terms.reduce((sum, term) => sum + term, 0);
  return terms.map((term) => term / total);
}

/** P(X ≤ k) of a binomial X. @throws ConfigError as {@link binomialProbabilities} */
export function binomialCdf(k: number, n: number, p: number): number {
  const terms = binomialProbabilities(n, p);
  const upTo = Math.min(n, Math.floor(k));
  let sum = 0;
  for (let i = 0; i <= upTo; i++) sum += terms[i] as number;
  return Math.min(1, sum);
}
