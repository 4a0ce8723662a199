/** @file What sampling and scoring will hold in memory: weights, cache of keys and values, one run. */
import { memoryRoom } from "../core/available-memory.js";
import { ROW_CAPACITY } from "../data/packing.js";
import type { GraphDefinition } from "../engine/onnx/emit.js";
import { LOGIT_CHUNKS } from "../models/decoder/token-log-probs.js";
import type { Adapter, LoadedModel } from "../models/loaded-model.js";
import {
  type MemoryPlan,
  memoryPlan,
  type OnMemory,
  requireRoom,
  type SessionMemory,
  sessionMemory,
} from "../models/memory-plan.js";
import { capacityBucket } from "./kv-cache.js";
import { RUN_TOKENS } from "./score.js";

/** How much is decoded side by side. */
export interface DecodingSize {
  /** Sequences at one time. */
  readonly sequences: number;
  /** Tokens of the longest prompt. */
  readonly promptTokens: number;
  readonly newTokens: number;
  /** Tokens of a prefill run. */
  readonly prefillTokens: number;
}

/** Bytes of a decoder at its fullest. */
export interface DecodingMemory {
  readonly weights: number;
  readonly cache: number;
  readonly activations: number;
}

/** Memory of a session over the decode graph, its caches and its largest run. */
export function decodingMemory(
  { config }: Pick<LoadedModel, "config">,
  graph: GraphDefinition,
  size: DecodingSize,
): DecodingMemory {
  const { sequences, promptTokens, newTokens, prefillTokens } = size;
  const capacity = capacityBucket(promptTokens + newTokens);
  const rows = Math.max(1, Math.floor(prefillTokens / promptTokens));
  const chunk = Math.min(promptTokens, prefillTokens);
  const isChunked = promptTokens > prefillTokens;
  const prefilled = capacityBucket(promptTokens);
  const memory = sessionMemory(graph, [
    { B: sequences, T: 1, S: capacity },
    { B: rows, T: chunk, S: isChunked ? prefilled : 1 },
  ]);
  const { numHiddenLayers, numKeyValueHeads, headDim } = config;
  const position = 2 * 4 * numHiddenLayers * numKeyValueHeads * headDim;
  return { ...memory, cache: position * (sequences * capacity + rows * prefilled) };
}

/** Memory of a session over the score graph. @param longest positions of the longest prompt with all its answers */
export function scoringMemory(graph: GraphDefinition, longest: number): SessionMemory {
  const length = Math.max(longest, ROW_CAPACITY);
  const rows = Math.max(1, Math.ceil(RUN_TOKENS / length));
  return sessionMemory(graph, [{ B: rows, T: length, C: Math.ceil((rows * length) / LOGIT_CHUNKS) }]);
}

/** Says what one chat model will hold, before it holds it: the sessions that it has needed so far, and the next one. */
export class ChatMemory {
  private readonly loaded: LoadedModel;
  private readonly adapterBytes: number;
  private readonly onMemory: OnMemory | undefined;
  private readonly room: () => number;
  private decoding: DecodingMemory = { weights: 0, cache: 0, activations: 0 };
  private scoring: SessionMemory = { weights: 0, activations: 0 };
  private checkedBytes = 0;
  private saidBytes = 0;

  constructor(
    loaded: LoadedModel,
    adapter: Adapter | null,
    onMemory?: OnMemory,
    room: () => number = memoryRoom,
  ) {
    this.loaded = loaded;
    const factors = [...(adapter?.factors.values() ?? [])];
    this.adapterBytes = ADAPTER_COPIES * factors.reduce((sum, { data }) => sum + data.byteLength, 0);
    this.onMemory = onMemory;
    this.room = room;
  }

  /** @throws ConfigError naming the most sequences that fit */
  beforeSampling(graph: GraphDefinition, size: DecodingSize): void {
    const memoryOf = (sequences: number) => decodingMemory(this.loaded, graph, { ...size, sequences });
    this.require(`sampling ${size.sequences} at once`, this.planOf(memoryOf(size.sequences)), (room) => {
      for (let fewer = Math.floor(size.sequences / 2); fewer >= 1; fewer = Math.floor(fewer / 2))
        if (this.planOf(memoryOf(fewer)).bytes <= room) return `--batch-size ${fewer} fits`;
      return this.advice();
    });
    this.decoding = memoryOf(size.sequences);
  }

  /** @throws ConfigError with a hint; by default what helps a chat model */
  beforeScoring(graph: GraphDefinition, longest: number, hint: string = this.advice()): void {
    const scoring = scoringMemory(graph, longest);
    this.require("scoring", this.planOf(this.decoding, scoring), () => hint);
    this.scoring = scoring;
  }

  private require(what: string, plan: MemoryPlan, whatFits: (room: number) => string): void {
    if (plan.bytes <= this.checkedBytes) return;
    const room = this.room();
    requireRoom(what, plan, room, () => whatFits(room));
    this.checkedBytes = plan.bytes;
    if (plan.bytes < SAID_AGAIN * this.saidBytes) return;
    this.saidBytes = plan.bytes;
    this.onMemory?.(plan, room);
  }

  private planOf(decoding: DecodingMemory, scoring: SessionMemory = this.scoring): MemoryPlan {
    return memoryPlan({
      weights: decoding.weights + scoring.weights,
      adapter: this.adapterBytes,
      cache: decoding.cache,
      activations: decoding.activations + scoring.activations,
    });
  }

  private advice(): string {
    return this.loaded.quantised
      ? "shorten the prompts, ask for fewer new tokens, or take a smaller model"
      : "--weights int8 needs about a third of the memory of weights, int4 a quarter; or take a smaller model";
  }
}

/** Growth that is worth another line: a conversation grows a little with every turn. */
const SAID_AGAIN = 1.1;

/** As it was read, and beside the sessions. */
const ADAPTER_COPIES = 2;
