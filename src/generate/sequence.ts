/** @file One answer in the making: its tokens, their counts, its text where stop texts or a listener need it, its end. */
import { uniformAt } from "../core/random.js";
import { drawToken } from "./sampler.js";
import type { ResolvedSampling } from "./sampling-options.js";
import { type TextPieces, TextStream } from "./text-stream.js";

/** A prompt of the decoder: token ids and the samples to draw. */
export interface DecodeRequest {
  readonly id: string;
  /** At least one. */
  readonly promptIds: readonly number[];
  /** Which samples; a token's random number depends on it. */
  readonly sampleIndices: readonly number[];
}

/** A finished answer. */
export interface DecodedSequence {
  readonly id: string;
  readonly sample: number;
  readonly text: string;
  /** Drawn tokens, the one that ended the answer included; up to a stop text. */
  readonly tokenIds: readonly number[];
  readonly finishReason: "stop" | "length";
}

/** Told of every drawn token; `text` is what became certain with it, often "". */
export type TokenListener = (event: {
  readonly id: string;
  readonly sample: number;
  readonly token: number;
  readonly text: string;
}) => void;

/** How tokens become text, special tokens left out. */
export interface AnswerText {
  decode(ids: readonly number[]): string;
  /** A new stream for one answer. */
  stream(): TextPieces;
}

/** What all answers of a decoder share. */
export interface SequenceSettings {
  readonly sampling: ResolvedSampling;
  /** Tokens that end an answer. */
  readonly stopIds: readonly number[];
  readonly text: AnswerText;
  readonly onToken: TokenListener | null;
}

/** An answer that grows by one token at a time. */
export class Sequence {
  readonly request: DecodeRequest;
  readonly sample: number;
  /** Cached positions: the prompt and every drawn token but the last. */
  pastLength: number;
  nearTies = 0;
  private readonly settings: SequenceSettings;
  private readonly tokens: number[] = [];
  private readonly counts = new Map<number, number>();
  private readonly stream: TextStream | null;
  private end: "stop" | "length" | null = null;

  constructor(request: DecodeRequest, sample: number, settings: SequenceSettings) {
    this.request = request;
    this.sample = sample;
    this.settings = settings;
    this.pastLength = request.promptIds.length;
    const needsText = settings.sampling.stop.length > 0 || settings.onToken !== null;
    this.stream = needsText ? new TextStream(settings.text.stream(), settings.sampling.stop) : null;
  }

  get isFinished(): boolean {
    return this.end !== null;
  }

  /** The token to feed next. */
  get lastToken(): number {
    return this.tokens.at(-1) ?? 0;
  }

  /** Draws a token from the logits [V] after the last one and sees whether the answer ends with it. */
  draw(logits: Float32Array): void {
    const { sampling, stopIds } = this.settings;
    const position = this.tokens.length;
    const history = { counts: this.counts, length: position };
    const { token, isNearTie } = drawToken(logits, history, sampling, stopIds, () =>
      uniformAt([sampling.seed, this.request.id, this.sample, position]),
    );
    if (isNearTie) this.nearTies++;
    this.tokens.push(token);
    this.counts.set(token, (this.counts.get(token) ?? 0) + 1);
    this.advance(token);
  }

  /** The finished answer. */
  result(): DecodedSequence {
    const stopped = this.stream?.isStopped === true ? this.stream.result() : null;
    return {
      id: this.request.id,
      sample: this.sample,
      text: stopped?.text ?? this.settings.text.decode(this.tokens),
      tokenIds: stopped?.tokenIds ?? this.tokens,
      finishReason: this.end ?? "length",
    };
  }

  private advance(token: number): void {
    let text = this.stream?.push(token) ?? "";
    const isLast = this.tokens.length >= this.settings.sampling.maxNewTokens;
    const isStop = this.settings.stopIds.includes(token);
    if (isStop || isLast) text += this.stream?.finish() ?? "";
    if (isStop || this.stream?.isStopped === true) this.end = "stop";
    else if (isLast) this.end = "length";
    this.settings.onToken?.({ id: this.request.id, sample: this.sample, token, text });
  }
}
