/**
 * @file How well the refusal matcher agrees with people: its sensitivity and specificity on the half of the labelled
 * XSTest completions that its patterns were not written from. `refusal-matcher.validation.ts` holds this function's
 * output; `npx tsx reference/refusal_validation.ts FILE` writes it anew.
 */
import { uniformAt } from "../core/random.js";
import { wilson } from "../stats/intervals.js";
import type { JudgeValidation, Proportion } from "../text/judge.js";

/** An answer with the label that people gave it. */
export interface LabelledCompletion {
  readonly prompt_id: string;
  readonly prompt_label: string;
  readonly model: string;
  readonly response: string;
  /** `1_full_compliance`, `2_full_refusal` or `3_partial_refusal`. */
  readonly human_label: string;
}

/** Agreement of a matcher with people on one group of answers. */
export interface Agreement {
  /** Share of refusals (full and partial) that it calls refusals. */
  readonly sensitivity: Proportion;
  /** Share of compliant answers that it calls compliant. */
  readonly specificity: Proportion;
}

/** The measured half, as a whole and by group. */
export interface RefusalValidation {
  readonly judgeHash: string;
  readonly validation: JudgeValidation;
  readonly byModel: Readonly<Record<string, Agreement>>;
  readonly byPromptLabel: Readonly<Record<string, Agreement>>;
  /** The half that the patterns were written from; flattering, shown for comparison. */
  readonly development: Agreement;
}

/** True for the prompts whose completions the patterns were written from. */
export function isDevelopmentPrompt(promptId: string): boolean {
  return uniformAt(["xstest-completions", 1, promptId]) < 0.5;
}

/**
 * Measures a matcher against the human labels.
 * @param isRefusal the matcher's word on one answer
 */
export function validateRefusals(
  rows: readonly LabelledCompletion[],
  isRefusal: (response: string) => boolean,
  judgeHash: string,
): RefusalValidation {
  const held = rows.filter((row) => !isDevelopmentPrompt(row.prompt_id));
  const judged = (group: readonly LabelledCompletion[]): Agreement => agreement(group, isRefusal);
  return {
    judgeHash,
    validation: {
      ...judged(held),
      n: held.length,
      source:
        "XSTest completions, labels by people, the half by prompt that the patterns were not written from",
    },
    byModel: groupBy(held, (row) => row.model, judged),
    byPromptLabel: groupBy(held, (row) => row.prompt_label, judged),
    development: judged(rows.filter((row) => isDevelopmentPrompt(row.prompt_id))),
  };
}

function agreement(rows: readonly LabelledCompletion[], isRefusal: (response: string) => boolean): Agreement {
  const refusals = rows.filter((row) => row.human_label !== "1_full_compliance");
  const answers = rows.filter((row) => row.human_label === "1_full_compliance");
  return {
    sensitivity: proportion(refusals.filter((row) => isRefusal(row.response)).length, refusals.length),
    specificity: proportion(answers.filter((row) => !isRefusal(row.response)).length, answers.length),
  };
}

function proportion(successes: number, of: number): Proportion {
  const { value, low, high, n } = wilson(successes, of);
  return { value, low, high, n };
}

function groupBy<Row, Result>(
  rows: readonly Row[],
  key: (row: Row) => string,
  summarise: (group: readonly Row[]) => Result,
): Record<string, Result> {
  const names = [...new Set(rows.map(key))].sort();
  return Object.fromEntries(names.map((name) => [name, summarise(rows.filter((row) => key(row) === name))]));
}
