/**
 * @file Whether two sides scored the same questions alike: the same contexts, log-likelihoods within a tolerance, the same
 * predictions save where the two best choices are nearer than rounding, and accuracies.
 */
import type { ScoredQuestion } from "./job.js";

/** Of a log-likelihood, nats; the tolerance of `reference/lm_eval_golden.py`. */
const TOLERANCE = { absolute: 1e-3, relative: 1e-5 };

/** Two best choices nearer than this may change places by rounding. */
const MARGIN = 1e-4;

const METRICS = ["acc", "acc_norm"] as const;

type Metric = (typeof METRICS)[number];

/** What was found, a sentence each; what must not be begins with "**". */
export function agreement(ours: readonly ScoredQuestion[], theirs: readonly ScoredQuestion[]): string[] {
  const byId = new Map(theirs.map((question) => [question.id, question]));
  const pairs = ours.flatMap((mine) => {
    const other = byId.get(mine.id);
    return other?.contextSha256 === mine.contextSha256 ? [{ mine, other }] : [];
  });
  const asked =
    pairs.length === ours.length && ours.length === theirs.length
      ? `${pairs.length} questions, every context the same.`
      : `**Only ${pairs.length} of ${ours.length} and ${theirs.length} questions have the same context.**`;
  return [asked, logLikelihoods(pairs), ...METRICS.map((metric) => predictions(metric, pairs))];
}

interface Pair {
  readonly mine: ScoredQuestion;
  readonly other: ScoredQuestion;
}

function logLikelihoods(pairs: readonly Pair[]): string {
  const off = pairs.flatMap(({ mine, other }) =>
    other.logProbs.map((value, i) => ({
      difference: Math.abs((mine.logProbs[i] ?? Number.NaN) - value),
      allowed: TOLERANCE.absolute + TOLERANCE.relative * Math.abs(value),
    })),
  );
  const beyond = off.filter(({ difference, allowed }) => !(difference <= allowed)).length;
  const largest = Math.max(...off.map(({ difference }) => difference)).toExponential(1);
  const within = `within ${TOLERANCE.absolute} + ${TOLERANCE.relative} relative`;
  return beyond === 0
    ? `${off.length} log-likelihoods ${within}; the largest difference is ${largest} nats.`
    : `**${beyond} of ${off.length} log-likelihoods are not ${within}**; the largest difference is ${largest} nats.`;
}

function predictions(metric: Metric, pairs: readonly Pair[]): string {
  const different = pairs.filter(({ mine, other }) => mine.predicted[metric] !== other.predicted[metric]);
  const unexplained = different.filter(({ other }) => margin(metric, other) >= MARGIN).length;
  const [ours, theirs] = [
    pairs.map(({ mine }) => mine.right[metric]),
    pairs.map(({ other }) => other.right[metric]),
  ].map(mean);
  const accuracies =
    ours === theirs
      ? `accuracy ${ours?.toFixed(4)} on both sides`
      : `${different.length === 0 ? "**other accuracies**: " : "accuracy "}${ours?.toFixed(4)} and lm-eval's ${theirs?.toFixed(4)}`;
  const same = `${pairs.length - different.length} of ${pairs.length} predictions the same`;
  if (unexplained > 0)
    return `${metric}: **${unexplained} predictions differ beyond rounding**, ${same}, ${accuracies}.`;
  return `${metric}: ${same}${different.length > 0 ? ", the others ties but for rounding" : ""}; ${accuracies}.`;
}

/** By how much the best choice leads the next different one, by lm-eval's own numbers. */
function margin(metric: Metric, { logProbs, lengths }: ScoredQuestion): number {
  const values = logProbs.map((value, i) => (metric === "acc" ? value : value / (lengths[i] ?? 1)));
  const [first = Number.NaN, second = Number.NaN] = values.toSorted((a, b) => b - a);
  return first - second;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
