/**
 * @file DPO for the loop: pairs against cached reference log-probabilities, metrics as TRL's DPOTrainer logs them, and one
 * more, the chosen answers' log-probability a token, which shows likelihood displacement.
 */
import type { PackedRows } from "../../data/packing.js";
import type { TensorData } from "../../engine/types.js";
import type { DpoLossOptions } from "../losses/dpo-options.js";
import { dpoLossValue, type PairLogProbs } from "../losses/dpo-value.js";
import {
  figure,
  type Metrics,
  type Sums,
  sequenceTotals,
  sumTokens,
  type TrainingMethod,
  type TrainingRow,
  vector,
} from "../method.js";
import type { TokenOutputs } from "../runner.js";

/** A pair: branch 1 is chosen, branch 2 rejected. */
export interface PairRow extends TrainingRow {
  /** Summed log-probability under the reference, nats. */
  readonly referenceChosen: number;
  readonly referenceRejected: number;
}

/**
 * Margins up to this many nats are ties, which count as wrong, as TRL's exact ones do: at the start policy and reference
 * are one model, and only the packing of their rows differs.
 */
const TIE = 5e-4;

/** How far the first step may be from loss ln 2 and margin 0 when the reference is the start, in nats. */
const START_TOLERANCE = 1e-2;

/**
 * The method of DPO.
 * @param startsAtReference the policy starts as its reference and no dropout disturbs it: the first step must show it
 */
export function dpoMethod(options: DpoLossOptions, startsAtReference: boolean): TrainingMethod<PairRow> {
  const method: TrainingMethod<PairRow> = {
    name: "dpo",
    inputs: pairInputs,
    measure: (microBatch, packed, tokens) => measurePairs(microBatch, packed, tokens, options),
    summarise: (sums) => summarisePairs(sums, options.nllWeight),
  };
  return startsAtReference ? { ...method, checkFirstStep } : method;
}

/** Tokens of the chosen and the rejected answer. */
export function pairLengths(row: TrainingRow): readonly [number, number] {
  return [row.segment.branches[0]?.length ?? 0, row.segment.branches[1]?.length ?? 0];
}

function pairInputs(microBatch: readonly PairRow[], step: readonly PairRow[]): Record<string, TensorData> {
  return {
    reference_chosen: vector(...microBatch.map((row) => row.referenceChosen)),
    reference_rejected: vector(...microBatch.map((row) => row.referenceRejected)),
    chosen_lengths: vector(...microBatch.map((row) => pairLengths(row)[0])),
    rejected_lengths: vector(...microBatch.map((row) => pairLengths(row)[1])),
    is_pair: vector(...microBatch.map(() => 1)),
    normaliser: vector(step.length),
    chosen_tokens: vector(step.reduce((sum, row) => sum + pairLengths(row)[0], 0)),
  };
}

function measurePairs(
  microBatch: readonly PairRow[],
  packed: PackedRows,
  tokens: TokenOutputs,
  options: DpoLossOptions,
): Sums {
  const totals = sequenceTotals(tokens.logProbs, packed);
  let sums: Record<string, number> = { pairs: 0 };
  microBatch.forEach((row, i) => {
    const pair = pairLogProbs(row, totals[2 * i] ?? Number.NaN, totals[2 * i + 1] ?? Number.NaN);
    sums = accumulate(sums, pairFigures(pair, options));
  });
  return { ...sums, ...tokenFigures(packed, tokens) };
}

function pairLogProbs(row: PairRow, policyChosen: number, policyRejected: number): PairLogProbs {
  const [chosenLength, rejectedLength] = pairLengths(row);
  const { referenceChosen, referenceRejected } = row;
  return { policyChosen, policyRejected, referenceChosen, referenceRejected, chosenLength, rejectedLength };
}

function pairFigures(pair: PairLogProbs, options: DpoLossOptions): Sums {
  const chosen = options.beta * (pair.policyChosen - pair.referenceChosen);
  const rejected = options.beta * (pair.policyRejected - pair.referenceRejected);
  return {
    pairs: 1,
    loss: dpoLossValue(pair, options),
    chosenTokens: pair.chosenLength,
    rejectedTokens: pair.rejectedLength,
    chosenReward: chosen,
    rejectedReward: rejected,
    accurate: chosen - rejected > options.beta * TIE ? 1 : 0,
    chosenLogProb: pair.policyChosen,
    rejectedLogProb: pair.policyRejected,
  };
}

function tokenFigures(packed: PackedRows, { entropy, isCorrect, meanLogit }: TokenOutputs): Sums {
  const isChosen = (sequence: number) => sequence % 2 === 0;
  return {
    ...(entropy && { entropy: sumTokens(entropy, packed, () => true) }),
    ...(isCorrect && { correct: sumTokens(isCorrect, packed, isChosen) }),
    ...(meanLogit && {
      chosenLogit: sumTokens(meanLogit, packed, isChosen),
      rejectedLogit: sumTokens(meanLogit, packed, (sequence) => !isChosen(sequence)),
    }),
  };
}

function summarisePairs(sums: Sums, nllWeight: number): Metrics {
  const pairs = figure(sums, "pairs");
  const chosenTokens = figure(sums, "chosenTokens");
  const rejectedTokens = figure(sums, "rejectedTokens");
  const mean = (name: string) => figure(sums, name) / pairs;
  const share = (name: string, total: number) => (sums[name] === undefined ? undefined : sums[name] / total);
  return withoutGaps({
    loss: mean("loss") - (nllWeight * figure(sums, "chosenLogProb")) / chosenTokens,
    entropy: share("entropy", chosenTokens + rejectedTokens),
    mean_token_accuracy: share("correct", chosenTokens),
    "rewards/chosen": mean("chosenReward"),
    "rewards/rejected": mean("rejectedReward"),
    "rewards/accuracies": mean("accurate"),
    "rewards/margins": mean("chosenReward") - mean("rejectedReward"),
    "logps/chosen": mean("chosenLogProb"),
    "logps/rejected": mean("rejectedLogProb"),
    "logps/chosen_per_token": figure(sums, "chosenLogProb") / chosenTokens,
    "logits/chosen": share("chosenLogit", chosenTokens),
    "logits/rejected": share("rejectedLogit", rejectedTokens),
  });
}

function checkFirstStep(metrics: Metrics): string | null {
  const margin = metrics["rewards/margins"] ?? Number.NaN;
  const chosen = metrics["rewards/chosen"] ?? Number.NaN;
  if (Math.abs(margin) <= START_TOLERANCE && Math.abs(chosen) <= START_TOLERANCE) return null;
  return `expected rewards of 0 at the start, where policy and reference are one, got chosen ${chosen}, margin ${margin}`;
}

function accumulate(sums: Record<string, number>, more: Sums): Record<string, number> {
  for (const [name, value] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + value;
  return sums;
}

function withoutGaps(metrics: Readonly<Record<string, number | undefined>>): Metrics {
  return Object.fromEntries(
    Object.entries(metrics).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}
