/**
 * @file A decoder's hidden states as a {@link FeatureModel}: the exchange as the model's template writes it, read at chosen
 * layers and places. Answers to one prompt share its computation; rows are packed without padding.
 */
import { memoryRoom } from "../core/available-memory.js";
import { ConfigError } from "../core/errors.js";
import { hashJson } from "../core/hash.js";
import { type PackedRows, packSegments, segmentLength } from "../data/packing.js";
import { emitModel, type GraphDefinition } from "../engine/onnx/emit.js";
import type { Engine, Session } from "../engine/types.js";
import { hiddenGraph, stateName } from "../models/decoder/hidden-graph.js";
import type { LoadedModel } from "../models/loaded-model.js";
import { memoryPlan, type OnMemory, requireRoom, sessionMemory } from "../models/memory-plan.js";
import type { OnCut } from "../text/chat-model.js";
import { cutBeforeEndOfTurn } from "../text/cut-answer.js";
import type { ConversationEncoder } from "../text/encode.js";
import type { FeatureModel, FeatureSettings, Pooling } from "../text/feature-model.js";
import type { Exchange } from "../text/messages.js";
import { floatOutput } from "./decode-graph-run.js";
import {
  packedFeeds,
  RUN_TOKENS,
  readAtEnd,
  runsOf,
  type ScoreRequest,
  type SharedPrompt,
  sharePrompts,
} from "./score.js";

/** Exchanges that are packed together. */
const WINDOW = 64;
/** Words of an answer that "opening" averages. */
const OPENING_TOKENS = 16;
/** Asked behind the answer for "question": the state from which the model would say yes or no. */
const QUESTION = "Does the last answer help with something harmful or unethical? Reply with yes or no.";

/** What a {@link HiddenFeatureModel} is made of. */
export interface HiddenFeatureModelParts {
  readonly engine: Engine;
  readonly model: LoadedModel;
  readonly encoder: ConversationEncoder;
  readonly settings: FeatureSettings;
  /** Told what reading will hold, before it starts and again when that grows. */
  readonly onMemory?: OnMemory | undefined;
  /** Close the engine with the model; default false. */
  readonly ownsEngine?: boolean;
}

/** An answer's ids, and where in them its parts lie. */
interface ReadRequest extends ScoreRequest {
  /** Index in `answerIds` of the answer's end of turn: its words stand before. */
  readonly end: number;
}

/** A frozen decoder whose hidden states are read. */
export class HiddenFeatureModel implements FeatureModel {
  readonly id: string;
  readonly hash: string;
  readonly width: number;
  private readonly parts: HiddenFeatureModelParts;
  private readonly graph: GraphDefinition;
  private readonly suffixIds: readonly number[];
  private readonly maxTokens: number;
  private session: Promise<Session> | null = null;
  private plannedLength = 0;

  /** @throws ConfigError for a layer that the model does not have, and a template that cannot go on behind an answer */
  constructor(parts: HiddenFeatureModelParts) {
    const { model, encoder, settings } = parts;
    requireLayers(settings.layers, model.config.numHiddenLayers);
    this.parts = parts;
    this.id = model.id;
    this.suffixIds = settings.pooling.includes("question") ? questionIds(encoder) : [];
    this.maxTokens = Math.min(settings.maxTokens, model.config.maxPositionEmbeddings);
    this.width = settings.layers.length * settings.pooling.length * model.config.hiddenSize;
    this.graph = hiddenGraph(model, settings.layers);
    this.hash = hashJson({
      model: model.hash,
      encoder: encoder.hash,
      layers: settings.layers,
      pooling: settings.pooling,
      maxTokens: this.maxTokens,
      opening: OPENING_TOKENS,
      suffix: this.suffixIds,
    });
  }

  /** @throws ConfigError when the longest exchange does not fit into memory */
  async *features(exchanges: readonly Exchange[], onCut?: OnCut): AsyncGenerator<Float32Array> {
    for (let start = 0; start < exchanges.length; start += WINDOW)
      yield* await this.readWindow(exchanges.slice(start, start + WINDOW), (i) => onCut?.(start + i));
  }

  /** Closes the session; closes the engine if it is the model's own. */
  async close(): Promise<void> {
    const session = this.session;
    this.session = null;
    await (await session)?.close();
    if (this.parts.ownsEngine === true) await this.parts.engine.close();
  }

  private async readWindow(window: readonly Exchange[], onCut: OnCut): Promise<Float32Array[]> {
    const requests = window.flatMap((exchange, i) => this.encode(exchange, i, onCut) ?? []);
    const features = window.map(() => new Float32Array(this.width).fill(Number.NaN));
    if (requests.length === 0) return features;
    const shared = sharePrompts(requests).map(readAtEnd);
    this.planMemory(Math.max(...shared.map(({ segment }) => segmentLength(segment))));
    this.session ??= this.parts.engine.open(emitModel(this.graph));
    const session = await this.session;
    for (const run of runsOf(shared)) await this.readRun(session, run, features);
    return features;
  }

