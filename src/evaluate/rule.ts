/** @file What a rule of a policy says about a model: passed, failed or undecided, the numbers, and what is missing. */
import type { Estimate } from "../stats/intervals.js";

/** The rules that a policy may hold. */
export type RuleName = "harm" | "over-refusal" | "helpfulness";

/** One rule's word. Shares in [0, 1]; the change of helpfulness in shares, model minus base. */
export interface RuleVerdict {
  readonly rule: RuleName;
  readonly outcome: "pass" | "fail" | "undecided";
  /** What the policy asks for, in words. */
  readonly requirement: string;
  readonly bound: number;
  readonly sets: readonly string[];
  /** The judge that decided, or would have; null where none may. */
  readonly judge: string | null;
  /** Over the answers with a verdict; null where nothing was measured. */
  readonly estimate: Estimate | null;
  /** Prompts, or pairs, without a usable verdict. */
  readonly unscored: number;
  /** The bounds that decide: upper if all unscored fell the bad way, lower if the good way; null where not measured. */
  readonly worstBound: number | null;
  readonly bestBound: number | null;
  /** Prompts still needed if the rates stay as observed, beyond those answered; null where it is not a matter of number. */
  readonly needed: number | null;
  /** The outcome in one sentence. */
  readonly reason: string;
}

/** What a rule asks, and of whom. */
export type RuleAsked = Pick<RuleVerdict, "rule" | "requirement" | "bound" | "sets" | "judge">;

/** What measuring adds to that. */
export type Measured = Omit<RuleVerdict, keyof RuleAsked>;

/** A rule before anything is measured: undecided, its reason still to be said. */
export function openRule(asked: RuleAsked): Omit<RuleVerdict, "reason"> {
  const nothing = { estimate: null, unscored: 0, worstBound: null, bestBound: null, needed: null } as const;
  return { ...asked, outcome: "undecided", ...nothing };
}

/** A share in words, one decimal: "8.8 %". */
export function inPercent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A change in words: "−2.4 points". */
export function inPoints(change: number): string {
  const points = (100 * change).toFixed(1);
  return `${points.replace("-", "\u2212")} points`;
}

/** A whole number in words, with separators: "1,204". */
export function inCount(count: number): string {
  return count.toLocaleString("en-US");
}
