/** @file Tiny Llama checkpoints for tests, as a Hugging Face folder and as GGUF bytes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { CheckpointError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
import type { DecoderConfig } from "./config.js";
import { checkpointShapes, parseConfig } from "./parse-config.js";
import { elementCount, type FloatTensor, writeSafetensors } from "./weights/safetensors.js";

/** config.json of the tiny model. */
export const TINY_CONFIG: Readonly<Record<string, string | number | boolean | readonly string[] | null>> = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_act: "silu",
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  max_position_embeddings: 128,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  vocab_size: 8,
  tie_word_embeddings: true,
  eos_token_id: 1,
};

/** Tokens of the tiny GGUF file; the first two are control tokens. */
export const TINY_TOKENS: readonly string[] = ["<s>", "</s>", "a", "b", "Ġ", "ab", "Ġa", "1"];

/** The tiny configuration, parsed. */
export function tinyConfig(changes: Record<string, unknown> = {}): DecoderConfig {
  return parseConfig({ ...TINY_CONFIG, ...changes }, "tiny");
}

/** Random weights in the tiny model's shapes. */
export function tinyTensors(config: DecoderConfig = tinyConfig()): Map<string, FloatTensor> {
  const random = new SeededRandom("tiny");
  const tensors = new Map<string, FloatTensor>();
  for (const [name, shape] of checkpointShapes(config))
    tensors.set(name, {
      shape,
      data: Float32Array.from({ length: elementCount(shape) }, () => random.next() - 0.5),
    });
  return tensors;
}

/** Writes a tiny float32 Hugging Face folder. */
export async function writeTinyFolder(
  folder: string,
  tensors: ReadonlyMap<string, FloatTensor> = tinyTensors(),
  config: Record<string, unknown> = TINY_CONFIG,
): Promise<void> {
  await writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(
    join(folder, "tokenizer.json"),
    JSON.stringify({ model: { type: "BPE", vocab: {}, merges: [] } }),
  );
}

/** Runs a test in a folder of its own, with a model cache of its own. */
export async function inTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "safe-to-serve-test-"));
  const before = process.env["SAFE_TO_SERVE_CACHE"];
  process.env["SAFE_TO_SERVE_CACHE"] = join(folder, "cache");
  try {
    return await use(folder);
  } finally {
    if (before === undefined) delete process.env["SAFE_TO_SERVE_CACHE"];
    else process.env["SAFE_TO_SERVE_CACHE"] = before;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A safetensors file from any header and data. */
export function safetensorsBytes(header: unknown, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

/** A tensor for {@link ggufBytes}: dimensions innermost first, as GGUF stores them. */
export interface GgufTestTensor {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly type: number;
  readonly bytes: Uint8Array;
}

type Metadata = Readonly<Record<string, string | number | boolean | readonly string[] | readonly number[]>>;

/** A GGUF file, version 3. Numbers are written as u32 when whole, else as f32. */
export function ggufBytes(metadata: Metadata, tensors: readonly GgufTestTensor[], version = 3): Uint8Array {
  const pairs = Object.entries(metadata);
  const parts = [Buffer.from("GGUF"), u32(version), u64(tensors.length), u64(pairs.length)];
  for (const [key, value] of pairs) parts.push(text(key), ...typed(value));
  let offset = 0;
  for (const { name, dimensions, type, bytes } of tensors) {
    parts.push(text(name), u32(dimensions.length), ...dimensions.map(u64), u32(type), u64(offset));
    offset += Math.ceil(bytes.length / 32) * 32;
  }
  const header = padded(Buffer.concat(parts));
  return Buffer.concat([header, ...tensors.map(({ bytes }) => padded(bytes))]);
}

/** The tiny model as GGUF: all tensors float32, query and key rows interleaved as llama.cpp stores them. */
export function tinyGguf(
  changes: Metadata = {},
  tensors: ReturnType<typeof tinyTensors> = tinyTensors(),
): Uint8Array {
  const metadata: Metadata = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.context_length": 128,
    "llama.embedding_length": 32,
    "llama.feed_forward_length": 64,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.tokens": TINY_TOKENS,
    "tokenizer.ggml.token_type": [3, 3, 1, 1, 1, 1, 1, 1],
    "tokenizer.ggml.merges": ["a b", "Ġ a"],
    "tokenizer.ggml.bos_token_id": 0,
    "tokenizer.ggml.eos_token_id": 1,
    "tokenizer.chat_template": "{{ messages[0].content }}",
    ...changes,
  };
  return ggufBytes(
    metadata,
    Array.from(tensors, ([name, tensor]) => ggufTensor(name, tensor)),
  );
}

function ggufTensor(name: string, { shape, data }: FloatTensor): GgufTestTensor {
  const heads = name.includes("q_proj") ? 4 : name.includes("k_proj") ? 2 : 0;
  const values = heads === 0 ? data : interleaveRows(data, shape[0] ?? 0, heads);
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name: ggufName(name), dimensions: shape.toReversed(), type: 0, bytes };
}

