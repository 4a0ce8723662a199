/**
 * @file SentencePiece's normaliser: a map from sequences of characters to what they become, compiled into a double-array
 * trie (as darts-clone writes it) and a list of texts that end with NUL. Applied as Hugging Face's Rust library applies
 * it, which the JavaScript library only approximates by NFKC.
 */
import { TokenizerError } from "../core/errors.js";

/** Longer clusters are looked up by their characters, UTF-8 bytes. */
const LONGEST_CLUSTER = 6;

/** A compiled map. */
export class PrecompiledCharsmap {
  private readonly trie: Uint32Array;
  private readonly texts: Uint8Array;
  private readonly clusters = new Intl.Segmenter("und", { granularity: "grapheme" });
  private readonly encoder = new TextEncoder();
  private readonly decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  /** @throws TokenizerError when the map is cut */
  constructor(base64: string) {
    const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
    const trieBytes = bytes.length < 4 ? Number.NaN : new DataView(bytes.buffer).getUint32(0, true);
    if (!(trieBytes >= 4 && trieBytes % 4 === 0 && 4 + trieBytes <= bytes.length))
      throw new TokenizerError(
        `tokenizer.json: expected precompiled_charsmap with a trie inside its ${bytes.length} bytes, got one of ${trieBytes}`,
        { hint: "the file is damaged; fetch it again" },
      );
    this.trie = new Uint32Array(bytes.slice(4, 4 + trieBytes).buffer);
    this.texts = bytes.subarray(4 + trieBytes);
  }

  /** A text with every cluster that the map knows, else every character that it knows, replaced. */
  normalize(text: string): string {
    let normalized = "";
    for (const { segment } of this.clusters.segment(text))
      normalized += this.cluster(segment) ?? Array.from(segment, (c) => this.lookUp(c) ?? c).join("");
    return normalized;
  }

  private cluster(text: string): string | null {
    return this.encoder.encode(text).length < LONGEST_CLUSTER ? this.lookUp(text) : null;
  }

  /** What the shortest beginning of `text` that the map knows becomes; the rest of it is dropped, as in Rust. */
  private lookUp(text: string): string | null {
    const start = this.shortestMatch(this.encoder.encode(text));
    if (start === null) return null;
    const end = this.texts.indexOf(0, start);
    return this.decoder.decode(this.texts.subarray(start, end < 0 ? undefined : end));
  }

  /** Where the text of the shortest match begins. A unit holds a label, the offset of its children, and a leaf mark. */
  private shortestMatch(key: Uint8Array): number | null {
    let at = childrenOffset(this.unit(0));
    for (const byte of key) {
      if (byte === 0) return null;
      at ^= byte;
      const unit = this.unit(at);
      if ((unit & 0x800000ff) >>> 0 !== byte) return null;
      at ^= childrenOffset(unit);
      if ((unit & 0x100) !== 0) return this.unit(at) & 0x7fffffff;
    }
    return null;
  }

  /** Outside of the trie nothing matches. */
  private unit(index: number): number {
    return this.trie[index] ?? 0x80000000;
  }
}

function childrenOffset(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
