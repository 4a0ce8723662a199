/**
 * @file `config.json` to {@link DecoderConfig}. Whatever would change the arithmetic and is not built is refused by name,
 * never ignored. Defaults are those of transformers' configuration class of the model type.
 */
import { CheckpointError } from "../core/errors.js";
import {
  ARCHITECTURES,
  type ArchitectureRules,
  isArchitecture,
  SUPPORTED_MODEL_TYPES,
} from "./architectures.js";
import { type Architecture, type DecoderConfig, LINEAR_LAYERS, type LinearLayer } from "./config.js";
import { linearModule, linearShape } from "./decoder/linear-layers.js";
import { parseRope } from "./decoder/rope.js";
import {
  boundedInteger,
  type JsonObject,
  MAX_LAYERS,
  positiveInteger,
  positiveNumber,
  shown,
  wholeNumber,
} from "./weights/json-fields.js";

/** Rotary tables hold every position. */
const MAX_POSITIONS = 2 ** 20;

/** What stands on a decoder, as the last part of transformers' class names. */
export type DecoderHead = "CausalLM" | "SequenceClassification";

/**
 * Reads the configuration of a checkpoint.
 * @param where the file's path, for messages
 * @param head  the head that it must have; default that of a language model
 * @throws CheckpointError for other architectures, unsupported options, and missing or impossible sizes
 */
export function parseConfig(json: JsonObject, where: string, head: DecoderHead = "CausalLM"): DecoderConfig {
  const architecture = architectureOf(json, where, head);
  const rules = ARCHITECTURES[architecture];
  refuseOptions(json, rules, where);
  const fields = { ...rules.defaults, ...json };
  const hiddenSize = positiveInteger(fields, "hidden_size", where);
  const numAttentionHeads = positiveInteger(fields, "num_attention_heads", where);
  const config: DecoderConfig = {
    architecture,
    vocabSize: positiveInteger(fields, "vocab_size", where),
    hiddenSize,
    intermediateSize: positiveInteger(fields, "intermediate_size", where),
    numHiddenLayers: boundedInteger(fields, "num_hidden_layers", where, MAX_LAYERS),
    numAttentionHeads,
    numKeyValueHeads: positiveInteger(fields, "num_key_value_heads", where, numAttentionHeads),
    headDim: positiveInteger(fields, "head_dim", where, hiddenSize / numAttentionHeads),
    rmsNormEps: positiveNumber(fields, "rms_norm_eps", where, 1e-6),
    ...parseRope(fields, where),
    maxPositionEmbeddings: boundedInteger(fields, "max_position_embeddings", where, MAX_POSITIONS),
    biases: biasesOf(fields, rules, where),
    qkNorm: rules.qkNorm,
    slidingWindows: slidingWindows(fields, rules, where),
    tieWordEmbeddings: isOn(fields, "tie_word_embeddings", where),
  };
  checkHeads(config, where);
  return config;
}

/** Shape of every tensor that a checkpoint of this configuration holds, by name, in the order of the layers. */
export function checkpointShapes(config: DecoderConfig): ReadonlyMap<string, readonly number[]> {
  const { vocabSize, hiddenSize, numHiddenLayers } = config;
  const shapes = new Map<string, readonly number[]>();
  shapes.set("model.embed_tokens.weight", [vocabSize, hiddenSize]);
  for (let layer = 0; layer < numHiddenLayers; layer++) addLayerShapes(shapes, config, layer);
  shapes.set("model.norm.weight", [hiddenSize]);
  if (!config.tieWordEmbeddings) shapes.set("lm_head.weight", [vocabSize, hiddenSize]);
  return shapes;
}

function addLayerShapes(shapes: Map<string, readonly number[]>, config: DecoderConfig, layer: number): void {
  const at = `model.layers.${layer}`;
  shapes.set(`${at}.input_layernorm.weight`, [config.hiddenSize]);
  for (const name of LINEAR_LAYERS) {
    const module = linearModule(layer, name);
    const shape = linearShape(config, module);
    shapes.set(`${module}.weight`, shape);
    if (config.biases.includes(name)) shapes.set(`${module}.bias`, [shape[0]]);
    if (name === "o_proj") shapes.set(`${at}.post_attention_layernorm.weight`, [config.hiddenSize]);
  }
  if (!config.qkNorm) return;
  for (const norm of ["q_norm", "k_norm"]) shapes.set(`${at}.self_attn.${norm}.weight`, [config.headDim]);
}

/** transformers' class of an architecture with a head. */
export function className(architecture: Architecture, head: DecoderHead): string {
  return ARCHITECTURES[architecture].className.replace("CausalLM", head);
}

