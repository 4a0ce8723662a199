/**
 * @file Ids to text one at a time: text is given out as soon as no later token can change it, so that a character cut
 * over several tokens comes out whole. The window of vLLM's incremental detokenizer: decode from the last safe boundary.
 */
import type { Tokenizer } from "./tokenizer.js";

/** Decodes a growing sequence; the pieces joined equal `tokenizer.decode` of all ids. */
export class DecodeStream {
  private readonly tokenizer: Tokenizer;
  private readonly skipSpecialTokens: boolean;
  /** Ids since the last boundary at which the text was complete; `contextLength` of them are given out already. */
  private window: number[] = [];
  private contextLength = 0;
  private givenLength = 0;

  constructor(tokenizer: Tokenizer, options: { readonly skipSpecialTokens?: boolean } = {}) {
    this.tokenizer = tokenizer;
    this.skipSpecialTokens = options.skipSpecialTokens ?? true;
  }

  /** Takes one id, gives the text that is now certain (may be empty). */
  push(id: number): string {
    this.window.push(id);
    const text = this.text();
    const piece = this.take(text.replace(/\uFFFD$/, ""));
    if (text !== "" && !text.endsWith("\uFFFD")) this.moveBoundary();
    return piece;
  }

  /** Gives what is left when no more ids come: an unfinished character becomes U+FFFD. */
  end(): string {
    return this.take(this.text());
  }

  private text(): string {
    return this.tokenizer.decode(this.window, { skipSpecialTokens: this.skipSpecialTokens });
  }

  private take(text: string): string {
    const piece = text.slice(this.givenLength);
    this.givenLength = Math.max(this.givenLength, text.length);
    return piece;
  }

  /** Keeps the last step's ids as context: some decoders treat the first token of a text in another way. */
  private moveBoundary(): void {
    this.window = this.window.slice(this.contextLength);
    this.contextLength = this.window.length;
    this.givenLength = this.text().length;
  }
}
