/**
 * @file tokenizer.json as Hugging Face's Rust library reads it, rewritten for its JavaScript sibling where the two differ:
 * `\s` and white space (JavaScript's knows U+FEFF and not U+0085) and digits (Rust counts all of Unicode's N, JavaScript's `\d` ten).
 * See docs/decisions/0011. Checked against transformers by test/golden/tokenizer.json.
 */

import { TokenizerError } from "../core/errors.js";

/** A JSON object of unknown content. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** One entry of `added_tokens`. */
export interface AddedTokenEntry {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  /** White space to the left or right of the token belongs to it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

/** GPT-2's splitting pattern, in the spelling that the library translates from Oniguruma's meaning. */
const BYTE_LEVEL_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const NAMED_TOKENS = [
  "bos_token",
  "eos_token",
  "unk_token",
  "pad_token",
  "sep_token",
  "cls_token",
  "mask_token",
];

/**
 * Rewrites tokenizer.json; missing parts become null, tokens that the config names become special.
 * @throws TokenizerError when vocabulary, merges or added tokens are not what the format says
 */
export function mendTokenizerJson(tokenizer: JsonObject, config: JsonObject): JsonObject {
  checkTokenizerJson(tokenizer);
  return {
    ...tokenizer,
    normalizer: mendNormalizer(tokenizer["normalizer"] ?? null),
    pre_tokenizer: withoutUnknownBytes(
      mendPreTokenizer(tokenizer["pre_tokenizer"] ?? null),
      tokenizer["model"],
    ),
    post_processor: tokenizer["post_processor"] ?? null,
    decoder: tokenizer["decoder"] ?? null,
    added_tokens: mendAddedTokens(tokenizer["added_tokens"], config),
  };
}

/** The added tokens of a mended tokenizer.json. */
export function addedTokens(mended: JsonObject): AddedTokenEntry[] {
  return objects(mended["added_tokens"]).flatMap((entry) => {
    const { id, content } = entry;
    if (typeof id !== "number" || typeof content !== "string" || content === "") return [];
    const flag = (name: string): boolean => entry[name] === true;
    return [{ id, content, special: flag("special"), lstrip: flag("lstrip"), rstrip: flag("rstrip") }];
  });
}

/** A token that tokenizer_config.json names, as text: a string or an object with `content`. */
export function namedToken(config: JsonObject, name: string): string | null {
  const value = config[name];
  if (typeof value === "string") return value;
  return isObject(value) && typeof value["content"] === "string" ? value["content"] : null;
}

/** Kinds of tokenizers that the library knows; it reads any other as if it were a plain list of words. */
const MODEL_TYPES: readonly unknown[] = ["BPE", "WordPiece", "Unigram"];

/** The library reads what it is given and fails, or answers wrongly, at the first text. */
function checkTokenizerJson(tokenizer: JsonObject): void {
  const model = tokenizer["model"];
  if (!isObject(model)) throw malformed("model to be an object");
  const { type, vocab, merges } = model;
  // Old files name no type.
  if (type !== undefined && !MODEL_TYPES.includes(type))
    throw malformed(`model.type among ${MODEL_TYPES.join(", ")}`);
  if (!isVocabulary(vocab)) throw malformed("model.vocab to give every token an id of its own");
  if (type === "BPE" && !(Array.isArray(merges) && merges.every(isMerge)))
    throw malformed("model.merges to be a list of pairs of tokens");
  const added = tokenizer["added_tokens"] ?? [];
  if (!(Array.isArray(added) && added.every(isAddedToken)))
    throw malformed("added_tokens to be a list of tokens with id and content");
}

function malformed(expected: string): TokenizerError {
  return new TokenizerError(`tokenizer.json: expected ${expected}`, {
    hint: "the file is damaged; fetch it again",
  });
}

/** A mapping of tokens to ids (BPE, WordPiece), or a list of tokens with their scores (Unigram). */
function isVocabulary(vocab: unknown): boolean {
  if (Array.isArray(vocab)) return vocab.every((item) => Array.isArray(item) && typeof item[0] === "string");
  return isObject(vocab) && Object.values(vocab).every(isId);
}

function isMerge(merge: unknown): boolean {
  if (typeof merge === "string") return true;
  return Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === "string");
}

