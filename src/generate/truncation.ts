/** @file Where top-k and top-p cut a distribution, found without sorting the whole vocabulary. */

/** The cut of a nucleus: keep all weights above `threshold` and `atThreshold` of those equal to it. */
export interface NucleusCut {
  readonly threshold: number;
  readonly atThreshold: number;
}

/**
 * The k-th largest logit; tokens of at least that logit are kept, so ties at the edge all stay, as in transformers.
 * −Infinity when everything is kept.
 */
export function topKThreshold(logits: Float32Array, topK: number): number {
  if (topK === 0 || topK >= logits.length) return Number.NEGATIVE_INFINITY;
  return selectLargest(logits.slice(), topK);
}

/**
 * The smallest set of likeliest tokens whose share reaches topP (Holtzman et al. 2019, arXiv 1904.09751).
 * Weights below (1 − topP) · total / V together weigh less than what the nucleus may leave out, so only the others
 * are sorted.
 * @param weights unnormalised probabilities, [V]
 */
export function nucleusThreshold(weights: Float64Array, topP: number): NucleusCut {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const least = ((1 - topP) * total) / weights.length;
  const candidates = weights.filter((weight) => weight > 0 && weight >= least).sort();
  let reached = 0;
  let last = candidates.length;
  while (last > 0 && reached < topP * total) reached += candidates[--last] as number;
  const threshold = candidates[last] as number;
  let atThreshold = 0;
  for (let i = last; i < candidates.length && candidates[i] === threshold; i++) atThreshold++;
  return { threshold, atThreshold };
}

/** The k-th largest value (k ≥ 1) by quickselect, O(V) on average; reorders `values`. */
function selectLargest(values: Float32Array, k: number): number {
  const wanted = values.length - k;
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const [left, right] = partition(values, low, high);
    if (wanted <= right) high = right;
    else if (wanted >= left) low = left;
    else break;
  }
  return values[wanted] as number;
}

/** Hoare's partition around the middle value: [low, right] ≤ pivot ≤ [left, high]. */
function partition(values: Float32Array, low: number, high: number): [left: number, right: number] {
  const pivot = values[(low + high) >>> 1] as number;
  let left = low;
  let right = high;
  while (left <= right) {
    while ((values[left] as number) < pivot) left++;
    while ((values[right] as number) > pivot) right--;
    if (left > right) break;
    const held = values[left] as number;
    values[left++] = values[right] as number;
    values[right--] = held;
  }
  return [left, right];
}
