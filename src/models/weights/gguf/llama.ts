/**
 * @file A GGUF file of the Llama family in Hugging Face's terms: names, row order of query and key projections,
 * `config.json`. For `llama` (which Mistral is there, too) llama.cpp stores the two rotary halves of a head interleaved;
 * transformers undoes it in modeling_gguf_pytorch_utils.py (LlamaTensorProcessor), and so does {@link unpermuteRows}.
 */
import { CheckpointError } from "../../../core/errors.js";
import { ARCHITECTURES } from "../../architectures.js";
import type { Architecture } from "../../config.js";
import { rotaryFrequencies } from "../../decoder/rope.js";
import type { ByteSource } from "../byte-source.js";
import type { JsonObject } from "../json-fields.js";
import { type GgufFile, type GgufTensor, type GgufValue, readGgufTensor } from "./parse.js";

/** Architectures (`general.architecture`) that can be opened: the `model_type` of the same name. */
const GGUF_ARCHITECTURES: readonly Architecture[] = ["llama", "qwen2", "qwen3"];

/** Divisors of the rotary frequencies, [K/2]: Llama 3's scaling as llama.cpp stores it. */
export const ROPE_FACTORS_TENSOR = "rope_freqs.weight";

const BLOCK_NAMES: ReadonlyMap<string, string> = new Map([
  ["attn_norm", "input_layernorm"],
  ["attn_q", "self_attn.q_proj"],
  ["attn_k", "self_attn.k_proj"],
  ["attn_v", "self_attn.v_proj"],
  ["attn_output", "self_attn.o_proj"],
  ["attn_q_norm", "self_attn.q_norm"],
  ["attn_k_norm", "self_attn.k_norm"],
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
 * @throws CheckpointError for tensors that the decoder does not have
 */
export function checkpointName(name: string, where: string): string {
  const top = TOP_NAMES.get(name);
  if (top !== undefined) return top;
  const [, layer, part, kind] = /^blk\.(\d+)\.([a-z_]+)\.(weight|bias)$/.exec(name) ?? [];
  const block = part === undefined ? undefined : BLOCK_NAMES.get(part);
  if (block !== undefined) return `model.layers.${layer}.${block}.${kind}`;
  throw new CheckpointError(`${where}: tensor ${name} has no place in the decoder`, {
    hint: "the file holds a variant of the architecture that is not supported",
  });
}

/**
 * `config.json` of the model, as Hugging Face would write it.
 * @param ropeFactors values of {@link ROPE_FACTORS_TENSOR}, null when the file has none
 * @throws CheckpointError for other architectures and for variants that are not built
 */
export function configFromGguf(file: GgufFile, ropeFactors: Float32Array | null = null): JsonObject {
  const architecture = architectureOf(file);
  refuseVariants(file, architecture);
  const get = (key: string): GgufValue | undefined => file.metadata.get(`${architecture}.${key}`);
  const heads = required(file, `${architecture}.attention.head_count`);
  const ropeTheta = shortestDecimal(get("rope.freq_base") ?? 10000);
  const headDim = headDimOf(file, architecture);
  return {
    architectures: [ARCHITECTURES[architecture].className],
    model_type: architecture,
    hidden_act: "silu",
    hidden_size: get("embedding_length"),
    intermediate_size: get("feed_forward_length"),
    num_hidden_layers: get("block_count"),
    num_attention_heads: heads,
    num_key_value_heads: get("attention.head_count_kv") ?? heads,
    head_dim: headDim,
    max_position_embeddings: get("context_length"),
    rms_norm_eps: shortestDecimal(required(file, `${architecture}.attention.layer_norm_rms_epsilon`)),
    rope_theta: ropeTheta,
    rope_scaling: ropeScaling(file, architecture, { headDim, ropeTheta }, ropeFactors),
    ...biasFields(file, architecture),
    vocab_size: file.tensors.get("token_embd.weight")?.shape[0],
    tie_word_embeddings: !file.tensors.has("output.weight"),
    bos_token_id: file.metadata.get("tokenizer.ggml.bos_token_id") ?? null,
    eos_token_id: file.metadata.get("tokenizer.ggml.eos_token_id") ?? null,
    pad_token_id: file.metadata.get("tokenizer.ggml.padding_token_id") ?? null,
    torch_dtype: "float32",
  };
}

function architectureOf(file: GgufFile): Architecture {
  const name = file.metadata.get("general.architecture");
  const known = GGUF_ARCHITECTURES.find((architecture) => architecture === name);
  if (known !== undefined) return known;
  throw new CheckpointError(
    `${file.name}: expected architecture ${GGUF_ARCHITECTURES.join(", ")}, got ${String(name)}`,
  );
}

/** The metadata does not name biases; a projection that has one has its kind's all (checked tensor by tensor later). */
function biasFields(file: GgufFile, architecture: Architecture): JsonObject {
  const signs: Readonly<Record<string, string>> = {
    attention_bias: "blk.0.attn_q.bias",
    mlp_bias: "blk.0.ffn_up.bias",
  };
  const fields = Object.keys(ARCHITECTURES[architecture].biasFields);
  return Object.fromEntries(fields.map((field) => [field, file.tensors.has(signs[field] ?? "")]));
}

function ropeScaling(
  file: GgufFile,
  architecture: Architecture,
  rope: { readonly headDim: number; readonly ropeTheta: number },
  factors: Float32Array | null,
): JsonObject | null {
  const isLinear = file.metadata.get(`${architecture}.rope.scaling.type`) === "linear";
  if (factors !== null && !isLinear) return llama3Scaling(file, rope, factors);
  if (factors !== null)
    throw new CheckpointError(
      `${file.name}: linear rotary scaling and ${ROPE_FACTORS_TENSOR} are not supported`,
    );
  if (!isLinear) return null;
  return { rope_type: "linear", factor: required(file, `${architecture}.rope.scaling.factor`) };
}

/** The bounds that all Llama 3 models have; the file holds only what they and the factor make. */
const LLAMA3_BOUNDS = { lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositionEmbeddings: 8192 } as const;

function llama3Scaling(
  file: GgufFile,
  rope: { readonly headDim: number; readonly ropeTheta: number },
  factors: Float32Array,
): JsonObject {
  const factor = shortestDecimal(factors.reduce((a, b) => Math.max(a, b), 0));
  const divisors = factors.length === rope.headDim / 2 ? llama3Divisors(rope, factor) : [];
  const isClose = divisors.every((divisor, i) => Math.abs((factors[i] as number) / divisor - 1) < 1e-4);
  if (divisors.length === 0 || !isClose)
    throw new CheckpointError(
      `${file.name}: ${ROPE_FACTORS_TENSOR}: expected the factors of Llama 3, got others`,
      { hint: "use the Hugging Face folder of the same model" },
    );
  return {
    rope_type: "llama3",
    factor,
    low_freq_factor: LLAMA3_BOUNDS.lowFreqFactor,
    high_freq_factor: LLAMA3_BOUNDS.highFreqFactor,
    original_max_position_embeddings: LLAMA3_BOUNDS.originalMaxPositionEmbeddings,
  };
}

/**
 * Reads one tensor as float32 in Hugging Face's row order.
 * @param heads query heads H and key/value heads G where rows are interleaved (`llama`), null where they are not
 */
export function readCheckpointTensor(
  source: ByteSource,
  tensor: GgufTensor,
  heads: { readonly query: number; readonly keyValue: number } | null,
): Float32Array {
  const values = readGgufTensor(source, tensor);
  if (heads === null) return values;
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

function llama3Divisors(
  rope: { readonly headDim: number; readonly ropeTheta: number },
  factor: number,
): number[] {
  const scaled = rotaryFrequencies({ ...rope, ropeScaling: { type: "llama3", factor, ...LLAMA3_BOUNDS } });
  return rotaryFrequencies({ ...rope, ropeScaling: null }).map((plain, i) => plain / (scaled[i] as number));
}

function headDimOf(file: GgufFile, architecture: Architecture): number {
  const stated = file.metadata.get(`${architecture}.attention.key_length`);
  if (stated !== undefined) return required(file, `${architecture}.attention.key_length`);
  return (
    required(file, `${architecture}.embedding_length`) /
    required(file, `${architecture}.attention.head_count`)
  );
}

function refuseVariants(file: GgufFile, architecture: Architecture): void {
  const get = (key: string): GgufValue | undefined => file.metadata.get(`${architecture}.${key}`);
  const refuse = (key: string, isPlain: boolean): void => {
    if (!isPlain)
      throw new CheckpointError(
        `${file.name}: ${architecture}.${key} = ${String(get(key))} is not supported`,
      );
  };
  refuse("rope.scaling.type", ["none", "linear"].includes(String(get("rope.scaling.type") ?? "none")));
  for (const key of ["expert_count", "attention.sliding_window"]) refuse(key, (get(key) ?? 0) === 0);
  const headDim = headDimOf(file, architecture);
  for (const key of ["rope.dimension_count", "attention.value_length"])
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
