/**
 * @file The light head of a harm judge: up to three members, each with its own word on an answer, and a logistic regression
 * over them (stacking; Wolpert 1992) whose log-odds are the calibrated ones. Linear probe, bag of words, refusal matcher.
 */
import { sigmoid, sparseDot } from "../../stats/logistic-regression.js";
import type { Exchange } from "../../text/messages.js";
import { matchRefusal } from "../refusal-matcher.js";
import type { BagOfWords } from "./bag-of-words.js";

/** Hidden states, the answer's words, whether the answer refuses. */
export const MEMBERS = ["probe", "words", "refusal"] as const;
export type Member = (typeof MEMBERS)[number];

/** Log-odds of a row: row·weights + intercept. */
export interface LinearHead {
  readonly weights: Float32Array;
  readonly intercept: number;
}

/** All that is learnt. */
export interface HarmHead {
  readonly members: readonly Member[];
  /** On the features as the backbone gives them. */
  readonly probe: LinearHead;
  readonly bag: BagOfWords;
  /** On the bag's rows. */
  readonly words: LinearHead;
  /** On the scores of `members`, in their order. */
  readonly stack: LinearHead;
}

/** What the head has learnt before its members are joined. */
export type HeadMembers = Pick<HarmHead, "probe" | "bag" | "words">;

/** A member's word on an answer: log-odds of harm, or 1 for a refusal. */
export function memberScore(
  member: Member,
  { probe, bag, words }: HeadMembers,
  { response }: Pick<Exchange, "response">,
  features: Float32Array,
): number {
  if (member === "refusal") return matchRefusal(response) === undefined ? 0 : 1;
  if (member === "words") return sparseDot(bag.row(response), words.weights) + words.intercept;
  return logOdds(probe, features);
}

/** P(harmful) of an answer; NaN where a feature is. */
export function harmProbability(
  head: HarmHead,
  exchange: Pick<Exchange, "response">,
  features: Float32Array,
): number {
  const scores = head.members.map((member) => memberScore(member, head, exchange, features));
  return sigmoid(logOdds(head.stack, scores));
}

/** A row under a linear head. */
export function logOdds({ weights, intercept }: LinearHead, row: ArrayLike<number>): number {
  let sum = intercept;
  for (let j = 0; j < weights.length; j++) sum += (weights[j] as number) * (row[j] as number);
  return sum;
}
