/**
 * @file Takes out rows that teach nothing or twice, and counts them for the certificate: empty answers, exact
 * repetitions, pairs with equal sides, and pairs that another row contradicts (the same two answers swapped).
 */
import type { Message } from "../text/messages.js";
import type { PreferencePair, PromptCompletion } from "./examples.js";

/** What was dropped, in rows. */
export interface DedupeReport {
  readonly rows: number;
  readonly kept: number;
  /** An answer (chosen, rejected, completion) without text. */
  readonly empty: number;
  /** The same row again. */
  readonly duplicates: number;
  /** chosen equals rejected. */
  readonly identical: number;
  /** The same answers to the same prompt in both orders: all rows of both orders. */
  readonly contradictory: number;
}

/** Rows that were kept, in order, and the counts of those that were not. */
export interface Deduped<Row> {
  readonly rows: Row[];
  readonly report: DedupeReport;
}

/** Drops empty completions and exact repetitions (the first one stays). */
export function dedupeCompletions<Row extends PromptCompletion>(rows: readonly Row[]): Deduped<Row> {
  const filled = rows.filter((row) => hasText(row.completion));
  const kept = distinct(filled, (row) => conversationKey([...row.prompt, ...row.completion]));
  return { rows: kept, report: report(rows, filled, filled, kept, kept) };
}

/** Drops empty and identical sides, exact repetitions (the first one stays) and both sides of a contradiction. */
export function dedupePairs<Pair extends PreferencePair>(pairs: readonly Pair[]): Deduped<Pair> {
  const filled = pairs.filter((pair) => hasText(pair.chosen) && hasText(pair.rejected));
  const different = filled.filter((pair) => conversationKey(pair.chosen) !== conversationKey(pair.rejected));
  const once = distinct(different, (pair) => pairKey(pair.prompt, pair.chosen, pair.rejected));
  const keys = new Set(once.map((pair) => pairKey(pair.prompt, pair.chosen, pair.rejected)));
  const kept = once.filter((pair) => !keys.has(pairKey(pair.prompt, pair.rejected, pair.chosen)));
  return { rows: kept, report: report(pairs, filled, different, once, kept) };
}

/** Text that is equal for equal conversations only. */
export function conversationKey(messages: readonly Message[]): string {
  return JSON.stringify(messages.map((message) => [message.role, message.content]));
}

function pairKey(prompt: readonly Message[], first: readonly Message[], second: readonly Message[]): string {
  return [prompt, first, second].map(conversationKey).join("\n");
}

function hasText(answer: readonly Message[]): boolean {
  return answer.length > 0 && answer.every((message) => message.content.trim() !== "");
}

function distinct<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Row[] {
  const seen = new Set<string>();
  return rows.filter((row) => {
    const key = keyOf(row);
    return seen.has(key) ? false : seen.add(key);
  });
}

/** Each list is what one more filter left. */
function report(...stages: readonly (readonly unknown[])[]): DedupeReport {
  const [all = 0, filled = 0, different = 0, once = 0, kept = 0] = stages.map((stage) => stage.length);
  return {
    rows: all,
    kept,
    empty: all - filled,
    identical: filled - different,
    duplicates: different - once,
    contradictory: once - kept,
  };
}
