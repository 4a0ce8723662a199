/**
 * @file Texts to the contextual embeddings of their tokens, by one layer of an encoder on this machine. A text's embeddings
 * depend on nothing else in its batch, up to rounding.
 */
import { ConfigError } from "../core/errors.js";
import { hashJson } from "../core/hash.js";
import { splitByBudget } from "../data/packing.js";
import { createEngine } from "../engine/engine.js";
import { emitModel } from "../engine/onnx/emit.js";
import type { Engine, Session } from "../engine/types.js";
import { type Encoder, encoderGraph } from "../models/classifier/encoder.js";
import { openEncoder } from "../models/classifier/open-encoder.js";
import type { OnProgress } from "../models/hub/progress.js";
import type { EmbeddedText } from "../stats/bert-score.js";
import { Tokenizer } from "../text/tokenizer.js";
import { paddedFeeds } from "./classifier-score-model.js";
import { floatOutput } from "./decode-graph-run.js";

/** Tokens of a run, padding left out. */
const RUN_TOKENS = 1024;

/** How an encoder is opened. */
export interface TextEmbedderOptions {
  /** Hidden layer whose states are taken, from 1; default the last. */
  readonly layer?: number | undefined;
  /** Threads of one operation; default the processor's cores. */
  readonly threads?: number | undefined;
  /** An engine to use; it stays open. Default: one of its own. */
  readonly engine?: Engine | undefined;
  /** Told of downloads and conversions. */
  readonly onProgress?: OnProgress | undefined;
}

/** An encoder that is asked for one layer. */
export class TextEmbedder {
  readonly id: string;
  /** Of weights, tokenizer and layer. */
  readonly hash: string;
  readonly layer: number;
  /** Ids that the tokenizer puts around every text. */
  readonly specialIds: ReadonlySet<number>;
  private readonly encoder: Encoder;
  private readonly tokenizer: Tokenizer;
  private readonly engine: Engine;
  private readonly ownsEngine: boolean;
  private session: Promise<Session> | null = null;

  private constructor(encoder: Encoder, layer: number, engine: Engine, ownsEngine: boolean) {
    this.encoder = encoder;
    this.layer = layer;
    this.engine = engine;
    this.ownsEngine = ownsEngine;
    this.id = encoder.id;
    this.tokenizer = new Tokenizer(encoder.text);
    this.specialIds = new Set([...this.tokenizer.prefixIds, ...this.tokenizer.suffixIds]);
    this.hash = hashJson({ encoder: encoder.hash, tokenizer: this.tokenizer.hash, layer });
  }

  /**
   * Opens an encoder; `close` it to give its memory back.
   * @param model folder or hub id of a DeBERTa-v2/v3, with whatever head or none
   * @throws ConfigError for a layer that it does not have, and as `openEncoder` does
   */
  static async open(model: string, options: TextEmbedderOptions = {}): Promise<TextEmbedder> {
    const encoder = await openEncoder(model, options.onProgress && { onProgress: options.onProgress });
    const { numHiddenLayers } = encoder.layout;
    const { layer = numHiddenLayers, threads } = options;
    if (!Number.isSafeInteger(layer) || layer < 1 || layer > numHiddenLayers)
      throw new ConfigError(`encoder ${model}: expected a layer from 1 to ${numHiddenLayers}, got ${layer}`);
    const engine = options.engine ?? (await createEngine(threads === undefined ? {} : { threads }));
    return new TextEmbedder(encoder, layer, engine, options.engine === undefined);
  }

  /** A text's ids; its end is cut where it does not fit, and nothing in it becomes a control token. */
  encode(text: string): readonly number[] {
    const { prefixIds, suffixIds } = this.tokenizer;
    const room = this.encoder.layout.maxLength - prefixIds.length - suffixIds.length;
    return [...prefixIds, ...this.tokenizer.encodeText(text.trim()).slice(0, room), ...suffixIds];
  }

  /** Embeddings of texts, in their order. */
  async embed(texts: readonly string[]): Promise<EmbeddedText[]> {
    this.session ??= this.engine.open(emitModel(encoderGraph(this.encoder, this.layer)));
    const session = await this.session;
    const rows = texts.map((text) => this.encode(text));
    const embedded: EmbeddedText[] = [];
    for (const run of splitByBudget(rows, ({ length }) => length, RUN_TOKENS, rows.length)) {
      const hidden = floatOutput(await session.run(paddedFeeds(run)), "hidden");
      const stride = hidden.length / run.length;
      const { hiddenSize } = this.encoder.layout;
      for (const [b, ids] of run.entries())
        embedded.push({ ids, embeddings: hidden.slice(b * stride, b * stride + ids.length * hiddenSize) });
    }
    return embedded;
  }

  /** Closes the session; closes the engine if it is its own. */
  async close(): Promise<void> {
    const session = this.session;
    this.session = null;
    await (await session)?.close();
    if (this.ownsEngine) await this.engine.close();
  }
}
