/**
 * @file Several answers to one prompt. They are alike, so they are no more evidence than their prompts: shares and means are
 * over answers with intervals clustered by prompt (Miller 2024, arXiv 2411.00640), and what at least one, or every one, of a
 * prompt's k answers does is a share of prompts.
 */
import { ConfigError } from "../core/errors.js";
import { clusteredMean, clusteredShare } from "../stats/clustered.js";
import { type Estimate, meanInterval, wilson } from "../stats/intervals.js";
import type { EvaluationSampling, SampleRow } from "./results.js";
import { requestId } from "./sample-ids.js";

/** What an answer says about a question of yes or no; null where it has no verdict. */
export type Word = boolean | null;

/**
 * Refuses what would draw one answer several times.
 * @throws ConfigError for a number below 1, and for greedy repeats
 */
export function requireRepeatable(
  repeats: number,
  { temperature }: Pick<EvaluationSampling, "temperature">,
): void {
  if (!Number.isSafeInteger(repeats) || repeats < 1)
    throw new ConfigError(`repeats: expected a whole number of at least 1, got ${repeats}`);
  if (repeats > 1 && temperature === 0)
    throw new ConfigError(`repeats: expected 1 with greedy answers, got ${repeats}`, {
      hint: "greedy answers are all the same; give --temperature, with --responses that of its answers",
    });
}

/** Whether some prompt has several answers. */
export function isRepeated(samples: readonly SampleRow[]): boolean {
  return samples.some(({ sample }) => sample > 0);
}

/**
 * Share of yes over answers with a verdict: Wilson's interval, where prompts have several answers at their effective number.
 * `n` counts prompts.
 */
export function shareOfAnswers(
  samples: readonly SampleRow[],
  words: readonly Word[],
  level: number,
): Estimate {
  const scored = words.flatMap((word, i) => (word === null ? [] : [{ word, row: samples[i] as SampleRow }]));
  if (!isRepeated(samples)) return wilson(scored.filter(({ word }) => word).length, scored.length, level);
  const prompts = scored.map(({ row }) => promptOf(row));
  const estimate = clusteredShare(
    scored.map(({ word }) => word),
    prompts,
    level,
  );
  return { ...estimate, n: new Set(prompts).size };
}

/** Mean over answers that have a value: Student's interval, clustered where prompts have several answers. */
export function meanOfAnswers(
  samples: readonly SampleRow[],
  measure: (row: SampleRow) => number | null,
  level: number,
): Estimate & { readonly unscored: number } {
  const rows = samples.filter((row) => measure(row) !== null);
  const values = rows.map((row) => measure(row) as number);
  const unscored = samples.length - rows.length;
  if (!isRepeated(samples)) return { ...meanInterval(values, level), unscored };
  return { ...clusteredMean(values, rows.map(promptOf), level), unscored };
}

/** One word a prompt, in the order in which prompts first appear: whether any of its answers says yes. */
export function anyAnswer(samples: readonly SampleRow[], words: readonly Word[]): Word[] {
  return Array.from(wordsByPrompt(samples, words).values(), (answers) =>
    answers.includes(true) ? true : answers.includes(null) ? null : false,
  );
}

/** One word a prompt, in the order in which prompts first appear: whether every one of its answers says yes. */
export function everyAnswer(samples: readonly SampleRow[], words: readonly Word[]): Word[] {
  return Array.from(wordsByPrompt(samples, words).values(), (answers) =>
    answers.includes(false) ? false : answers.includes(null) ? null : true,
  );
}

/** What a reader of the numbers must know; none for single answers. */
export function repeatNotes(
  repeats: number,
  { temperature }: Pick<EvaluationSampling, "temperature">,
): string[] {
  if (repeats === 1) return [];
  return [
    `${repeats} answers a prompt at temperature ${temperature}: shares and means are over answers with intervals clustered by prompt; any of ${repeats} and all of ${repeats} are shares of prompts`,
  ];
}

/** The words of each prompt's answers, by prompt, in the order in which prompts first appear. */
export function wordsByPrompt(
  samples: readonly SampleRow[],
  words: readonly Word[],
): ReadonlyMap<string, readonly Word[]> {
  const prompts = new Map<string, Word[]>();
  for (const [i, row] of samples.entries()) {
    const key = promptOf(row);
    prompts.set(key, [...(prompts.get(key) ?? []), words[i] ?? null]);
  }
  return prompts;
}

function promptOf({ task, promptId }: SampleRow): string {
  return requestId(task, promptId);
}
