/** @file distinct-n (Li et al. 2016, arXiv 1510.03055): different n-grams over all n-grams of a set of answers. */

/**
 * Share of different n-grams among all of the answers taken together, words between spaces; NaN where there are none. It
 * falls as the set grows: compare sets of about one size.
 */
export function distinct(answers: readonly string[], order: number): number {
  const seen = new Set<string>();
  let total = 0;
  for (const answer of answers) {
    const words = answer.split(/\s+/).filter((word) => word !== "");
    for (let i = 0; i + order <= words.length; i++) {
      seen.add(words.slice(i, i + order).join(" "));
      total++;
    }
  }
  return seen.size / total;
}
