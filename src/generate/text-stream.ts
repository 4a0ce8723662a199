/**
 * @file Text of an answer while its tokens arrive: given out once it cannot be the beginning of a stop text any more.
 * Whole characters are the business of the {@link TextPieces} below it.
 */

/** Turns ids into text one at a time, whole characters only. */
export interface TextPieces {
  /** The text that is certain with this id; may be empty. */
  push(id: number): string;
  /** What was held back, when no more ids come. */
  end(): string;
}

/** Text, stop texts and token boundaries of one answer. */
export class TextStream {
  private readonly pieces: TextPieces;
  private readonly stops: readonly string[];
  private readonly ids: number[] = [];
  private text = "";
  /** Characters given out. */
  private given = 0;
  /** Length of `text` before each token. */
  private readonly starts: number[] = [];
  private stopAt: number | null = null;

  constructor(pieces: TextPieces, stops: readonly string[]) {
    this.pieces = pieces;
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
    this.append(this.pieces.push(id));
    return this.giveOut(this.stopAt ?? this.text.length - this.possibleStop());
  }

  /** Returns the text that was held back, at the end of the answer. */
  finish(): string {
    if (this.stopAt !== null) return "";
    this.append(this.pieces.end());
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
