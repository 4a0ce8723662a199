/**
 * @file `config.json` of `GPT2ForSequenceClassification` and the tensors of its checkpoints. Defaults are those of
 * transformers' GPT2Config; what would change the arithmetic and is not built is refused by name.
 */
import { CheckpointError } from "../../core/errors.js";
import {
  boundedInteger,
  type JsonObject,
  MAX_LAYERS,
  positiveInteger,
  positiveNumber,
  requireBuilt,
} from "../weights/json-fields.js";
import { classLabels } from "./class-labels.js";
import type { ClassifierLayout } from "./classifier.js";
import { type Gpt2Config, gpt2Scores } from "./gpt2.js";

/** @throws CheckpointError for unsupported options, and missing or impossible sizes */
export function gpt2Layout(json: JsonObject, where: string): ClassifierLayout {
  const config = parseGpt2(json, where);
  const labels = classLabels(json, where);
  return {
    kind: "gpt2 classifier",
    labels,
    dialogueFormat: "question-answer",
    maxLength: config.maxPositionEmbeddings,
    shapes: gpt2Shapes(config, labels.length),
    // Causal masks of old checkpoints.
    isIgnorable: (tensor) => /\.attn\.(masked_)?bias$/.test(tensor),
    scores: (weights, inputs) => gpt2Scores(config, weights, inputs),
  };
}

function parseGpt2(json: JsonObject, where: string): Gpt2Config {
  requireBuilt(json, "activation_function", where, ["gelu_new"]);
  requireBuilt(json, "scale_attn_weights", where, [true]);
  requireBuilt(json, "scale_attn_by_inverse_layer_idx", where, [false]);
  requireBuilt(json, "add_cross_attention", where, [false]);
  const hiddenSize = positiveInteger(json, "n_embd", where, 768);
  const numAttentionHeads = positiveInteger(json, "n_head", where, 12);
  if (hiddenSize % numAttentionHeads !== 0)
    throw new CheckpointError(
      `${where}: expected n_embd to be a multiple of n_head, got ${hiddenSize} and ${numAttentionHeads}`,
    );
  return {
    vocabSize: positiveInteger(json, "vocab_size", where, 50257),
    hiddenSize,
    intermediateSize: positiveInteger(json, "n_inner", where, 4 * hiddenSize),
    numHiddenLayers: boundedInteger(json, "n_layer", where, MAX_LAYERS, 12),
    numAttentionHeads,
    maxPositionEmbeddings: positiveInteger(json, "n_positions", where, 1024),
    layerNormEpsilon: positiveNumber(json, "layer_norm_epsilon", where, 1e-5),
  };
}

function gpt2Shapes(config: Gpt2Config, labels: number): ReadonlyMap<string, readonly number[]> {
  const { vocabSize, hiddenSize: d, intermediateSize: f, numHiddenLayers, maxPositionEmbeddings } = config;
  const shapes = new Map<string, readonly number[]>();
  const norm = (module: string) => shapes.set(`${module}.weight`, [d]).set(`${module}.bias`, [d]);
  const conv1d = (module: string, in_: number, out: number) =>
    shapes.set(`${module}.weight`, [in_, out]).set(`${module}.bias`, [out]);
  shapes.set("transformer.wte.weight", [vocabSize, d]);
  shapes.set("transformer.wpe.weight", [maxPositionEmbeddings, d]);
  for (let layer = 0; layer < numHiddenLayers; layer++) {
    const at = `transformer.h.${layer}`;
    norm(`${at}.ln_1`);
    conv1d(`${at}.attn.c_attn`, d, 3 * d);
    conv1d(`${at}.attn.c_proj`, d, d);
    norm(`${at}.ln_2`);
    conv1d(`${at}.mlp.c_fc`, d, f);
    conv1d(`${at}.mlp.c_proj`, f, d);
  }
  norm("transformer.ln_f");
  return shapes.set("score.weight", [labels, d]);
}
