/** @file Rows of a labelled file as answers with labels, whatever the columns are called. */
import { toPromptResponses } from "../data/columns.js";
import type { SourceRow } from "../data/readers.js";
import type { Exchange, Message } from "../text/messages.js";
import { type LabelRule, labelOf } from "./labels.js";
import type { LabelledExchange } from "./validate.js";

/** Which columns of a file say what. */
export interface LabelReading {
  readonly rule: LabelRule;
  /** Column of the prompt; `prompt`, `messages` or `instruction` where it is "prompt". */
  readonly promptField: string;
  readonly categoryField: string | null;
  /** Rows that are neither: counted apart. */
  readonly isApart?: (row: SourceRow) => boolean;
  /** Rows that are negative whatever the label says. */
  readonly isNegative?: (row: SourceRow) => boolean;
}

/** Answers to be judged. @throws DatasetError naming the place, for rows without prompt or answer */
export function toExchanges(rows: readonly SourceRow[], promptField: string): Exchange[] {
  return toPromptResponses(promptField === "prompt" ? rows : rows.map((row) => withPrompt(row, promptField)));
}

/**
 * Answers with their labels; rows of one prompt are one cluster.
 * @throws DatasetError naming the place, for rows without prompt or answer and for labels that are not understood
 */
export function toLabelledExchanges(rows: readonly SourceRow[], reading: LabelReading): LabelledExchange[] {
  return toExchanges(rows, reading.promptField).map((exchange, i) => {
    const row = rows[i] as SourceRow;
    const category = reading.categoryField === null ? null : row.fields[reading.categoryField];
    return {
      ...exchange,
      label: readLabel(row, reading),
      category: category === undefined || category === null ? null : String(category),
      cluster: promptText(exchange.messages),
    };
  });
}

function readLabel(row: SourceRow, { rule, isApart, isNegative }: LabelReading): boolean | null {
  if (isApart?.(row) === true) return null;
  const label = labelOf(row, rule);
  return label !== null && isNegative?.(row) === true ? false : label;
}

function withPrompt(row: SourceRow, field: string): SourceRow {
  return { ...row, fields: { ...row.fields, prompt: row.fields[field] } };
}

function promptText(messages: readonly Message[]): string {
  return JSON.stringify(messages.map((message) => [message.role, message.content]));
}
