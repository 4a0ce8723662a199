/**
 * @file A Llama GGUF file in Hugging Face's terms: names, row order of query and key projections, `config.json`.
 * llama.cpp stores the two rotary halves of a head interleaved; transformers undoes it in
 * modeling_gguf_pytorch_utils.py (LlamaTensorProcessor), and so does {@link unpermuteRows}.
 */
import { CheckpointError } from "../../core/errors.js";
import type { ByteSource } from "../byte-source.js";
import type { JsonObject } from "../json-fields.js";
import { type GgufFile, type GgufTensor, type GgufValue, readGgufTensor } from "./parse.js";

/** Architectures (`general.architecture`) that can be opened. */
export const SUPPORTED_GGUF_ARCHITECTURES: readonly string[] = ["llama"];

const BLOCK_NAMES: ReadonlyMap<string, string> = new Map([
  ["attn_norm", "input_layernorm"],
  ["attn_q", "self_attn.q_proj"],
  ["attn_k", "self_attn.k_proj"],
  ["attn_v", "self_attn.v_proj"],
  ["attn_output", "self_attn.o_proj"],
  ["ffn_norm", "post_attention_layernorm"],
  ["ffn_gate", "mlp.gate_proj"],
  ["ffn_up", "mlp.up_proj"],
  ["ffn_down", "mlp.down_proj"],
]);

const TOP_NAMES: ReadonlyMap<string, string> = new Map([
  ["token_embd.weight", "model.embed_tokens.weight"],
  ["output_norm.weight", "model.norm.weight"],
  ["output.weight", "lm_head.weight"],
]);

/**
 * The Hugging Face parameter name of a GGUF tensor name.
 * @throws CheckpointError for tensors that a Llama decoder does not have
 */
export function checkpointName(name: string, where: string): string {
  const top = TOP_NAMES.get(name);
  if (top !== undefined) return top;
  const [, layer, part] = /^blk\.(\d+)\.([a-z_]+)\.weight$/.exec(name) ?? [];
  const block = part === undefined ? undefined : BLOCK_NAMES.get(part);
  if (block !== undefined) return `model.layers.${layer}.${block}.weight`;
  throw new CheckpointError(`${where}: tensor ${name} has no place in a plain Llama decoder`, {
    hint:
      name === "rope_freqs.weight"
        ? "the model scales its rotary frequencies, which is not supported"
        : "the file holds a variant of the architecture that is not supported",
  });
}

/**
 * `config.json` of the model, as Hugging Face would write it.
 * @throws CheckpointError for other architectures and for variants that are not built
 */
export function configFromGguf(file: GgufFile): JsonObject {
  const architecture = file.metadata.get("general.architecture");
  if (typeof architecture !== "string" || !SUPPORTED_GGUF_ARCHITECTURES.includes(architecture))
    throw new CheckpointError(
      `${file.name}: expected architecture ${SUPPORTED_GGUF_ARCHITECTURES.join(", ")}, got ${String(architecture)}`,
    );
  refuseVariants(file);
  const get = (key: string): GgufValue | undefined => file.metadata.get(`llama.${key}`);
  const heads = required(file, "llama.attention.head_count");
  const headDim = get("attention.key_length") ?? required(file, "llama.embedding_length") / heads;
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_act: "silu",
    hidden_size: get("embedding_length"),
    intermediate_size: get("feed_forward_length"),
    num_hidden_layers: get("block_count"),
    num_attention_heads: heads,
    num_key_value_heads: get("attention.head_count_kv") ?? heads,
    head_dim: headDim,
    max_position_embeddings: get("context_length"),
    rms_norm_eps: shortestDecimal(required(file, "llama.attention.layer_norm_rms_epsilon")),
    rope_theta: shortestDecimal(get("rope.freq_base") ?? 10000),
    rope_scaling: null,
    attention_bias: false,
    mlp_bias: false,
    vocab_size: file.tensors.get("token_embd.weight")?.shape[0],
    tie_word_embeddings: !file.tensors.has("output.weight"),
    bos_token_id: file.metadata.get("tokenizer.ggml.bos_token_id") ?? null,
    eos_token_id: file.metadata.get("tokenizer.ggml.eos_token_id") ?? null,
    pad_token_id: file.metadata.get("tokenizer.ggml.padding_token_id") ?? null,
    torch_dtype: "float32",
  };
}

/**
 * Reads one tensor as float32 in Hugging Face's row order.
 * @param heads query heads H and key/value heads G
 */
export function readCheckpointTensor(
  source: ByteSource,
  tensor: GgufTensor,
  heads: { readonly query: number; readonly keyValue: number },
): Float32Array {
  const values = readGgufTensor(source, tensor);
  const rows = tensor.shape[0] ?? 0;
  if (tensor.name.includes(".attn_q.")) return unpermuteRows(values, rows, heads.query);
  if (tensor.name.includes(".attn_k.")) return unpermuteRows(values, rows, heads.keyValue);
  return values;
}

/** Rows of each head from (0, K/2, 1, K/2 + 1, …), as llama.cpp stores them, to (0, 1, …, K − 1). */
export function unpermuteRows(values: Float32Array, rows: number, heads: number): Float32Array {
  const width = values.length / rows;
  const half = rows / heads / 2;
  if (!Number.isInteger(half))
    throw new CheckpointError(`gguf: expected ${rows} rows to split into ${heads} heads of even size`);
  const out = new Float32Array(values.length);
  for (let head = 0; head < heads; head++) {
    for (let part = 0; part < 2; part++) {
      for (let row = 0; row < half; row++) {
        const from = (head * 2 * half + row * 2 + part) * width;
        out.set(values.subarray(from, from + width), (head * 2 * half + part * half + row) * width);
      }
    }
  }
  return out;
}

function refuseVariants(file: GgufFile): void {
  const refuse = (key: string, isPlain: boolean): void => {
    if (!isPlain)
      throw new CheckpointError(`${file.name}: ${key} = ${String(file.metadata.get(key))} is not supported`);
  };
  const get = (key: string): GgufValue | undefined => file.metadata.get(key);
  refuse("llama.rope.scaling.type", (get("llama.rope.scaling.type") ?? "none") === "none");
  refuse("llama.expert_count", (get("llama.expert_count") ?? 0) === 0);
  const headDim =
    get("llama.attention.key_length") ??
    required(file, "llama.embedding_length") / required(file, "llama.attention.head_count");
  for (const key of ["llama.rope.dimension_count", "llama.attention.value_length"])
    refuse(key, (get(key) ?? headDim) === headDim);
}

function required(file: GgufFile, key: string): number {
  const value = file.metadata.get(key);
  if (typeof value === "number" && value > 0) return value;
  throw new CheckpointError(
    `${file.name}: expected metadata ${key} to be a positive number, got ${String(value)}`,
  );
}

/** The decimal that people wrote before it was stored as float32: 9.999999747378752e-06 → 1e-5. */
function shortestDecimal(value: GgufValue): number {
  for (let digits = 1; digits <= 9; digits++) {
    const decimal = Number(Number(value).toPrecision(digits));
    if (Math.fround(decimal) === Math.fround(Number(value))) return decimal;
  }
  return Number(value);
}
