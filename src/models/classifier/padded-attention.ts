/** @file Multi-head attention over padded rows. Shapes: B rows, T tokens, N = B·T, H heads of size K, D = H·K. */
import {
  add,
  type Dim,
  greater,
  lessOrEqual,
  matmul,
  multiplyDims,
  range,
  reshape,
  softmax,
  transpose,
  type Value,
  where,
} from "../../engine/graph/ops.js";

/** Added to the score of a hidden position: finite, so that padding stays finite too. */
const HIDDEN = -1e30;

/** [N,D] → [B,H,T,K] */
export function splitHeads(x: Value, [b, t]: readonly [Dim, Dim], heads: number): Value {
  const width = x.shape[1] as number;
  return transpose(reshape(x, [b, t, heads, width / heads]), [0, 2, 1, 3]);
}

/** softmax(scores + bias)·values for scores [B,H,T,T] and values [B,H,T,K], heads joined: [N,D]. */
export function attend(scores: Value, bias: Value, values: Value): Value {
  const [b, heads, t, size] = values.shape as readonly [Dim, number, Dim, number];
  const attended = matmul(softmax(add(scores, bias)), values);
  return reshape(transpose(attended, [0, 2, 1, 3]), [multiplyDims(b, t), heads * size]);
}

/** Query i sees key j iff j ≤ i: [T,T]. Padding on the right is thereby hidden from all that is not. */
export function causalBias(t: Dim): Value {
  const positions = range(t);
  return where(lessOrEqual(reshape(positions, [1, t]), reshape(positions, [t, 1])), 0, HIDDEN);
}

/** Keys of padding are hidden: [B,1,1,T]. */
export function paddingBias(lengths: Value, t: Dim): Value {
  const [b] = lengths.shape as readonly [Dim];
  const isToken = greater(reshape(lengths, [b, 1, 1, 1]), reshape(range(t), [1, 1, 1, t]));
  return where(isToken, 0, HIDDEN);
}
