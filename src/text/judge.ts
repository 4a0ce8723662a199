/** @file What a judge is and says. Anything it could not decide is `invalid` or `error`, never safe or unsafe. */
import type { Exchange } from "./messages.js";

/** What a judge measures. */
export type JudgeKind = "refusal" | "harm" | "reward" | "choice" | "metric";

/** One judge's word on one answer. */
export interface Verdict {
  readonly kind: JudgeKind;
  /** harm: safe | unsafe; refusal: full_compliance | full_refusal | partial_refusal; null for reward and metric. */
  readonly label: string | null;
  /** harm: P(unsafe); reward: the reward; null where there is none. */
  readonly score: number | null;
  readonly status: "ok" | "invalid" | "error";
  readonly judgeHash: string;
  /** What the verdict rests on, for the reader: the pattern that matched, the categories named. */
  readonly detail?: string;
  /** There where the answer was longer than the judge reads: what was cut is not in the verdict. */
  readonly isCut?: true;
}

/** How well a judge agrees with people, measured on labelled answers. */
export interface JudgeValidation {
  readonly sensitivity: Proportion;
  readonly specificity: Proportion;
  readonly n: number;
  readonly source: string;
  /** Sets whose answers are of the kind that it was measured on, by the word of whoever measured; default none. */
  readonly sameKind?: readonly string[];
}

/** A share with its 95 % Wilson interval. */
export interface Proportion {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
  /** Independent answers that the interval rests on, where answers to one prompt are alike; default `n`. */
  readonly effectiveN?: number;
}

/** Judges answers; verdicts come in the order of the exchanges. */
export interface Judge {
  readonly name: string;
  readonly hash: string;
  readonly kind: JudgeKind;
  readonly validation?: JudgeValidation;
  judge(exchanges: readonly Exchange[]): AsyncIterable<Verdict>;
}