function isAddedToken(token: unknown): boolean {
  return isObject(token) && isId(token["id"]) && typeof token["content"] === "string";
}

function isId(id: unknown): boolean {
  return typeof id === "number" && Number.isSafeInteger(id) && id >= 0;
}

function mendAddedTokens(entries: unknown, config: JsonObject): JsonObject[] {
  const named = new Set(NAMED_TOKENS.map((name) => namedToken(config, name)));
  return objects(entries).map((entry) => {
    const isNamed = typeof entry["content"] === "string" && named.has(entry["content"]);
    return isNamed ? { normalized: false, ...entry, special: true } : entry;
  });
}

/** Rust strips what Unicode calls white space; JavaScript's `trim` also takes U+FEFF, and leaves U+0085. */
function mendNormalizer(value: unknown): unknown {
  if (!isObject(value)) return value;
  if (value["type"] === "Sequence")
    return { ...value, normalizers: objects(value["normalizers"]).map(mendNormalizer) };
  if (value["type"] !== "Strip") return value;
  const strip = (pattern: string): JsonObject => ({
    type: "Replace",
    pattern: { Regex: pattern },
    content: "",
  });
  return {
    type: "Sequence",
    normalizers: [
      ...(value["strip_left"] === true ? [strip("\\A\\s+")] : []),
      ...(value["strip_right"] === true ? [strip("\\s+\\z")] : []),
    ],
  };
}

function mendPreTokenizer(value: unknown): unknown {
  if (!isObject(value)) return value;
  if (value["type"] === "Sequence") {
    return { ...value, pretokenizers: objects(value["pretokenizers"]).map(mendPreTokenizer) };
  }
  if (value["type"] === "ByteLevel" && value["use_regex"] !== false) return mendByteLevel(value);
  if (value["type"] === "Digits") return split(value["individual_digits"] === true ? "\\p{N}" : "\\p{N}+");
  return value;
}

/** The pattern is split off as a step of its own; a prefix space comes before it. */
function mendByteLevel(byteLevel: JsonObject): JsonObject {
  const prefix = { type: "Replace", pattern: { Regex: "\\A(?! )" }, content: " " };
  return {
    type: "Sequence",
    pretokenizers: [
      ...(byteLevel["add_prefix_space"] === true ? [prefix] : []),
      split(BYTE_LEVEL_PATTERN),
      { ...byteLevel, add_prefix_space: false, use_regex: false },
    ],
  };
}

/**
 * A byte that the vocabulary lacks (and no unknown token stands for) is dropped by the Rust library before merging, so
 * that its neighbours may merge; the JavaScript library drops it afterwards. Dropping it here gives Rust's ids.
 */
function withoutUnknownBytes(preTokenizer: unknown, model: unknown): unknown {
  if (!hasByteLevel(preTokenizer) || !isObject(model) || !isObject(model["vocab"])) return preTokenizer;
  if (model["type"] !== "BPE" || typeof model["unk_token"] === "string") return preTokenizer;
  const vocab = model["vocab"];
  const missing = byteAlphabet().filter((character) => !Object.hasOwn(vocab, character));
  if (missing.length === 0) return preTokenizer;
  const codes = missing.map((character) => `\\x{${character.codePointAt(0)?.toString(16)}}`);
  const drop = { type: "Replace", pattern: { Regex: `[${codes.join("")}]` }, content: "" };
  return { type: "Sequence", pretokenizers: [preTokenizer, drop] };
}

function hasByteLevel(value: unknown): boolean {
  if (!isObject(value)) return false;
  return value["type"] === "ByteLevel" || objects(value["pretokenizers"]).some(hasByteLevel);
}

/** The 256 characters that stand for bytes in byte-level vocabularies (GPT-2): printable Latin-1, then U+0100 up. */
function byteAlphabet(): string[] {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
}

function split(pattern: string): JsonObject {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
}

function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
