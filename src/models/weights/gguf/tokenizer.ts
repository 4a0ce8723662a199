/**
 * @file A tokenizer from GGUF metadata, in the shape of Hugging Face's tokenizer.json: byte-level BPE with the
 * pre-tokenizer that `tokenizer.ggml.pre` names. Sources: llama.cpp, src/llama-vocab.cpp (pre-tokenizer names);
 * the tokenizer.json of the original checkpoints (their Hugging Face form).
 */
import { CheckpointError } from "../../../core/errors.js";
import type { TokenizerFiles } from "../../loaded-model.js";
import type { JsonObject } from "../json-fields.js";
import type { GgufFile, GgufValue } from "./parse.js";

/** Token types of llama.cpp (enum llama_token_type) that are matched in text before BPE. */
const CONTROL = 3;
const USER_DEFINED = 4;

/** What a name of `tokenizer.ggml.pre` stands for. */
interface PreTokenizer {
  readonly json: JsonObject;
  readonly normalizer: JsonObject | null;
  /** Whole words that are tokens skip the merges. */
  readonly ignoreMerges: boolean;
  /** Whether the model is given a first token when the file does not say. */
  readonly addBosToken: boolean;
}

const byteLevel = (useRegex: boolean): JsonObject => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
});

const GPT2: PreTokenizer = {
  json: byteLevel(true),
  normalizer: null,
  ignoreMerges: false,
  addBosToken: false,
};

const LLAMA3_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** Llama 3's, but digits stand alone. */
const QWEN2_PATTERN = LLAMA3_PATTERN.replace("\\p{N}{1,3}", "\\p{N}");

const split = (pattern: string): JsonObject => ({
  type: "Sequence",
  pretokenizers: [
    { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false },
    byteLevel(false),
  ],
});

const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map([
  [
    "smollm",
    {
      json: {
        type: "Sequence",
        pretokenizers: [{ type: "Digits", individual_digits: true }, byteLevel(true)],
      },
      normalizer: null,
      ignoreMerges: false,
      addBosToken: false,
    },
  ],
  ["gpt2", GPT2],
  ["gpt-2", GPT2],
  ["llama-bpe", { json: split(LLAMA3_PATTERN), normalizer: null, ignoreMerges: true, addBosToken: true }],
  [
    "qwen2",
    { json: split(QWEN2_PATTERN), normalizer: { type: "NFC" }, ignoreMerges: false, addBosToken: false },
  ],
]);

/** Names of `tokenizer.ggml.pre` that are understood. */
export const SUPPORTED_PRE_TOKENIZERS: readonly string[] = [...PRE_TOKENIZERS.keys()];

/**
 * The tokenizer files that a GGUF file's metadata stands for.
 * @throws CheckpointError for other tokenizer models or pre-tokenizers, and for incomplete metadata
 */
export function tokenizerFromGguf(file: GgufFile): TokenizerFiles {
  const pre = preTokenizerOf(file);
  const tokens = strings(file, "tokenizer.ggml.tokens");
  const bos = tokenNamed(file, tokens, "bos");
  const addBosToken = (file.metadata.get("tokenizer.ggml.add_bos_token") ?? pre.addBosToken) === true;
  const template = file.metadata.get("tokenizer.chat_template");
  return {
    tokenizer: buildTokenizer(file, tokens, pre, addBosToken ? bos : null),
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      bos_token: bos,
      eos_token: tokenNamed(file, tokens, "eos"),
      pad_token: tokenNamed(file, tokens, "padding"),
      unk_token: tokenNamed(file, tokens, "unknown"),
      add_bos_token: addBosToken,
      clean_up_tokenization_spaces: false,
      model_max_length: file.metadata.get(
        `${String(file.metadata.get("general.architecture"))}.context_length`,
      ),
    },
    chatTemplate: typeof template === "string" ? template : null,
    eosTokenIds: endTokenIds(file),
  };
}

