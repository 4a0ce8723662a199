/**
 * @file `config.json` to {@link DecoderConfig}. Whatever would change the arithmetic and is not built is refused by name,
 * never ignored. Defaults are those of transformers' DecoderConfig.
 */
import { CheckpointError } from "../core/errors.js";
import type { DecoderConfig } from "./config.js";
import { isJsonObject, type JsonObject, positiveInteger, positiveNumber, shown } from "./json-fields.js";

/** Values of `model_type` that can be opened. */
export const SUPPORTED_MODEL_TYPES: readonly string[] = ["llama"];

/**
 * Reads the configuration of a Llama-architecture checkpoint.
 * @param where the file's path, for messages
 * @throws CheckpointError for other architectures, unsupported options, and missing or impossible sizes
 */
export function parseConfig(json: JsonObject, where: string): DecoderConfig {
  refuseArchitecture(json, where);
  refuseOptions(json, where);
  const hiddenSize = positiveInteger(json, "hidden_size", where);
  const numAttentionHeads = positiveInteger(json, "num_attention_heads", where);
  const config: DecoderConfig = {
    architecture: "llama",
    vocabSize: positiveInteger(json, "vocab_size", where),
    hiddenSize,
    intermediateSize: positiveInteger(json, "intermediate_size", where),
    numHiddenLayers: positiveInteger(json, "num_hidden_layers", where),
    numAttentionHeads,
    numKeyValueHeads: positiveInteger(json, "num_key_value_heads", where, numAttentionHeads),
    headDim: positiveInteger(json, "head_dim", where, hiddenSize / numAttentionHeads),
    rmsNormEps: positiveNumber(json, "rms_norm_eps", where, 1e-6),
    ropeTheta: positiveNumber(ropeParameters(json), "rope_theta", where, 10000),
    maxPositionEmbeddings: positiveInteger(json, "max_position_embeddings", where, 2048),
    tieWordEmbeddings: json["tie_word_embeddings"] === true,
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
  const { hiddenSize, intermediateSize } = config;
  const queries = config.numAttentionHeads * config.headDim;
  const keys = config.numKeyValueHeads * config.headDim;
  const at = `model.layers.${layer}`;
  shapes.set(`${at}.input_layernorm.weight`, [hiddenSize]);
  shapes.set(`${at}.self_attn.q_proj.weight`, [queries, hiddenSize]);
  shapes.set(`${at}.self_attn.k_proj.weight`, [keys, hiddenSize]);
  shapes.set(`${at}.self_attn.v_proj.weight`, [keys, hiddenSize]);
  shapes.set(`${at}.self_attn.o_proj.weight`, [hiddenSize, queries]);
  shapes.set(`${at}.post_attention_layernorm.weight`, [hiddenSize]);
  shapes.set(`${at}.mlp.gate_proj.weight`, [intermediateSize, hiddenSize]);
  shapes.set(`${at}.mlp.up_proj.weight`, [intermediateSize, hiddenSize]);
  shapes.set(`${at}.mlp.down_proj.weight`, [hiddenSize, intermediateSize]);
}

function refuseArchitecture(json: JsonObject, where: string): void {
  const type = json["model_type"];
  const architectures = json["architectures"];
  const isLlama = typeof type === "string" && SUPPORTED_MODEL_TYPES.includes(type);
  const isDecoder = !Array.isArray(architectures) || architectures.includes("LlamaForCausalLM");
  if (isLlama && isDecoder) return;
  throw new CheckpointError(
    `${where}: expected architecture LlamaForCausalLM (model_type ${SUPPORTED_MODEL_TYPES.join(", ")}), got ${shown(architectures)} (model_type ${shown(type)})`,
    { hint: `supported model types: ${SUPPORTED_MODEL_TYPES.join(", ")}` },
  );
}

/** Options that change the arithmetic: the field, and the values that leave it as it is built. */
function refuseOptions(json: JsonObject, where: string): void {
  const refuse = (field: string, isPlain: boolean, value: unknown = json[field]): void => {
    if (isPlain) return;
    throw new CheckpointError(`${where}: ${field} = ${shown(value)} is not supported`, {
      hint: "choose a Llama-architecture checkpoint without this option",
    });
  };
  const off = (field: string): boolean =>
    json[field] === undefined || json[field] === null || json[field] === false;
  for (const field of ["attention_bias", "mlp_bias", "rope_interleaved", "quantization_config"])
    refuse(field, off(field));
  refuse("hidden_act", (json["hidden_act"] ?? "silu") === "silu");
  refuse("partial_rotary_factor", (json["partial_rotary_factor"] ?? 1) === 1);
  for (const field of ["rope_scaling", "rope_parameters"]) refuse(field, isPlainRope(json[field]));
}

/** Rotary options without scaling: absent, or of type "default". */
function isPlainRope(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return isJsonObject(value) && (value["rope_type"] ?? value["type"] ?? "default") === "default";
}

/** transformers 5 moved `rope_theta` into `rope_parameters`. */
function ropeParameters(json: JsonObject): JsonObject {
  const nested = json["rope_parameters"];
  return isJsonObject(nested) && nested["rope_theta"] !== undefined ? nested : json;
}

function checkHeads(config: DecoderConfig, where: string): void {
  const { numAttentionHeads, numKeyValueHeads, headDim } = config;
  if (numAttentionHeads % numKeyValueHeads !== 0)
    throw new CheckpointError(
      `${where}: expected num_attention_heads to be a multiple of num_key_value_heads, got ${numAttentionHeads} and ${numKeyValueHeads}`,
    );
  if (headDim % 2 !== 0) throw new CheckpointError(`${where}: expected an even head_dim, got ${headDim}`);
}
