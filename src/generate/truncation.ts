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
 * The smallest set of likeliest tokens whose share reaches topP (Holtzman et al. 2019, arXiv 1904.09751). Weights fall
 * into buckets by their power of two, which keeps their order; only the bucket in which the share is reached is sorted.
 * @param weights unnormalised probabilities, at most 1, [V]
 */
export function nucleusThreshold(weights: Float64Array, topP: number): NucleusCut {
  const buckets = bucketsOf(weights);
  const mass = new Float64Array(BUCKETS);
  for (let i = 0; i < weights.length; i++) {
    const bucket = buckets[i] as number;
    mass[bucket] = (mass[bucket] as number) + (weights[i] as number);
  }
  const wanted = topP * sum(mass);
  let bucket = BUCKETS - 1;
  let reached = 0;
  while (bucket > 0 && reached + (mass[bucket] as number) < wanted) reached += mass[bucket--] as number;
  const members: number[] = [];
  for (let i = 0; i < weights.length; i++) if (buckets[i] === bucket) members.push(weights[i] as number);
  return cutInside(Float64Array.from(members), wanted - reached);
}

/** Walks down a bucket until its weights reach `wanted`; takes all of them when rounding keeps them below it. */
function cutInside(bucket: Float64Array, wanted: number): NucleusCut {
  bucket.sort();
  let last = bucket.length;
  for (let reached = 0; last > 0 && (last === bucket.length || reached < wanted); )
    reached += bucket[--last] as number;
  const threshold = bucket[last] ?? 0;
  let atThreshold = 0;
  for (let i = last; i < bucket.length && bucket[i] === threshold; i++) atThreshold++;
  return { threshold, atThreshold };
}

/** Exponents of float64 numbers from 0 to 1. */
const BUCKETS = 0x3ff + 1;

/** A float64 number's last 16 bits (little endian) are its sign, 11 bits of exponent and 4 bits of mantissa. */
const MANTISSA_BITS = 4;

function bucketsOf(weights: Float64Array): Uint16Array {
  const words = new Uint16Array(weights.buffer, weights.byteOffset, weights.length * 4);
  const buckets = new Uint16Array(weights.length);
  for (let i = 0; i < weights.length; i++) buckets[i] = (words[i * 4 + 3] as number) >>> MANTISSA_BITS;
  return buckets;
}

/** Σ of the values, from first to last. */
export function sum(values: Float64Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] as number;
  return total;
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
