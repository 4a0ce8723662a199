/**
 * @file distinct-n (Li et al. 2016, arXiv 1510.03055): different n-grams over all n-grams of a set of answers. It falls when
 * a model says the same thing to everyone, which shares and overlaps with references do not show. It also falls with
 * length, so only sets of about equal length compare.
 */
import { tokenize13a } from "./bleu.js";
import { countNgrams, ngramTotal } from "./ngrams.js";

/** Share of different n-grams among all of the answers taken together, words as BLEU has them; NaN where there are none. */
export function distinct(answers: readonly string[], order: number): number {
  const words = answers.map(tokenize13a);
  const different = new Set(words.flatMap((list) => [...countNgrams(list, order).keys()]));
  return different.size / words.reduce((sum, list) => sum + ngramTotal(list.length, order), 0);
}
