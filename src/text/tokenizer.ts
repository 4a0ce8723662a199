/**
 * @file The model's own tokenizer: text to ids and back, equal to transformers. Two ways in: `encode` recognises special
 * tokens written in the text; `encodeText` does not, so that nobody's words become control tokens.
 * Works on `@huggingface/tokenizers`; `tokenizer-json.ts` mends what it reads differently from the Rust library.
 */
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { InternalError, TokenizerError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { PrecompiledCharsmap } from "./precompiled-charsmap.js";
import {
  type AddedTokenEntry,
  addedTokens,
  type JsonObject,
  mendTokenizerJson,
  namedToken,
} from "./tokenizer-json.js";

/** The two Hugging Face files that define a tokenizer. */
export interface TokenizerSource {
  /** Content of tokenizer.json. */
  readonly tokenizer: JsonObject;
  /** Content of tokenizer_config.json. */
  readonly config: JsonObject;
}

/** The part of the library that is used here, typed (its own declarations do not resolve under NodeNext). */
interface Library {
  model: {
    readonly tokens_to_ids: ReadonlyMap<string, number>;
    /** Of a Unigram model: the tokens that it finds in a text. */
    readonly trie?: { readonly root: TrieNode };
  } | null;
  readonly normalizer: LibraryNormalizer | null;
  encode(text: string, options: { readonly add_special_tokens: boolean }): { readonly ids: number[] };
  decode(
    ids: readonly number[],
    options: { readonly skip_special_tokens: boolean; readonly clean_up_tokenization_spaces: boolean },
  ): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
}

interface TrieNode {
  is_leaf: boolean;
  readonly children: ReadonlyMap<string, TrieNode>;
}

/** A step of normalisation; a sequence has `normalizers`, a map of SentencePiece's `charsmap` (base64). */
interface LibraryNormalizer {
  readonly normalizers?: readonly LibraryNormalizer[];
  readonly charsmap?: string;
  normalize(text: string): string;
}

/** A stretch of text, or a control token (`id` not null). */
export interface Segment {
  readonly text: string;
  readonly id: number | null;
}

/** Two high surrogates in a row: never part of well-formed text, so safe as a token of our own. */
const START_MARK = "\uD800\uD800";
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** Text with every lone surrogate replaced by U+FFFD, as UTF-8 encoders on the web do; other text is left as it is. */
export function wellFormed(text: string): string {
  return text.replace(LONE_SURROGATES, "\uFFFD");
}

/**
 * A tokenizer. Lone surrogates in input are read as U+FFFD.
 * @throws TokenizerError when the files are not understood
 */
export class Tokenizer {
  /** Special tokens by their text: control tokens of the model. */
  readonly controlTokens: ReadonlyMap<string, AddedTokenEntry>;
  /** Finds any control token, the longest first (global). */
  readonly controlPattern: RegExp;
  /** Number of tokens, added ones included (`len(tokenizer)`). */
  readonly vocabSize: number;
  /** Ids that the tokenizer's files put before a plain text (BOS), usually none or one. */
  readonly prefixIds: readonly number[];
  /** Ids that the tokenizer's post-processor puts after a plain text: an encoder's [SEP], usually none. */
  readonly suffixIds: readonly number[];
  private readonly source: JsonObject;
  private readonly full: Library;
  private readonly plain: Library;
  private knownHash: string | undefined;

  constructor({ tokenizer, config }: TokenizerSource) {
    this.source = tokenizer;
    const mended = mendTokenizerJson(tokenizer, config);
    this.full = build(mended, config);
    this.plain = buildWithoutControlTokens(mended, config, this.full);
    const control = addedTokens(mended).filter((token) => token.special);
    this.controlTokens = new Map(control.map((token) => [token.content, token]));
    this.controlPattern = alternatives([...this.controlTokens.keys()]);
    this.vocabSize = modelOf(this.full).tokens_to_ids.size;
    hideFromUnigram(this.full, this.controlTokens.keys());
    this.prefixIds = reading(() => prefixIds(this.full, config));
    this.suffixIds = reading(() => surroundings(this.full).after);
  }

  /** sha256 of tokenizer.json as it was read. */
  get hash(): string {
    this.knownHash ??= sha256(JSON.stringify(this.source));
    return this.knownHash;
  }

  /** Ids of `text`; nothing is added, special tokens written in the text are recognised (as transformers does). */
  encode(text: string): number[] {
    return this.full.encode(wellFormed(text), { add_special_tokens: false }).ids;
  }

  /**
   * Ids of `text`, in which no special token is recognised.
   * @param options.continued the text follows other tokens: a tokenizer that marks the start of a text does not do so
   */
  encodeText(text: string, options: { readonly continued?: boolean } = {}): number[] {
    const marked = (options.continued === true ? START_MARK : "") + wellFormed(text);
    const { ids } = this.plain.encode(marked, { add_special_tokens: false });
    return options.continued === true ? ids.slice(1) : ids;
  }

  /** Cuts a text at its control tokens (leftmost, then longest); white space that a token claims is dropped. */
  segments(text: string): Segment[] {
    const segments: Segment[] = [];
    let end = 0;
    for (const match of text.matchAll(this.controlPattern)) {
      const token = this.controlTokens.get(match[0]);
      if (token === undefined) continue;
      pushText(segments, text.slice(end, match.index), token.lstrip);
      segments.push({ text: token.content, id: token.id });
      end = match.index + match[0].length;
    }
    pushText(segments, text.slice(end), false);
    return this.stripAfter(segments);
  }

  /** Text of `ids`, exactly (no clean-up of spaces). Ids that the tokenizer does not know give no text. */
  decode(ids: readonly number[], options: { readonly skipSpecialTokens?: boolean } = {}): string {
    const known = ids.filter((id) => this.full.id_to_token(id) !== undefined);
    if (known.length === 0) return "";
    return this.full.decode(known, {
      skip_special_tokens: options.skipSpecialTokens ?? false,
      clean_up_tokenization_spaces: false,
    });
  }

  /** The id of a token by its text as the vocabulary spells it; undefined when there is none. */
  tokenId(token: string): number | undefined {
    return this.full.token_to_id(token);
  }

  private stripAfter(segments: readonly Segment[]): Segment[] {
    const stripped = segments.map((segment, i) => {
      const before = segments[i - 1];
      const claims = before !== undefined && this.controlTokens.get(before.text)?.rstrip === true;
      return claims && before.id !== null && segment.id === null
        ? { ...segment, text: segment.text.trimStart() }
        : segment;
    });
    return stripped.filter((segment) => segment.text !== "");
  }
}

function pushText(segments: Segment[], text: string, strip: boolean): void {
  const kept = strip ? text.trimEnd() : text;
  if (kept !== "") segments.push({ text: kept, id: null });
}

function build(tokenizer: JsonObject, config: JsonObject): Library {
  const library: Library = reading(() => new HuggingFaceTokenizer(tokenizer, config));
  if (library.normalizer) useCharsmaps(library.normalizer);
  return library;
}

/** The library reads SentencePiece's map as NFKC; this puts the map itself in its place. */
function useCharsmaps(normalizer: LibraryNormalizer): void {
  normalizer.normalizers?.forEach(useCharsmaps);
  if (typeof normalizer.charsmap !== "string") return;
  const map = new PrecompiledCharsmap(normalizer.charsmap);
  normalizer.normalize = (text) => map.normalize(text);
}

/**
 * A Unigram model finds in a text any token of its vocabulary, control tokens among them, and those at no cost. They are
 * cut out before the model sees a text, where they are recognised at all, so it need not know them.
 */
function hideFromUnigram({ model }: Library, tokens: Iterable<string>): void {
  if (!model?.trie) return;
  for (const token of tokens) {
    let node: TrieNode | undefined = model.trie.root;
    for (const character of token) node = node?.children.get(character);
    if (node) node.is_leaf = false;
  }
}

/** What the library throws over a file that it does not understand, as an error of ours. */
function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TokenizerError(
      `tokenizer.json: expected a Hugging Face tokenizer, got one that fails: ${reason}`,
      {
        hint: "the file may be cut or of a kind that @huggingface/tokenizers does not read",
        cause,
      },
    );
  }
}