function preTokenizerOf(file: GgufFile): PreTokenizer {
  const model = file.metadata.get("tokenizer.ggml.model");
  if (model !== "gpt2")
    throw new CheckpointError(
      `${file.name}: expected tokenizer model gpt2 (byte-level BPE), got ${String(model)}`,
      {
        hint: "use the Hugging Face folder of the same model, whose tokenizer.json is read as it is",
      },
    );
  const name = file.metadata.get("tokenizer.ggml.pre");
  const pre = typeof name === "string" ? PRE_TOKENIZERS.get(name) : undefined;
  if (pre !== undefined) return pre;
  throw new CheckpointError(
    `${file.name}: expected a pre-tokenizer among ${SUPPORTED_PRE_TOKENIZERS.join(", ")}, got ${String(name)}`,
    { hint: "use the Hugging Face folder of the same model, whose tokenizer.json is read as it is" },
  );
}

function buildTokenizer(
  file: GgufFile,
  tokens: readonly string[],
  pre: PreTokenizer,
  firstToken: string | null,
): JsonObject {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(file, tokens),
    normalizer: pre.normalizer,
    pre_tokenizer: pre.json,
    post_processor: firstToken === null ? null : startsWith(firstToken, tokens.indexOf(firstToken)),
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre.ignoreMerges,
      vocab: vocabulary(file, tokens),
      merges: strings(file, "tokenizer.ggml.merges").map((merge) => splitMerge(file, merge)),
    },
  };
}

function vocabulary(file: GgufFile, tokens: readonly string[]): JsonObject {
  const vocab = new Map(tokens.map((token, id) => [token, id]));
  if (vocab.size !== tokens.length)
    throw new CheckpointError(
      `${file.name}: expected distinct tokens, got ${tokens.length - vocab.size} twice`,
    );
  const rows = file.tensors.get("token_embd.weight")?.shape[0] ?? 0;
  if (tokens.length > rows)
    throw new CheckpointError(
      `${file.name}: expected at most ${rows} tokens (rows of token_embd), got ${tokens.length}`,
    );
  return Object.fromEntries(vocab);
}

function addedTokens(file: GgufFile, tokens: readonly string[]): JsonObject[] {
  const types = file.metadata.get("tokenizer.ggml.token_type");
  if (!Array.isArray(types) || types.length !== tokens.length)
    throw new CheckpointError(
      `${file.name}: expected tokenizer.ggml.token_type with ${tokens.length} entries`,
    );
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return tokens.flatMap((content, id) => {
    if (types[id] !== CONTROL && types[id] !== USER_DEFINED) return [];
    return [{ id, content, ...flags, special: types[id] === CONTROL }];
  });
}

/** Every sequence starts with this token (tokenizers' TemplateProcessing). */
function startsWith(token: string, id: number): JsonObject {
  const first = { SpecialToken: { id: token, type_id: 0 } };
  return {
    type: "TemplateProcessing",
    single: [first, { Sequence: { id: "A", type_id: 0 } }],
    pair: [first, { Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}

/** Byte-level tokens hold no spaces, so the first space divides the pair. */
function splitMerge(file: GgufFile, merge: string): [string, string] {
  const space = merge.indexOf(" ", 1);
  if (space > 0 && space < merge.length - 1) return [merge.slice(0, space), merge.slice(space + 1)];
  throw new CheckpointError(
    `${file.name}: expected a merge of two tokens, got ${JSON.stringify(merge.slice(0, 40))}`,
  );
}

function endTokenIds(file: GgufFile): number[] {
  const ids = ["eos", "eot"].map((kind) => file.metadata.get(`tokenizer.ggml.${kind}_token_id`));
  const found = new Set(ids.filter((id): id is number => typeof id === "number"));
  if (found.size > 0) return [...found];
  throw new CheckpointError(`${file.name}: expected tokenizer.ggml.eos_token_id, got none`);
}

function tokenNamed(file: GgufFile, tokens: readonly string[], kind: string): string | null {
  const id = file.metadata.get(`tokenizer.ggml.${kind}_token_id`);
  if (id === undefined) return null;
  const token = typeof id === "number" ? tokens[id] : undefined;
  if (token !== undefined) return token;
  throw new CheckpointError(`${file.name}: expected tokenizer.ggml.${kind}_token_id below ${tokens.length}`);
}

function strings(file: GgufFile, key: string): readonly string[] {
  const value: GgufValue | undefined = file.metadata.get(key);
  if (Array.isArray(value) && value.every((item): item is string => typeof item === "string")) return value;
  throw new CheckpointError(`${file.name}: expected metadata ${key} to be a list of strings`);
}
