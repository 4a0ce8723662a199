/**
 * @file Text of an answer while its tokens arrive: characters are given out once they are whole and once they cannot be
 * the beginning of a stop text. Decodes a short window a token, not the whole answer (as text-generation-inference).
 */

/** Text of token ids, special tokens left out. */
export type DecodeText = (ids: readonly number[]) => string;

/** A byte sequence that is not complete yet decodes to this. */
const INCOMPLETE = "\ufffd";

/** Text, stop texts and token boundaries of one answer. */
export class TextStream {
  private readonly decode: DecodeText;
  private readonly stops: readonly string[];
  private readonly ids: number[] = [];
  /** Whole characters so far. */
  private text = "";
  /** Characters given out. */
  private given = 0;
  /** The window that is decoded again: ids from `windowStart`, of which those before `windowEnd` are in `text`. */
  private windowStart = 0;
  private windowEnd = 0;
  /** Length of `text` before each token. */
  private readonly starts: number[] = [];
  private stopAt: number | null = null;

  constructor(decode: DecodeText, stops: readonly string[]) {
    this.decode = decode;
    this.stops = stops;
  }

  /** Whether a stop text was reached; nothing may be pushed after that. */
  get isStopped(): boolean {
    return this.stopAt !== null;
  }

  /** Takes the next token and returns the text that became certain. */
  push(id: number): string {
    this.starts.push(this.text.length);
    this.ids.push(id);
    const known = this.decode(this.ids.slice(this.windowStart, this.windowEnd));
    const now = this.decode(this.ids.slice(this.windowStart));
    if (now.length <= known.length || now.endsWith(INCOMPLETE)) return "";
    this.windowStart = this.windowEnd;
    this.windowEnd = this.ids.length;
    this.append(now.slice(known.length));
    return this.giveOut(this.stopAt ?? this.text.length - this.possibleStop());
  }

  /** Returns the text that was held back, at the end of the answer. */
  finish(): string {
    if (this.stopAt !== null) return "";
    const known = this.decode(this.ids.slice(this.windowStart, this.windowEnd));
    this.append(this.decode(this.ids.slice(this.windowStart)).slice(known.length));
    this.windowStart = this.ids.length;
    this.windowEnd = this.ids.length;
    return this.giveOut(this.stopAt ?? this.text.length);
  }

  /** The answer up to the stop text, and the tokens that it takes. */
  result(): { readonly text: string; readonly tokenIds: readonly number[] } {
    if (this.stopAt === null) return { text: this.text, tokenIds: this.ids };
    const end = this.stopAt;
    const first = this.starts.findIndex((start) => start >= end);
    return { text: this.text.slice(0, end), tokenIds: first < 0 ? this.ids : this.ids.slice(0, first) };
  }

  private append(addition: string): void {
    const scanned = this.text.length;
    this.text += addition;
    for (const stop of this.stops) {
      const at = this.text.indexOf(stop, Math.max(0, scanned - stop.length + 1));
      if (at >= 0 && (this.stopAt === null || at < this.stopAt)) this.stopAt = at;
    }
  }

  private giveOut(end: number): string {
    const piece = this.text.slice(this.given, end);
    this.given = Math.max(this.given, end);
    return piece;
  }

  /** Length of the longest end of the text that a stop text begins with. */
  private possibleStop(): number {
    let longest = 0;
    for (const stop of this.stops) {
      for (let n = Math.min(stop.length - 1, this.text.length); n > longest; n--) {
        if (this.text.endsWith(stop.slice(0, n))) longest = n;
      }
    }
    return longest;
  }
}