function architectureOf(json: JsonObject, where: string, head: DecoderHead): Architecture {
  const type = json["model_type"];
  const architectures = json["architectures"];
  const fits = (name: string) => !Array.isArray(architectures) || architectures.includes(name);
  if (isArchitecture(type) && fits(className(type, head))) return type;
  const wanted = isArchitecture(type) ? className(type, head) : SUPPORTED_MODEL_TYPES.join(", ");
  throw new CheckpointError(
    `${where}: expected architecture ${wanted}, got ${shown(architectures)} (model_type ${shown(type)})`,
    { hint: `supported model types: ${SUPPORTED_MODEL_TYPES.join(", ")}; only with a language model's head` },
  );
}

/** Options of any model type that change the arithmetic, are not built, and are off by default. */
const REFUSED: readonly string[] = [
  "attention_bias",
  "mlp_bias",
  "rope_interleaved",
  "quantization_config",
  "per_layer_config",
  "use_qk_norm",
  "attention_chunk_size",
];

const SILU_NAMES: readonly unknown[] = ["silu", "swish"];

/** Options that change the arithmetic: the field, and the values that leave it as it is built. */
function refuseOptions(json: JsonObject, rules: ArchitectureRules, where: string): void {
  const refuse = (field: string, isPlain: boolean): void => {
    if (isPlain) return;
    throw new CheckpointError(`${where}: ${field} = ${shown(json[field])} is not supported`, {
      hint: `choose a checkpoint without this option; supported model types: ${SUPPORTED_MODEL_TYPES.join(", ")}`,
    });
  };
  for (const field of REFUSED)
    if (!(field in rules.biasFields)) refuse(field, (json[field] ?? false) === false);
  refuse("hidden_act", SILU_NAMES.includes(json["hidden_act"] ?? "silu"));
  refuse("is_causal", (json["is_causal"] ?? true) === true);
}

function biasesOf(json: JsonObject, rules: ArchitectureRules, where: string): readonly LinearLayer[] {
  const asked = Object.entries(rules.biasFields).flatMap(([field, layers]) =>
    isOn(json, field, where) ? layers : [],
  );
  return LINEAR_LAYERS.filter((layer) => rules.biases.includes(layer) || asked.includes(layer));
}

/** The window of every layer; one that no sequence can fill is none. */
function slidingWindows(json: JsonObject, rules: ArchitectureRules, where: string): (number | null)[] {
  const window = windowSize(json, rules, where);
  const from = rules.slidingWindow === "chosen" ? wholeNumber(json, "max_window_layers", where, 28) : 0;
  const layers = boundedInteger(json, "num_hidden_layers", where, MAX_LAYERS);
  const slides = Array.from({ length: layers }, (_, layer) => window !== null && layer >= from);
  const chosen = slidingByLayerTypes(json["layer_types"], slides, rules, where) ?? slides;
  if (window === null && chosen.includes(true))
    throw new CheckpointError(`${where}: layer_types asks for sliding_attention, but sliding_window is off`);
  const isVoid = window !== null && window >= positiveInteger(json, "max_position_embeddings", where);
  return chosen.map((slides) => (slides && !isVoid ? window : null));
}

function windowSize(json: JsonObject, rules: ArchitectureRules, where: string): number | null {
  if (rules.slidingWindow === "none" || json["sliding_window"] === null) return null;
  if (rules.slidingWindow === "chosen" && !isOn(json, "use_sliding_window", where)) return null;
  return positiveInteger(json, "sliding_window", where);
}

/** `layer_types` as a choice of layers, null when absent; refused where the architecture would not follow it. */
function slidingByLayerTypes(
  types: unknown,
  built: readonly boolean[],
  rules: ArchitectureRules,
  where: string,
): readonly boolean[] | null {
  if (types === undefined || types === null) return null;
  const known = ["full_attention", "sliding_attention"];
  const isList = Array.isArray(types) && types.length === built.length;
  if (isList && types.every((type) => known.includes(type))) {
    const slides = types.map((type) => type === "sliding_attention");
    if (rules.slidingWindow === "chosen" || slides.join() === built.join()) return slides;
  }
  throw new CheckpointError(`${where}: layer_types = ${shown(types)} is not supported`, {
    hint: `expected one of ${known.join(", ")} for each of the ${built.length} layers, as ${rules.className} has them`,
  });
}

function isOn(json: JsonObject, field: string, where: string): boolean {
  const value = json[field] ?? false;
  if (typeof value === "boolean") return value;
  throw new CheckpointError(`${where}: expected ${field} to be true or false, got ${shown(value)}`);
}

function checkHeads(config: DecoderConfig, where: string): void {
  const { numAttentionHeads, numKeyValueHeads, headDim } = config;
  if (numAttentionHeads % numKeyValueHeads !== 0)
    throw new CheckpointError(
      `${where}: expected num_attention_heads to be a multiple of num_key_value_heads, got ${numAttentionHeads} and ${numKeyValueHeads}`,
    );
  if (headDim % 2 !== 0) throw new CheckpointError(`${where}: expected an even head_dim, got ${headDim}`);
}
