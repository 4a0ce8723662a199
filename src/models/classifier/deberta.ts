/**
 * @file DeBERTa-v3 (He et al. 2023, arXiv 2111.09543) with a class head: an encoder whose attention adds, to the product
 * of contents, those of content and relative position both ways (arXiv 2006.03654, Eq. 4), and a head on the first token.
 * Shapes: B rows, T tokens, N = B·T, D hidden, H heads of size K, P rows of the table of relative positions.
 */
import {
  add,
  constant,
  type Dim,
  gather,
  integers,
  matmul,
  mul,
  multiplyDims,
  range,
  reshape,
  shapeVector,
  sub,
  transpose,
  type Value,
} from "../../engine/graph/ops.js";
import type { CheckpointWeights } from "../weights/checkpoint-weights.js";
import type { PaddedInputs } from "./classifier.js";
import { type BucketSizes, relativeRows } from "./deberta-positions.js";
import { gelu } from "./gelu.js";
import { attend, paddingBias, splitHeads } from "./padded-attention.js";

/** Hugging Face's keys. */
export interface DebertaConfig extends BucketSizes {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly maxPositionEmbeddings: number;
  readonly layerNormEps: number;
}

/** Scores [B, labels] of padded rows. */
export function debertaScores(
  config: DebertaConfig,
  weights: CheckpointWeights,
  inputs: PaddedInputs,
): Value {
  const [b, t] = inputs.inputIds.shape as readonly [Dim, Dim];
  const x = debertaHidden(config, weights, inputs, config.numHiddenLayers);
  const first = gather(x, mul(range(b), shapeVector([t])));
  return weights.linear(gelu(weights.linear(first, "pooler.dense")), "classifier");
}

/** Hidden states [N, D] of padded rows after the first `layers` layers. */
export function debertaHidden(
  config: DebertaConfig,
  weights: CheckpointWeights,
  { inputIds, lengths }: PaddedInputs,
  layers: number,
): Value {
  const rows = inputIds.shape as readonly [Dim, Dim];
  const [b, t] = rows;
  const norm = (x: Value, module: string) => weights.layerNorm(x, `${module}.LayerNorm`, config.layerNormEps);
  const attention = disentangledAttention(config, weights, rows, paddingBias(lengths, t));
  const embedded = gather(weights.get("deberta.embeddings.word_embeddings.weight"), inputIds);
  let x = norm(reshape(embedded, [multiplyDims(b, t), config.hiddenSize]), "deberta.embeddings");
  for (let layer = 0; layer < layers; layer++) {
    const at = `deberta.encoder.layer.${layer}`;
    const attended = attention(x, `${at}.attention.self`);
    x = norm(add(weights.linear(attended, `${at}.attention.output.dense`), x), `${at}.attention.output`);
    const inner = gelu(weights.linear(x, `${at}.intermediate.dense`));
    x = norm(add(weights.linear(inner, `${at}.output.dense`), x), `${at}.output`);
  }
  return x;
}

/**
 * score(i, j) = (Qᵢ·Kⱼ + Qᵢ·K′ᵣ + Kⱼ·Q′ᵣ) / √(3K), where K′ and Q′ are the layer's key and query projections of the relative
 * embeddings, and r is the row of the distance i − j.
 */
function disentangledAttention(
  config: DebertaConfig,
  weights: CheckpointWeights,
  rows: readonly [Dim, Dim],
  bias: Value,
): (x: Value, module: string) => Value {
  const { numAttentionHeads: h, hiddenSize, positionBuckets } = config;
  const alpha = 1 / Math.sqrt((3 * hiddenSize) / h);
  const table = weights.get("deberta.encoder.rel_embeddings.weight");
  const relative = weights.layerNorm(table, "deberta.encoder.LayerNorm", config.layerNormEps);
  const pick = relativePicker(config, rows[1]);
  return (x, module) => {
    const project = (y: Value, name: string, shape: readonly [Dim, Dim]) =>
      splitHeads(weights.linear(y, `${module}.${name}`), shape, h);
    const [query, key] = [project(x, "query_proj", rows), project(x, "key_proj", rows)];
    const positions = [1, 2 * positionBuckets] as const;
    const [queryAt, keyAt] = [
      project(relative, "query_proj", positions),
      project(relative, "key_proj", positions),
    ];
    const product = (a: Value, b: Value) => matmul(a, b, { transposeB: true, alpha });
    const position = pick(product(query, keyAt), product(key, queryAt));
    return attend(add(product(query, key), position), bias, project(x, "value_proj", rows));
  };
}

/**
 * From products with all rows of the table, of queries and of keys, [B,H,T,P] each, those of every pair's distance, added:
 * [B,H,T,T]. Picked with the pairs as the first axis, so that one index serves all rows and heads.
 */
function relativePicker(config: DebertaConfig, t: Dim): (byQuery: Value, byKey: Value) => Value {
  const p = 2 * config.positionBuckets;
  const [asQuery, asKey] = [reshape(range(t), [t, 1]), reshape(range(t), [1, t])];
  const longest = config.maxPositionEmbeddings;
  const distances = add(sub(asQuery, asKey), integers(longest - 1));
  const row = gather(constant(relativeRows(longest, config)), distances);
  const pairs = (x: Value, owner: Value) => {
    const [b, h] = x.shape as readonly [Dim, Dim];
    const flat = reshape(transpose(x, [2, 3, 0, 1]), [multiplyDims(t, p), b, h]);
    return gather(flat, add(mul(owner, integers(p)), row));
  };
  return (byQuery, byKey) => transpose(add(pairs(byQuery, asQuery), pairs(byKey, asKey)), [2, 3, 0, 1]);
}
