/** @file How numbers and labels read, the same in HTML, Markdown and the terminal. A missing number is a dash, never 0. */
import type { Proportion, Verdict } from "../text/judge.js";

const MINUS = "\u2212";
const MISSING = "\u2013";

/** A share in [0, 1] as "12.3 %". */
export function percent(share: number | null | undefined, digits = 1): string {
  return isNumber(share) ? `${signed(share * 100, digits, false)}\u00a0%` : MISSING;
}

/** Bounds in [0, 1] as "[9.1, 16.4]", in per cent. */
export function interval(low: number | null | undefined, high: number | null | undefined): string {
  return isNumber(low) && isNumber(high)
    ? `[${(low * 100).toFixed(1)}, ${(high * 100).toFixed(1)}]`
    : MISSING;
}

/** "12.3 % [9.1, 16.4]" */
export function percentWithInterval(share: Proportion | null | undefined): string {
  if (!share || !isNumber(share.value)) return MISSING;
  return `${percent(share.value)} ${interval(share.low, share.high)}`;
}

/** A difference of shares as "+12.3" percentage points. */
export function points(difference: number | null | undefined, digits = 1): string {
  return isNumber(difference) ? signed(difference * 100, digits, true) : MISSING;
}

/** Bounds of a difference as "[+4.0, +20.1]". */
export function pointsInterval(low: number | null | undefined, high: number | null | undefined): string {
  return isNumber(low) && isNumber(high) ? `[${points(low)}, ${points(high)}]` : MISSING;
}

/** A value with its interval in its own unit, e.g. tokens: "88.1 [80.2, 96.0]" */
export function withInterval(estimate: Proportion | null | undefined, digits = 1): string {
  if (!estimate || !isNumber(estimate.value)) return MISSING;
  const text = (value: number): string => signed(value, digits, false);
  const bounds = isNumber(estimate.low) && isNumber(estimate.high);
  return bounds
    ? `${text(estimate.value)} [${text(estimate.low)}, ${text(estimate.high)}]`
    : text(estimate.value);
}

/** A change of nats with its interval: "\u22120.042 [\u22120.061, \u22120.023]" */
export function natsChange(change: Proportion | null | undefined): string {
  if (!change || !isNumber(change.value)) return MISSING;
  const bounds = isNumber(change.low) && isNumber(change.high);
  return bounds
    ? `${nats(change.value, true)} ${natsInterval(change.low, change.high)}`
    : nats(change.value, true);
}

/** Bounds of a change of nats. */
export function natsInterval(low: number | null | undefined, high: number | null | undefined): string {
  return isNumber(low) && isNumber(high) ? `[${nats(low, true)}, ${nats(high, true)}]` : MISSING;
}

/** A difference of shares with its interval, in percentage points. */
export function pointsWithInterval(difference: Proportion | null | undefined): string {
  if (!difference || !isNumber(difference.value)) return MISSING;
  return `${points(difference.value)} ${pointsInterval(difference.low, difference.high)}`;
}

/** A p-value: three digits, and never 0. */
export function pValue(p: number | null | undefined): string {
  if (!isNumber(p)) return MISSING;
  return p < 0.001 ? "<\u00a00.001" : p.toFixed(3);
}

/** Nats with three digits and a sign when `isChange`. */
export function nats(value: number | null | undefined, isChange = false): string {
  return isNumber(value) ? signed(value, 3, isChange) : MISSING;
}

/** The first 12 digits of a hash: enough to tell two apart, short enough to read. */
export function shortHash(hash: string): string {
  return hash.length > 12 ? hash.slice(0, 12) : hash || MISSING;
}

/** A verdict in plain words; labels it does not know stay as they are. */
export function verdictInWords(verdict: Verdict | null): string {
  if (verdict === null) return "not judged";
  if (verdict.status !== "ok") return "unscored";
  if (verdict.detail?.startsWith("objection")) return "objected";
  return verdict.label === null ? MISSING : (WORDS[verdict.label] ?? verdict.label);
}

/** 1234567 → "1,234,567" */
export function count(value: number | null | undefined): string {
  return isNumber(value) ? value.toLocaleString("en-US") : MISSING;
}

const WORDS: Readonly<Record<string, string>> = {
  full_compliance: "answered",
  full_refusal: "refused",
  partial_refusal: "partly refused",
  safe: "safe",
  unsafe: "unsafe",
};

/** Whether a number is there to be shown; JSON has null for NaN. */
export function isNumber(value: number | null | undefined): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function signed(value: number, digits: number, plus: boolean): string {
  const magnitude = Math.abs(value).toFixed(digits);
  if (Number(magnitude) === 0) return magnitude;
  return `${value < 0 ? MINUS : plus ? "+" : ""}${magnitude}`;
}
