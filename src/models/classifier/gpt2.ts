/**
 * @file GPT-2 (Radford et al. 2019) with a class head: pre-normalised blocks with learned positions, and the score of a
 * text's last token, found by its length. Shapes: B rows, T tokens, N = B·T, D hidden.
 */
import {
  add,
  type Dim,
  gather,
  integers,
  matmul,
  mul,
  multiplyDims,
  range,
  reshape,
  shapeVector,
  split,
  sub,
  type Value,
} from "../../engine/graph/ops.js";
import type { CheckpointWeights } from "../weights/checkpoint-weights.js";
import type { PaddedInputs } from "./classifier.js";
import { geluTanh } from "./gelu.js";
import { attend, causalBias, splitHeads } from "./padded-attention.js";

/** Hugging Face's keys, under the names that other model types give them. */
export interface Gpt2Config {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly maxPositionEmbeddings: number;
  readonly layerNormEpsilon: number;
}

/** Scores [B, labels] of padded rows. */
export function gpt2Scores(
  config: Gpt2Config,
  weights: CheckpointWeights,
  { inputIds, lengths }: PaddedInputs,
): Value {
  const rows = inputIds.shape as readonly [Dim, Dim];
  const [b, t] = rows;
  const norm = (x: Value, module: string) => weights.layerNorm(x, module, config.layerNormEpsilon);
  const bias = causalBias(t);
  const positions = gather(weights.get("transformer.wpe.weight"), range(t));
  const embedded = add(gather(weights.get("transformer.wte.weight"), inputIds), positions);
  let x = reshape(embedded, [multiplyDims(b, t), config.hiddenSize]);
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const at = `transformer.h.${layer}`;
    x = add(x, attention(config, weights, norm(x, `${at}.ln_1`), `${at}.attn`, rows, bias));
    const inner = geluTanh(weights.conv1d(norm(x, `${at}.ln_2`), `${at}.mlp.c_fc`));
    x = add(x, weights.conv1d(inner, `${at}.mlp.c_proj`));
  }
  const rowStarts = mul(range(b), shapeVector([t]));
  const last = gather(x, add(rowStarts, sub(lengths, integers(1))));
  return matmul(norm(last, "transformer.ln_f"), weights.get("score.weight"), { transposeB: true });
}

function attention(
  { hiddenSize, numAttentionHeads }: Gpt2Config,
  weights: CheckpointWeights,
  x: Value,
  module: string,
  rows: readonly [Dim, Dim],
  bias: Value,
): Value {
  const parts = split(weights.conv1d(x, `${module}.c_attn`), 1, [hiddenSize, hiddenSize, hiddenSize]);
  const [query, key, value] = parts.map((part) => splitHeads(part, rows, numAttentionHeads)) as [
    Value,
    Value,
    Value,
  ];
  const scale = 1 / Math.sqrt(hiddenSize / numAttentionHeads);
  const scores = matmul(query, key, { transposeB: true, alpha: scale });
  return weights.conv1d(attend(scores, bias, value), `${module}.c_proj`);
}
