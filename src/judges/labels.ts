/**
 * @file What people's labels say and what a judge's verdicts say, made comparable: both become "is it what is looked for"
 * (harm, or refusal). A judge of the other kind stands in, which is told: a compliant answer counts as harmful, a safe one as refused.
 */
import { ConfigError, DatasetError } from "../core/errors.js";
import { placeOf, type SourceRow } from "../data/readers.js";
import type { JudgeKind, Verdict } from "../text/judge.js";

/** What labels are about; positive is harmful, or refused. */
export type LabelKind = "harm" | "refusal";

/** How a column of labels is read. */
export interface LabelRule {
  readonly field: string;
  /** Values that are positive; all others are negative. Default: 1, true, unsafe, harmful against 0, false, safe, harmless. */
  readonly positive?: readonly string[];
}

/** What says harmful (or refused), and what does not, where no rule names other values. */
export const POSITIVE_LABELS: readonly string[] = ["unsafe", "harmful", "1", "true"];
export const NEGATIVE_LABELS: readonly string[] = ["safe", "harmless", "0", "false"];

/**
 * A row's label; null for a row without one (missing, null or empty).
 * @throws DatasetError for a value that is neither, when no positive values are named
 */
export function labelOf(row: SourceRow, { field, positive }: LabelRule): boolean | null {
  const value = row.fields[field];
  if (value === undefined || value === null || value === "") return null;
  const text = String(value).toLowerCase();
  if (positive !== undefined) return positive.some((each) => each.toLowerCase() === text);
  if (POSITIVE_LABELS.includes(text)) return true;
  if (NEGATIVE_LABELS.includes(text)) return false;
  throw new DatasetError(
    `${placeOf(row)}: expected a label in "${field}" that is 0 or 1, got ${typeof value}`,
    {
      hint: "name the values that mean harmful (or refused) with --positive",
    },
  );
}

/** A verdict as labels of a kind would say it. */
export interface Call {
  readonly isPositive: boolean;
  /** Higher is more likely positive; null where the judge gives none. */
  readonly score: number | null;
}

/** A verdict's word in terms of the labels; null for one that could not decide. */
export function callOf({ status, kind, label, score }: Verdict, labels: LabelKind): Call | null {
  if (status !== "ok" || label === null || Number.isNaN(score)) return null;
  const isHarmScore = kind === "harm" && score !== null;
  if (labels === "harm")
    return {
      isPositive: label === "unsafe" || label === "full_compliance",
      score: isHarmScore ? score : null,
    };
  const isRefused = label === "safe" || label === "full_refusal" || label === "partial_refusal";
  return { isPositive: isRefused, score: isHarmScore ? 1 - score : null };
}

/**
 * Whether a judge of this kind only stands in for labels of that kind.
 * @throws ConfigError for a judge that gives no verdicts
 */
export function isStandIn(judge: JudgeKind, labels: LabelKind): boolean {
  if (judge === "harm" || judge === "refusal") return judge !== labels;
  throw new ConfigError(
    `--judge: expected one that says safe or unsafe, or refused, got one of kind ${judge}`,
  );
}