/** A second tokenizer over the same model and vocabulary that knows no special token, but the mark of a continued text. */
function buildWithoutControlTokens(mended: JsonObject, config: JsonObject, full: Library): Library {
  const kept = addedTokens(mended).filter((token) => !token.special);
  const mark = { id: -1, content: START_MARK, special: true, normalized: false };
  const plain = build(
    {
      ...mended,
      added_tokens: [...kept, mark],
      model: { type: "BPE", vocab: {}, merges: [] },
      post_processor: null,
    },
    { ...config, additional_special_tokens: [] },
  );
  plain.model = full.model;
  return plain;
}

/** What the files add before a text: by post-processor, or by `add_bos_token` in the config, which also can forbid it. */
function prefixIds(full: Library, config: JsonObject): number[] {
  if (config["add_bos_token"] === false) return [];
  const { before } = surroundings(full);
  if (before.length > 0) return before;
  const bos = config["add_bos_token"] === true ? namedToken(config, "bos_token") : null;
  const id = bos === null ? undefined : full.token_to_id(bos);
  return id === undefined ? [] : [id];
}

/** What the post-processor puts around a text. */
function surroundings(full: Library): { readonly before: number[]; readonly after: number[] } {
  const bare = full.encode("a", { add_special_tokens: false }).ids;
  const added = full.encode("a", { add_special_tokens: true }).ids;
  const start = added.findIndex((_, i) => bare.every((id, j) => added[i + j] === id));
  return start < 0 || bare.length === 0
    ? { before: [], after: [] }
    : { before: added.slice(0, start), after: added.slice(start + bare.length) };
}

function modelOf(tokenizer: Library): NonNullable<Library["model"]> {
  if (tokenizer.model === null) throw new InternalError("tokenizer: expected a model, got none");
  return tokenizer.model;
}

/** A pattern that finds any of the texts, the longest first; nothing when there are none. */
function alternatives(texts: readonly string[]): RegExp {
  if (texts.length === 0) return /(?!)/g;
  const byLength = [...texts].sort((a, b) => b.length - a.length);
  return new RegExp(byLength.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g");
}
