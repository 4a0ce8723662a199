/**
 * @file `config.json` of `DebertaV2ForSequenceClassification` (DeBERTa-v3 has the same class) and the tensors of its
 * checkpoints. Only what the v3 checkpoints switch on is built; anything else is refused by name.
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
import { type DebertaConfig, debertaHidden, debertaScores } from "./deberta.js";
import type { EncoderLayout } from "./encoder.js";

/** The table of relative positions holds every distance. */
const MAX_POSITIONS = 2 ** 20;

/** @throws CheckpointError for unsupported options, and missing or impossible sizes */
export function debertaLayout(json: JsonObject, where: string): ClassifierLayout {
  const config = parseDeberta(json, where);
  const labels = classLabels(json, where);
  return {
    kind: "deberta-v2 classifier",
    labels,
    dialogueFormat: "human-assistant",
    maxLength: config.maxPositionEmbeddings,
    shapes: debertaShapes(config, labels.length),
    isIgnorable: (tensor) => IGNORABLE.test(tensor),
    scores: (weights, inputs) => debertaScores(config, weights, inputs),
  };
}

/**
 * The encoder alone, whatever head stands on it; a checkpoint of `DebertaV2Model` names its tensors without `deberta.`.
 * @throws CheckpointError as {@link debertaLayout}
 */
export function debertaEncoderLayout(json: JsonObject, where: string): EncoderLayout {
  const config = parseDeberta(json, where);
  const { architectures } = json;
  const isBare = Array.isArray(architectures) && architectures.includes("DebertaV2Model");
  const named = (tensor: string): string => (isBare ? tensor.slice(PREFIX.length) : tensor);
  const isHead = (tensor: string): boolean => !isBare && !tensor.startsWith(PREFIX);
  return {
    kind: "deberta-v2 encoder",
    numHiddenLayers: config.numHiddenLayers,
    hiddenSize: config.hiddenSize,
    maxLength: config.maxPositionEmbeddings,
    shapes: new Map([...encoderShapes(config)].map(([tensor, shape]) => [named(tensor), shape])),
    isIgnorable: (tensor) => isHead(tensor) || IGNORABLE.test(tensor),
    hidden: (weights, inputs, layers) =>
      debertaHidden(config, isBare ? weights.under(PREFIX) : weights, inputs, layers),
  };
}

const PREFIX = "deberta.";

/** Absolute positions, which pretrained checkpoints carry and none of these models adds. */
const IGNORABLE = /\.position_(embeddings\.weight|ids)$/;

function parseDeberta(json: JsonObject, where: string): DebertaConfig {
  refuseOptions(json, where);
  const hiddenSize = positiveInteger(json, "hidden_size", where, 1536);
  const numAttentionHeads = positiveInteger(json, "num_attention_heads", where, 24);
  if (hiddenSize % numAttentionHeads !== 0)
    throw new CheckpointError(
      `${where}: expected hidden_size to be a multiple of num_attention_heads, got ${hiddenSize} and ${numAttentionHeads}`,
    );
  const maxPositionEmbeddings = boundedInteger(json, "max_position_embeddings", where, MAX_POSITIONS, 512);
  requireBuilt(json, "max_relative_positions", where, [-1, maxPositionEmbeddings]);
  return {
    vocabSize: positiveInteger(json, "vocab_size", where, 128100),
    hiddenSize,
    intermediateSize: positiveInteger(json, "intermediate_size", where, 6144),
    numHiddenLayers: boundedInteger(json, "num_hidden_layers", where, MAX_LAYERS, 24),
    numAttentionHeads,
    maxPositionEmbeddings,
    maxRelativePositions: maxPositionEmbeddings,
    positionBuckets: positiveInteger(json, "position_buckets", where),
    layerNormEps: positiveNumber(json, "layer_norm_eps", where, 1e-7),
  };
}

/** What v3 sets and transformers' defaults do not, so that an absent field is another model. */
const STATED: JsonObject = {
  relative_attention: true,
  position_biased_input: false,
  share_att_key: true,
  norm_rel_ebd: "layer_norm",
  pos_att_type: "c2p|p2c",
};

function refuseOptions(json: JsonObject, where: string): void {
  const stated: JsonObject = { ...json, pos_att_type: attentionTypes(json["pos_att_type"]) };
  for (const [field, built] of Object.entries(STATED))
    requireBuilt({ [field]: stated[field] ?? "absent" }, field, where, [built]);
  requireBuilt(json, "hidden_act", where, ["gelu"]);
  requireBuilt(json, "pooler_hidden_act", where, ["gelu"]);
  requireBuilt(json, "type_vocab_size", where, [0]);
  requireBuilt(json, "conv_kernel_size", where, [0]);
  const { hidden_size: width } = json;
  requireBuilt(json, "embedding_size", where, [width]);
  requireBuilt(json, "pooler_hidden_size", where, [width]);
}

/** A list, or its members joined by bars, in any order. */
function attentionTypes(value: unknown): string {
  const types = Array.isArray(value) ? value : String(value ?? "none").split("|");
  return types
    .map((type) => String(type).trim().toLowerCase())
    .sort()
    .join("|");
}

function debertaShapes(config: DebertaConfig, labels: number): ReadonlyMap<string, readonly number[]> {
  const d = config.hiddenSize;
  return encoderShapes(config)
    .set("pooler.dense.weight", [d, d])
    .set("pooler.dense.bias", [d])
    .set("classifier.weight", [labels, d])
    .set("classifier.bias", [labels]);
}

function encoderShapes(config: DebertaConfig): Map<string, readonly number[]> {
  const { vocabSize, hiddenSize: d, intermediateSize: f, numHiddenLayers, positionBuckets } = config;
  const shapes = new Map<string, readonly number[]>();
  const norm = (module: string) => shapes.set(`${module}.weight`, [d]).set(`${module}.bias`, [d]);
  const linear = (module: string, in_: number, out: number) =>
    shapes.set(`${module}.weight`, [out, in_]).set(`${module}.bias`, [out]);
  shapes.set("deberta.embeddings.word_embeddings.weight", [vocabSize, d]);
  norm("deberta.embeddings.LayerNorm");
  for (let layer = 0; layer < numHiddenLayers; layer++) {
    const at = `deberta.encoder.layer.${layer}`;
    for (const name of ["query_proj", "key_proj", "value_proj"]) linear(`${at}.attention.self.${name}`, d, d);
    linear(`${at}.attention.output.dense`, d, d);
    norm(`${at}.attention.output.LayerNorm`);
    linear(`${at}.intermediate.dense`, d, f);
    linear(`${at}.output.dense`, f, d);
    norm(`${at}.output.LayerNorm`);
  }
  shapes.set("deberta.encoder.rel_embeddings.weight", [2 * positionBuckets, d]);
  return norm("deberta.encoder.LayerNorm");
}
