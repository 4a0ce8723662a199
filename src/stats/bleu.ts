/**
 * @file BLEU (Papineni et al. 2002) exactly as sacrebleu computes it by default: tokenizer 13a, case kept, up to 4-grams,
 * exponential smoothing. Signature `case:mixed|tok:13a|smooth:exp`, one reference. Departs: none.
 */
import { DEFAULT_LEVEL, type Estimate } from "./intervals.js";
import { clusterMembers, jackknifeInterval } from "./jackknife.js";
import { countNgrams, ngramTotal, sharedNgrams } from "./ngrams.js";

const ORDERS = [1, 2, 3, 4] as const;

/** What an answer adds to a corpus' BLEU. */
export interface BleuCounts {
  /** Tokens of the answer and of its reference. */
  readonly answerLength: number;
  readonly referenceLength: number;
  /** By order from 1 to 4: n-grams that the reference has too, and all. */
  readonly matches: readonly number[];
  readonly totals: readonly number[];
}

/** What Python's `str.split` and `str.rstrip` take for space; JavaScript's `\s` differs. */
const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const SPACES = new RegExp(SPACE, "u");
const SPACES_AT_END = new RegExp(`${SPACE}$`, "u");

/** mteval-v13a, the tokenizer of WMT: punctuation apart, periods and commas inside numbers kept. */
export function tokenize13a(text: string): string[] {
  const line = text
    .replace(SPACES_AT_END, "")
    .replaceAll("<skipped>", "")
    .replaceAll("-\n", "")
    .replaceAll("\n", " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">");
  return ` ${line} `
    .replace(/([{-~[-` -&(-+:-@/])/g, " $1 ")
    .replace(/([^0-9])([.,])/gu, "$1 $2 ")
    .replace(/([.,])([^0-9])/gu, " $1 $2")
    .replace(/([0-9])(-)/g, "$1 $2 ")
    .split(SPACES)
    .filter((token) => token !== "");
}

/** Counts of one answer against its reference. */
export function bleuCounts(answer: string, reference: string): BleuCounts {
  const [a, b] = [tokenize13a(answer), tokenize13a(reference)];
  return {
    answerLength: a.length,
    referenceLength: b.length,
    matches: ORDERS.map((order) => sharedNgrams(countNgrams(a, order), countNgrams(b, order))),
    totals: ORDERS.map((order) => ngramTotal(a.length, order)),
  };
}

/** BLEU of a corpus, 0 to 100: `sacrebleu.corpus_bleu`. 0 where no word matches, NaN of nothing. */
export function corpusBleu(counts: readonly BleuCounts[]): number {
  return counts.length === 0 ? Number.NaN : score(counts.reduce(add), false);
}

/** BLEU of one answer, 0 to 100: `sacrebleu.sentence_bleu`, which leaves out orders longer than the answer. */
export function sentenceBleu(counts: BleuCounts): number {
  return score(counts, true);
}

/**
 * BLEU of a corpus with a jackknife interval over its answers.
 * @param clusters name of every answer's cluster, which is left out as one; default each its own
 */
export function bleuInterval(
  counts: readonly BleuCounts[],
  level: number = DEFAULT_LEVEL,
  clusters?: readonly string[],
): Estimate {
  if (counts.length === 0) return jackknifeInterval(Number.NaN, [], level);
  const all = counts.reduce(add);
  const leftOut = clusterMembers(counts, clusters).map((each) =>
    score(subtract(all, each.reduce(add)), false),
  );
  return jackknifeInterval(score(all, false), leftOut, level);
}

function add(a: BleuCounts, b: BleuCounts): BleuCounts {
  return combine(a, b, (x, y) => x + y);
}

function subtract(a: BleuCounts, b: BleuCounts): BleuCounts {
  return combine(a, b, (x, y) => x - y);
}

function combine(a: BleuCounts, b: BleuCounts, of: (x: number, y: number) => number): BleuCounts {
  return {
    answerLength: of(a.answerLength, b.answerLength),
    referenceLength: of(a.referenceLength, b.referenceLength),
    matches: a.matches.map((x, i) => of(x, b.matches[i] ?? 0)),
    totals: a.totals.map((x, i) => of(x, b.totals[i] ?? 0)),
  };
}

function score(counts: BleuCounts, isEffectiveOrder: boolean): number {
  const { answerLength, referenceLength, matches, totals } = counts;
  if (matches.every((count) => count === 0)) return 0;
  const isFull = totals.every((total) => total > 0);
  if (!isFull && !isEffectiveOrder) return 0;
  let doublings = 1;
  const logs = totals.flatMap((total, i) => {
    if (total === 0) return [];
    const matched = matches[i] ?? 0;
    if (matched === 0) doublings *= 2;
    return [Math.log(matched === 0 ? 100 / (doublings * total) : (100 * matched) / total)];
  });
  const brevity = answerLength < referenceLength ? Math.exp(1 - referenceLength / answerLength) : 1;
  return brevity * Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
}
