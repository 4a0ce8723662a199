/**
 * @file distinct-n (Li et al. 2016, arXiv 1510.03055): different n-grams over all n-grams of a set of answers. It falls when
 * a model says the same thing to everyone, which shares and overlaps with references do not show. It also falls with
 * length, so only sets of about equal length compare.
 */
import { tokenize13a } from "./bleu.js";
import { DEFAULT_LEVEL, type Estimate } from "./intervals.js";
import { clusterMembers, jackknifeInterval } from "./jackknife.js";
import { countNgrams, ngramTotal } from "./ngrams.js";

/** Share of different n-grams among all of the answers taken together, words as BLEU has them; NaN where there are none. */
export function distinct(answers: readonly string[], order: number): number {
  return distinctInterval(answers, order).value;
}

/**
 * distinct-n with a jackknife interval over the answers.
 * @param clusters name of every answer's cluster, which is left out as one; default each its own
 */
export function distinctInterval(
  answers: readonly string[],
  order: number,
  level: number = DEFAULT_LEVEL,
  clusters?: readonly string[],
): Estimate {
  const members = clusterMembers(answers.map(tokenize13a), clusters);
  const grams = members.map(
    (lists) => new Set(lists.flatMap((list) => [...countNgrams(list, order).keys()])),
  );
  const membersWith = new Map<string, number>();
  for (const own of grams) for (const gram of own) membersWith.set(gram, (membersWith.get(gram) ?? 0) + 1);
  const totals = members.map((lists) =>
    lists.reduce((sum, { length }) => sum + ngramTotal(length, order), 0),
  );
  const total = totals.reduce((sum, each) => sum + each, 0);
  const leftOut = grams.map((own, i) => {
    const alone = [...own].filter((gram) => membersWith.get(gram) === 1).length;
    return (membersWith.size - alone) / (total - (totals[i] as number));
  });
  return jackknifeInterval(membersWith.size / total, leftOut, level);
}