/** llama.cpp's permutation (convert_hf_to_gguf.py, LlamaModel.permute): row (h, p, r) goes to (h, r, p). */
function interleaveRows(values: Float32Array, rows: number, heads: number): Float32Array {
  const [width, half] = [values.length / rows, rows / heads / 2];
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const [head, inside] = [Math.floor(row / (2 * half)), row % (2 * half)];
    const to = head * 2 * half + (inside % half) * 2 + Math.floor(inside / half);
    out.set(values.subarray(row * width, (row + 1) * width), to * width);
  }
  return out;
}

function ggufName(name: string): string {
  const replacements: readonly [string, string][] = [
    ["model.embed_tokens", "token_embd"],
    ["model.norm", "output_norm"],
    ["lm_head", "output"],
    ["model.layers", "blk"],
    ["self_attn.o_proj", "attn_output"],
    ["self_attn.", "attn_"],
    ["input_layernorm", "attn_norm"],
    ["post_attention_layernorm", "ffn_norm"],
    ["mlp.", "ffn_"],
    ["_proj", ""],
  ];
  return replacements.reduce((text, [from, to]) => text.replace(from, to), name);
}

function typed(value: Metadata[string]): Buffer[] {
  if (typeof value === "string") return [u32(8), text(value)];
  if (typeof value === "boolean") return [u32(7), Buffer.from([value ? 1 : 0])];
  if (typeof value === "number") return Number.isInteger(value) ? [u32(4), u32(value)] : [u32(6), f32(value)];
  const items: readonly (string | number)[] = value;
  const isText = typeof items[0] === "string";
  const encoded = items.map((item) => (typeof item === "string" ? text(item) : u32(item)));
  return [u32(9), u32(isText ? 8 : 4), u64(items.length), ...encoded];
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((32 - (bytes.length % 32)) % 32)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

function f32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return buffer;
}

/** Changed bytes (position, value) and a length to cut to, or null. */
export type Damage = [[number, number][], number | null];

/** Positions and new values of bytes, and a length to cut to. */
export function damage(length: number): fc.Arbitrary<Damage> {
  const change = fc.tuple(fc.nat(length - 1), fc.nat(255));
  return fc.tuple(fc.array(change, { minLength: 1, maxLength: 4 }), fc.option(fc.nat(length)));
}

/** A damaged copy. */
export function damaged(good: Uint8Array, [changes, cut]: Damage): Uint8Array {
  const bytes = Uint8Array.from(good);
  for (const [at, value] of changes) bytes[at] = value;
  return cut === null ? bytes : bytes.subarray(0, cut);
}

/** Runs a parser on damaged bytes: it may succeed, or throw a CheckpointError, and nothing else. */
export function expectOnlyCheckpointErrors(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
  }
}
