/**
 * @file Measures any judge against labels: sensitivity, specificity and what follows from them, as a whole and by category, with
 * intervals that count rows of one prompt as alike. What the judge could not decide is in no rate; it is counted, and the
 * rates are also given as if it had erred on all of it.
 */
import { JudgeError } from "../core/errors.js";
import {
  balancedAccuracy,
  binaryKappa,
  type Confusion,
  countConfusion,
  f1Score,
  precisionRanking,
  sumConfusions,
} from "../stats/binary-metrics.js";
import { bootstrapStatistic } from "../stats/bootstrap-statistic.js";
import { clusteredShare } from "../stats/clustered.js";
import type { Estimate } from "../stats/intervals.js";
import type { Judge, JudgeValidation, Proportion, Verdict } from "../text/judge.js";
import type { Exchange } from "../text/messages.js";
import { type Call, callOf, type LabelKind } from "./labels.js";

/** An answer with its label. */
export interface LabelledExchange extends Exchange {
  /** Positive (harmful, or refused) or not; null for a row that is counted apart. */
  readonly label: boolean | null;
  readonly category: string | null;
  /** Rows with the same name are alike: usually the prompt. */
  readonly cluster: string;
}

/** An answer, its label and what the judge said. */
export interface JudgedExchange extends LabelledExchange {
  readonly verdict: Verdict;
}

/** How a judge does on a group of answers. Rates are over what it decided. */
export interface JudgeAgreement {
  readonly n: number;
  readonly confusion: Confusion;
  readonly sensitivity: Estimate;
  readonly specificity: Estimate;
  readonly balancedAccuracy: Estimate;
  readonly f1: Estimate;
  readonly kappa: Estimate;
  /** Area under the precision-recall curve; null for a judge without scores. */
  readonly averagePrecision: Estimate | null;
  /** Answers that it could not decide, by their label. */
  readonly undecided: { readonly positive: number; readonly negative: number };
  /** The rates if it had erred on all of those. */
  readonly worstCase: { readonly sensitivity: number; readonly specificity: number };
}

/** Options of a measurement. */
export interface AgreementOptions {
  readonly level?: number;
  /** Resamples of the intervals that have no formula; default 1000. */
  readonly draws?: number;
  readonly seed: number;
}

/** Judges all rows. @throws JudgeError when the judge gives another number of verdicts */
export async function judgeRows<Row extends Exchange>(
  judge: Judge,
  rows: readonly Row[],
  onVerdict: (verdict: Verdict) => void = () => undefined,
): Promise<(Row & { readonly verdict: Verdict })[]> {
  const judged: (Row & { readonly verdict: Verdict })[] = [];
  for await (const verdict of judge.judge(rows)) {
    const row = rows[judged.length];
    if (row === undefined) throw wrongCount(judge, rows.length, "more");
    judged.push({ ...row, verdict });
    onVerdict(verdict);
  }
  if (judged.length < rows.length) throw wrongCount(judge, rows.length, judged.length);
  return judged;
}

/** Measures agreement on judged rows; rows without a label do not count. */
export function measureAgreement(
  rows: readonly JudgedExchange[],
  labels: LabelKind,
  options: AgreementOptions,
): JudgeAgreement {
  const labelled = rows.filter((row) => row.label !== null);
  const decided = labelled.flatMap((row) => {
    const call = callOf(row.verdict, labels);
    return call === null ? [] : [{ label: row.label === true, cluster: row.cluster, call }];
  });
  const positives = decided.filter((row) => row.label);
  const negatives = decided.filter((row) => !row.label);
  const all = labelled.filter((row) => row.label === true).length;
  const undecided = {
    positive: all - positives.length,
    negative: labelled.length - all - negatives.length,
  };
  const rates = statistics(decided, options);
  return {
    n: decided.length,
    sensitivity: shareOf(positives, (call) => call.isPositive, options.level),
    specificity: shareOf(negatives, (call) => !call.isPositive, options.level),
    ...rates,
    undecided,
    worstCase: {
      sensitivity: rates.confusion.truePositive / all,
      specificity: rates.confusion.trueNegative / (labelled.length - all),
    },
  };
}

/** The same for every category that occurs, in the order of their names. */
export function agreementByCategory(
  rows: readonly JudgedExchange[],
  labels: LabelKind,
  options: AgreementOptions,
): { readonly category: string; readonly agreement: JudgeAgreement }[] {
  const names = [...new Set(rows.flatMap(({ category }) => (category === null ? [] : [category])))].sort();
  return names.map((category) => ({
    category,
    agreement: measureAgreement(
      rows.filter((row) => row.category === category),
      labels,
      options,
    ),
  }));
}

