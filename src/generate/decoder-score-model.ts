/**
 * @file A decoder with a class head as a {@link ScoreModel}: the whole exchange as the model's template writes it, as TRL's
 * RewardTrainer does, scored at its last token. Answers to one prompt share its computation; rows are packed without padding.
 */
import { hashJson } from "../core/hash.js";
import { packSegments, segmentLength } from "../data/packing.js";
import { emitModel, type GraphDefinition } from "../engine/onnx/emit.js";
import type { Engine, Session } from "../engine/types.js";
import { type HeadedDecoder, headGraph } from "../models/classifier/head-graph.js";
import { LOGIT_CHUNKS } from "../models/decoder/token-log-probs.js";
import type { OnMemory } from "../models/memory-plan.js";
import type { OnCut, ScoreModel } from "../text/chat-model.js";
import { cutBeforeEndOfTurn } from "../text/cut-answer.js";
import type { ConversationEncoder } from "../text/encode.js";
import type { Exchange } from "../text/messages.js";
import { floatOutput } from "./decode-graph-run.js";
import { ChatMemory } from "./memory-plan.js";
import { ResidentAdapter } from "./resident-adapter.js";
import {
  packedFeeds,
  readAtEnd,
  runsOf,
  type ScoreRequest,
  type SharedPrompt,
  sharePrompts,
} from "./score.js";

/** Exchanges that are packed together; their scores come in the order of the exchanges. */
const WINDOW = 64;

/** What a {@link DecoderScoreModel} is made of. */
export interface DecoderScoreModelParts {
  readonly engine: Engine;
  readonly decoder: HeadedDecoder;
  readonly encoder: ConversationEncoder;
  /** Path or name as the user gave it. */
  readonly id: string;
  /** Told what scoring will hold, before it starts and again when that grows. */
  readonly onMemory?: OnMemory | undefined;
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
  private readonly memory: ChatMemory;
  private readonly graph: GraphDefinition;
  private opened: Promise<OpenGraph> | null = null;

  constructor(parts: DecoderScoreModelParts) {
    const { decoder, encoder } = parts;
    const { model, adapter } = decoder;
    this.parts = parts;
    this.memory = new ChatMemory(model, adapter, parts.onMemory);
    this.graph = headGraph(model, adapter?.config ?? null);
    this.id = parts.id;
    this.labels = decoder.labels;
    this.hash = hashJson({
      model: model.hash,
      adapter: adapter?.hash ?? "",
      encoder: encoder.hash,
    });
  }

  /**
   * Scores as the head gives them, one list an exchange, in order. An answer that is longer than the model's positions is cut
   * before its end of turn, where the head reads; an exchange whose prompt leaves no room has no score: NaN.
   * @throws ConfigError when the longest does not fit into memory
   */
  async *scores(exchanges: readonly Exchange[], onCut?: OnCut): AsyncGenerator<readonly number[]> {
    for (let start = 0; start < exchanges.length; start += WINDOW)
      yield* await this.scoreWindow(exchanges.slice(start, start + WINDOW), (i) => onCut?.(start + i));
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
    const { adapter } = decoder;
    const session = await engine.open(emitModel(this.graph));
    return { session, adapter: adapter && (await ResidentAdapter.allocate(engine, adapter, 1)) };
  }

  private async scoreWindow(window: readonly Exchange[], onCut: OnCut): Promise<number[][]> {
    const requests = window.flatMap((exchange, i) => this.encode(exchange, i, onCut) ?? []);
    const scores = window.map(() => this.labels.map(() => Number.NaN));
    if (requests.length === 0) return scores;
    const shared = sharePrompts(requests).map(readAtEnd);
    const longest = Math.max(...shared.map(({ segment }) => segmentLength(segment)));
    this.memory.beforeScoring(this.graph, longest, MEMORY_HINT);
    this.opened ??= this.open();
    const graph = await this.opened;
    for (const run of runsOf(shared)) await this.scoreRun(graph, run, scores);
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

  /** The exchange as ids, its answer cut where it must be; null where no word of the answer would be left. */
  private encode({ messages, response }: Exchange, index: number, onCut: OnCut): ScoreRequest | null {
    const { model, padTokenId = null } = this.parts.decoder;
    const { maxPositionEmbeddings } = model.config;
    const answer = [{ role: "assistant", content: response } as const];
    const example = this.parts.encoder.encodeExample(messages, answer);
    const whole = toRequest(`${index}`, example.promptIds, example.completionIds, padTokenId);
    if (whole.promptIds.length + whole.answerIds.length <= maxPositionEmbeddings) return whole;
    const cut = cutBeforeEndOfTurn(example, maxPositionEmbeddings - example.promptIds.length);
    if (cut === null) return null;
    onCut(index);
    return toRequest(whole.id, example.promptIds, cut, padTokenId);
  }
}

const MEMORY_HINT = "shorten the answers, or take a smaller model";

/** Without the padding at its end. An answer may be padding alone; a prompt's last token then stands for it. */
function toRequest(
  id: string,
  promptIds: readonly number[],
  completionIds: readonly number[],
  padTokenId: number | null,
): ScoreRequest {
  const ids = [...promptIds, ...completionIds];
  const length = ids.findLastIndex((token) => token !== padTokenId) + 1;
  const split = Math.min(promptIds.length, length - 1);
  return { id, promptIds: ids.slice(0, split), answerIds: ids.slice(split, length) };
}
