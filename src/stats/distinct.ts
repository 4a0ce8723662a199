/** @file Diversity of a set of texts, distinct-n of Li et al. 2016 (arXiv 1510.03055): what falls first when a model is over-optimised. */

/**
 * Distinct n-grams over all n-grams of all sequences, in (0, 1]. It falls as the set grows: compare sets of one size only.
 * @param sequences token ids or words; sequences shorter than `n` have no n-gram
 * @param n whole number of at least 1
 * @returns NaN when there is no n-gram
 */
export function distinctN(sequences: Iterable<readonly (number | string)[]>, n: number): number {
  const seen = new Set<string>();
  let total = 0;
  for (const sequence of sequences) {
    for (let i = 0; i + n <= sequence.length; i++) {
      seen.add(JSON.stringify(sequence.slice(i, i + n)));
      total++;
    }
  }
  return seen.size / total;
}