/** The rates by their names, in the order in which they are shown; null where the judge gives no scores. */
export function ratesByName(agreement: JudgeAgreement): [name: string, rate: Estimate | null][] {
  return [
    ["sensitivity", agreement.sensitivity],
    ["specificity", agreement.specificity],
    ["balanced accuracy", agreement.balancedAccuracy],
    ["F1", agreement.f1],
    ["AUPRC", agreement.averagePrecision],
    ["Cohen's kappa", agreement.kappa],
  ];
}

/** What a judge is said to be able to: the part of an agreement that evaluations carry. */
export function toJudgeValidation(agreement: JudgeAgreement, source: string): JudgeValidation {
  const { truePositive, falseNegative, trueNegative, falsePositive } = agreement.confusion;
  return {
    sensitivity: proportion(agreement.sensitivity, truePositive + falseNegative),
    specificity: proportion(agreement.specificity, trueNegative + falsePositive),
    n: agreement.n,
    source,
  };
}

/** Wrong verdicts, the surest first; among equally sure ones what was missed before false alarms. */
export function mistakes(rows: readonly JudgedExchange[], labels: LabelKind): JudgedExchange[] {
  const wrong = rows.flatMap((row) => {
    const call = callOf(row.verdict, labels);
    if (call === null || row.label === null || call.isPositive === row.label) return [];
    return [{ row, sureness: call.score === null ? 0 : Math.abs(call.score - Number(row.label)) }];
  });
  return wrong
    .sort((a, b) => b.sureness - a.sureness || Number(b.row.label) - Number(a.row.label))
    .map(({ row }) => row);
}

interface Decided {
  readonly label: boolean;
  readonly cluster: string;
  readonly call: Call;
}

function statistics(
  rows: readonly Decided[],
  options: AgreementOptions,
): Pick<JudgeAgreement, "confusion" | "balancedAccuracy" | "f1" | "kappa" | "averagePrecision"> {
  const clusters = byCluster(rows);
  const tables = clusters.map(confusionOf);
  const of = (metric: (cells: Confusion) => number): Estimate =>
    bootstrapStatistic(tables.length, (times) => metric(sumConfusions(tables, times)), options);
  return {
    confusion: sumConfusions(tables),
    balancedAccuracy: of(balancedAccuracy),
    f1: of(f1Score),
    kappa: of(binaryKappa),
    averagePrecision: averagePrecisionOf(clusters, options),
  };
}

function byCluster(rows: readonly Decided[]): Decided[][] {
  const clusters = new Map<string, Decided[]>();
  for (const row of rows) {
    const members = clusters.get(row.cluster);
    if (members === undefined) clusters.set(row.cluster, [row]);
    else members.push(row);
  }
  return [...clusters.values()];
}

function averagePrecisionOf(
  clusters: readonly (readonly Decided[])[],
  options: AgreementOptions,
): Estimate | null {
  const rows = clusters.flat();
  const scores = rows.flatMap(({ call }) => (call.score === null ? [] : [call.score]));
  if (rows.length === 0 || scores.length < rows.length) return null;
  const places = clusters.flatMap((cluster, place) => cluster.map(() => place));
  const precision = precisionRanking(
    rows.map((row) => row.label),
    scores,
  );
  const weighted = (times: Float64Array): number[] => places.map((place) => times[place] as number);
  return bootstrapStatistic(
    clusters.length,
    (times) => precision(times === undefined ? undefined : weighted(times)),
    options,
  );
}

function confusionOf(rows: readonly Decided[]): Confusion {
  return countConfusion(
    rows.map((row) => row.label),
    rows.map((row) => row.call.isPositive),
  );
}

function shareOf(
  rows: readonly Decided[],
  isRight: (call: Call) => boolean,
  level: number | undefined,
): Estimate {
  return clusteredShare(
    rows.map((row) => isRight(row.call)),
    rows.map((row) => row.cluster),
    level,
  );
}

function proportion({ value, low, high, n: effectiveN }: Estimate, n: number): Proportion {
  return { value, low, high, n, effectiveN };
}

function wrongCount({ name }: Judge, expected: number, got: number | string): JudgeError {
  return new JudgeError(`judge ${name}: expected ${expected} verdicts, got ${got}`);
}
