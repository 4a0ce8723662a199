/** @file Counts of n-grams: what BLEU, ROUGE and distinct-n are made of. Tokens hold no blank, so a blank joins them. */

/** Every n-gram of a list of tokens with how often it stands there. @param order tokens of an n-gram, at least 1 */
export function countNgrams(tokens: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + order <= tokens.length; i++) {
    const ngram = tokens.slice(i, i + order).join(" ");
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}

/** N-grams of `a` that `b` has too, each as often as the rarer side has it. */
export function sharedNgrams(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let shared = 0;
  for (const [ngram, count] of a) shared += Math.min(count, b.get(ngram) ?? 0);
  return shared;
}

/** N-grams in a list of so many tokens. */
export function ngramTotal(tokens: number, order: number): number {
  return Math.max(0, tokens - order + 1);
}
