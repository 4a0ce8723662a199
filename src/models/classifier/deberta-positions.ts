/**
 * @file DeBERTa's relative positions in buckets (He et al. 2021, arXiv 2006.03654; logarithmic since v2): one a distance
 * up to half the buckets, and logarithmically wider ones beyond.
 */

/** How distances become rows of the table of relative embeddings. */
export interface BucketSizes {
  /** Rows for each direction. */
  readonly positionBuckets: number;
  /** The distance that the last bucket begins at, about. */
  readonly maxRelativePositions: number;
}

/**
 * The bucket of a distance ≥ 0; that of a negative one is minus it. Computed in float32, as transformers does, whose
 * rounding decides where a bucket ends.
 */
export function distanceBucket(distance: number, sizes: BucketSizes): number {
  const mid = Math.floor(sizes.positionBuckets / 2);
  if (distance <= mid) return distance;
  const log = (x: number) => Math.fround(Math.log(Math.fround(x)));
  const share = Math.fround(log(distance / mid) / log((sizes.maxRelativePositions - 1) / mid));
  return Math.ceil(Math.fround(share * (mid - 1))) + mid;
}

/**
 * Rows of the table for the distances −(length − 1) … length − 1, which beyond the table are its first and last ones.
 * @param length tokens of the longest text
 */
export function relativeRows(length: number, sizes: BucketSizes): BigInt64Array {
  const span = sizes.positionBuckets;
  const rows = new BigInt64Array(2 * length - 1);
  for (let distance = 0; distance < length; distance++) {
    const bucket = distanceBucket(distance, sizes);
    rows[length - 1 + distance] = BigInt(Math.min(span + bucket, 2 * span - 1));
    rows[length - 1 - distance] = BigInt(Math.max(span - bucket, 0));
  }
  return rows;
}
