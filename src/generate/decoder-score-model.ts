/**
 * @file A decoder with a class head as a {@link ScoreModel}: the whole exchange as the model's template writes it, as TRL's
 * RewardTrainer does, scored at its last token. Answers to one prompt share its computation; rows are packed without padding.
 */
import { hashJson } from "../core/hash.js";
import { packSegments, segmentLength, splitByBudget } from "../data/packing.js";
import { emitModel } from "../engine/onnx/emit.js";
import type { Engine, Session } from "../engine/types.js";
import { type HeadedDecoder, headGraph } from "../models/head-graph.js";
import { LOGIT_CHUNKS } from "../models/token-log-probs.js";
import type { ScoreModel } from "../text/chat-model.js";
import type { ConversationEncoder } from "../text/encode.js";
import type { Exchange } from "../text/messages.js";
import { floatOutput } from "./decode-graph-run.js";
import { ResidentAdapter } from "./resident-adapter.js";
import { packedFeeds, RUN_TOKENS, type ScoreRequest, type SharedPrompt, sharePrompts } from "./score.js";

/** Exchanges that are packed together; their scores come in the order of the exchanges. */
const WINDOW = 64;

/** What a {@link DecoderScoreModel} is made of. */
export interface DecoderScoreModelParts {
  readonly engine: Engine;
  readonly decoder: HeadedDecoder;
  readonly encoder: ConversationEncoder;
  /** Path or name as the user gave it. */
  readonly id: string;
  /** Close the engine with the model; default false. */
  readonly ownsEngine?: boolean;
}

/** What stays in the engine while scoring. */
interface OpenGraph {
  readonly session: Session;
  readonly adapter: ResidentAdapter | null;
}

/** A Llama, Mistral or Qwen with a class head. */
export class DecoderScoreModel implements ScoreModel {
  readonly id: string;
  /** Of weights, adapter, head, tokenizer, template and system prompt. */
  readonly hash: string;
  readonly labels: readonly string[];
  private readonly parts: DecoderScoreModelParts;
  private opened: Promise<OpenGraph> | null = null;

  constructor(parts: DecoderScoreModelParts) {
    const { decoder, encoder } = parts;
    this.parts = parts;
    this.id = parts.id;
    this.labels = decoder.labels;
    this.hash = hashJson({
      model: decoder.model.hash,
      adapter: decoder.adapter?.hash ?? "",
      encoder: encoder.hash,
    });
  }

  /**
   * Scores as the head gives them, one list an exchange, in order. An exchange that is longer than the model's positions
   * has no score: NaN, since a cut one would be read at another token than its last.
   */
  async *scores(exchanges: readonly Exchange[]): AsyncGenerator<readonly number[]> {
    this.opened ??= this.open();
    const graph = await this.opened;
    for (let start = 0; start < exchanges.length; start += WINDOW)
      yield* await this.scoreWindow(graph, exchanges.slice(start, start + WINDOW));
  }

  /** Gives the engine's memory back; closes the engine if it is the model's own. */
  async close(): Promise<void> {
    const graph = await this.opened;
    this.opened = null;
    await graph?.session.close();
    await graph?.adapter?.free();
    if (this.parts.ownsEngine === true) await this.parts.engine.close();
  }

  private async open(): Promise<OpenGraph> {
    const { engine, decoder } = this.parts;
    const { model, adapter } = decoder;
    const session = await engine.open(emitModel(headGraph(model, adapter?.config ?? null)));
    return { session, adapter: adapter && (await ResidentAdapter.allocate(engine, adapter, 1)) };
  }

  private async scoreWindow(graph: OpenGraph, window: readonly Exchange[]): Promise<number[][]> {
    const { maxPositionEmbeddings } = this.parts.decoder.model.config;
    const requests = window.map((exchange, i) => this.encode(exchange, `${i}`));
    const fitting = requests.filter((request) => lengthOf(request) <= maxPositionEmbeddings);
    const scores = window.map(() => this.labels.map(() => Number.NaN));
    const shared = sharePrompts(fitting).map(readAtEnd);
    for (const run of splitByBudget(
      shared,
      ({ segment }) => segmentLength(segment),
      RUN_TOKENS,
      shared.length,
    ))
      await this.scoreRun(graph, run, scores);
    return scores;
  }

  private async scoreRun(graph: OpenGraph, run: readonly SharedPrompt[], scores: number[][]): Promise<void> {
    const segments = run.map(({ segment }) => segment);
    const { labels: _, ...feeds } = packedFeeds(packSegments(segments, { chunks: LOGIT_CHUNKS }));
    const { adapter_strength: __, ...factors } = graph.adapter?.feeds() ?? {};
    const values = floatOutput(await graph.session.run({ ...feeds, ...factors }), "scores");
    const width = this.labels.length;
    for (const [s, { id }] of run.flatMap(({ requests }) => requests).entries())
      scores[Number(id)] = Array.from(values.subarray(s * width, (s + 1) * width));
  }

  private encode({ messages, response }: Exchange, id: string): ScoreRequest {
    const answer = [{ role: "assistant", content: response } as const];
    const { promptIds, completionIds } = this.parts.encoder.encodeExample(messages, answer);
    const { padTokenId = null } = this.parts.decoder;
    const ids = [...promptIds, ...completionIds];
    const length = ids.findLastIndex((token) => token !== padTokenId) + 1;
    // An answer may be padding alone; a prompt's last token then stands for it.
    const split = Math.min(promptIds.length, length - 1);
    return { id, promptIds: ids.slice(0, split), answerIds: ids.slice(split, length) };
  }
}

function lengthOf({ promptIds, answerIds }: ScoreRequest): number {
  return promptIds.length + answerIds.length;
}

function readAtEnd({ segment, requests }: SharedPrompt): SharedPrompt {
  return { segment: { ...segment, readsEnd: true }, requests };
}