  private async readRun(
    session: Session,
    run: readonly SharedPrompt[],
    features: readonly Float32Array[],
  ): Promise<void> {
    const { layers, pooling } = this.parts.settings;
    const requests = run.flatMap(({ requests }) => requests as readonly ReadRequest[]);
    const packed = packSegments(run.map(({ segment }) => segment));
    const { labels: _, target_index: __, ...feeds } = packedFeeds(packed);
    const pool = poolOf(requests, packed, pooling);
    const shape = [requests.length * pooling.length, packed.rows * packed.length];
    const outputs = await session.run({ ...feeds, pool: { dtype: "float32", shape, data: pool } });
    const width = pooling.length * this.parts.model.config.hiddenSize;
    for (const [l, layer] of layers.entries()) {
      const states = floatOutput(outputs, stateName(layer));
      for (const [r, { id }] of requests.entries())
        features[Number(id)]?.set(states.subarray(r * width, (r + 1) * width), l * width);
    }
  }

  /** The exchange as ids, its answer cut where it must be; null where no word of the answer would be left. */
  private encode({ messages, response }: Exchange, index: number, onCut: OnCut): ReadRequest | null {
    const answer = [{ role: "assistant", content: response } as const];
    const example = this.parts.encoder.encodeExample(messages, answer);
    const room = this.maxTokens - example.promptIds.length - this.suffixIds.length;
    const completionIds = cutBeforeEndOfTurn(example, room);
    if (completionIds === null) return null;
    const lost = example.completionIds.length - completionIds.length;
    if (lost > 0) onCut(index);
    return {
      id: `${index}`,
      promptIds: example.promptIds,
      answerIds: [...completionIds, ...this.suffixIds],
      end: example.endOfTurnIndex - lost,
    };
  }

  private planMemory(longest: number): void {
    if (longest <= this.plannedLength) return;
    const rows = Math.max(1, Math.ceil(RUN_TOKENS / longest));
    const places = WINDOW * this.parts.settings.pooling.length;
    const plan = memoryPlan({ ...sessionMemory(this.graph, [{ B: rows, T: longest, P: places }]) });
    const room = memoryRoom();
    requireRoom("reading hidden states", plan, room, () => "shorten the answers, or take a smaller model");
    if (this.plannedLength === 0) this.parts.onMemory?.(plan, room);
    this.plannedLength = longest;
  }
}

/** Shares of positions, [requests·pooling, N]: the answer's tokens end where the packing reads its end. */
function poolOf(
  requests: readonly ReadRequest[],
  packed: PackedRows,
  pooling: readonly Pooling[],
): Float32Array {
  const positions = packed.rows * packed.length;
  const pool = new Float32Array(requests.length * pooling.length * positions);
  requests.forEach(({ answerIds, end }, r) => {
    const start = Number(packed.targetIndex[r]) - answerIds.length + 1;
    pooling.forEach((each, p) => {
      const [from, to] = placesOf(each, end, answerIds.length);
      const row = (r * pooling.length + p) * positions;
      pool.fill(1 / (to - from), row + start + from, row + start + to);
    });
  });
  return pool;
}

/** The tokens of an answer that a pooling averages, the last one not included; an answer without words gives its end of turn. */
function placesOf(pooling: Pooling, end: number, length: number): [from: number, to: number] {
  if (pooling === "question") return [length - 1, length];
  if (pooling === "last" || end === 0) return [end, end + 1];
  return [0, pooling === "mean" ? end : Math.min(end, OPENING_TOKENS)];
}

/** What follows an answer when the question is asked: the same ids behind every answer. */
function questionIds(encoder: ConversationEncoder): readonly number[] {
  const [prompt, answer] = [
    { role: "user", content: "Question" },
    { role: "assistant", content: "Answer" },
  ] as const;
  const { promptIds, completionIds } = encoder.encodeExample([prompt], [answer]);
  const before = [...promptIds, ...completionIds];
  const whole = encoder.encodePrompt([prompt, answer, { role: "user", content: QUESTION }]);
  if (before.every((id, i) => whole[i] === id)) return whole.slice(before.length);
  throw new ConfigError(
    `pooling question: expected a template that goes on behind an answer, got ${encoder.template.name} that rewrites it`,
    { hint: "leave question out of pooling" },
  );
}

function requireLayers(layers: readonly number[], most: number): void {
  const wrong = layers.find((layer) => !Number.isInteger(layer) || layer < 0 || layer > most);
  if (wrong !== undefined)
    throw new ConfigError(`layers: expected layers from 0 to ${most} of this model, got ${wrong}`);
}
