/**
 * @file distinct-n (Li et al. 2016, arXiv 1510.03055): different n-grams over all n-grams of a set of answers. It falls when
 * a model says the same thing to everyone, which shares and overlaps with references do not show. It also falls with
 * length, so only sets of about equal length compare.
 */
import { tokenize13a } from "./bleu.js";
import { DEFAULT_LEVEL, type Estimate } from "./intervals.js";
import { jackknifeInterval } from "./jackknife.js";
import { countNgrams, ngramTotal } from "./ngrams.js";

/** Share of different n-grams among all of the answers taken together, words as BLEU has them; NaN where there are none. */
export function distinct(answers: readonly string[], order: number): number {
  return distinctInterval(answers, order).value;
}

/** distinct-n with a jackknife interval over the answers. */
export function distinctInterval(
  answers: readonly string[],
  order: number,
  level: number = DEFAULT_LEVEL,
): Estimate {
  const words = answers.map(tokenize13a);
  const grams = words.map((list) => [...countNgrams(list, order).keys()]);
  const answersWith = new Map<string, number>();
  for (const list of grams) for (const gram of list) answersWith.set(gram, (answersWith.get(gram) ?? 0) + 1);
  const totals = words.map((list) => ngramTotal(list.length, order));
  const total = totals.reduce((sum, each) => sum + each, 0);
  const leftOut = grams.map((list, i) => {
    const own = list.filter((gram) => answersWith.get(gram) === 1).length;
    return (answersWith.size - own) / (total - (totals[i] as number));
  });
  return jackknifeInterval(answersWith.size / total, leftOut, level);
}
