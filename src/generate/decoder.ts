/**
 * @file Continuous batching: a fixed number of slots decode side by side, and a finished answer's slot is taken by the
 * next one. Knows token ids only; text enters through `AnswerText`. Each answer depends on its prompt, options, id and
 * sample alone: rows of a batch never see each other, and random numbers are functions of a key.
 */
import { ContextLengthError, GenerationError } from "../core/errors.js";
import type { SamplingOptions } from "../text/chat-model.js";
import { type DecodeModel, runRows } from "./decode-graph-run.js";
import { type AllocateCache, capacityBucket, type KvCache, type SlotCopy } from "./kv-cache.js";
import { groupSize, type PrefillGroup, type Prefix, prefill } from "./prefill.js";
import { type DecodedSequence, type DecodeRequest, Sequence, type SequenceSettings } from "./sequence.js";

/** Counted while decoding; fields grow. */
export interface DecodeStatistics {
  promptTokens: number;
  newTokens: number;
  /** Runs of the decode step. */
  steps: number;
  /** Draws that rounding may have decided. */
  nearTies: number;
}

/** Options of a decoder beyond those of its sequences. */
export interface DecodeOptions extends SequenceSettings {
  /** Tokens a prefill run at most. */
  readonly prefillTokens: number;
  readonly signal?: AbortSignal | undefined;
  /** After every drawn token. */
  readonly onDraw?: SamplingOptions["onDraw"];
}

/** Other users of the engine wait at most for a run of this many tokens. */
export const PREFILL_TOKENS = 256;

/** The batch shrinks when fewer than this share of its slots are in use and none will be filled again. */
const SHRINK_BELOW = 0.8;

/** Starts with nothing drawn. */
export function emptyStatistics(): DecodeStatistics {
  return { promptTokens: 0, newTokens: 0, steps: 0, nearTies: 0 };
}

/**
 * Draws all samples of all requests; answers come as they finish.
 * @throws ContextLengthError before any run, when a prompt and its answer do not fit the model's positions
 * @throws GenerationError    when a prompt has no token
 * @throws the signal's reason between two runs, once it is aborted
 */
export async function* decodeSequences(
  model: DecodeModel,
  allocate: AllocateCache,
  requests: readonly DecodeRequest[],
  options: DecodeOptions,
  statistics: DecodeStatistics = emptyStatistics(),
): AsyncGenerator<DecodedSequence> {
  for (const request of requests) checkLength(request, options.sampling.maxNewTokens, model);
  const decoder = new Decoder(model, allocate, requests, options, statistics);
  try {
    while (await decoder.advance()) yield* decoder.takeFinished();
  } finally {
    await decoder.free();
  }
}

function checkLength(request: DecodeRequest, maxNewTokens: number, model: DecodeModel): void {
  const promptLength = request.promptIds.length;
  if (promptLength === 0) throw new GenerationError(`prompt ${request.id}: expected tokens, got none`);
  if (promptLength + maxNewTokens <= model.maxPositionEmbeddings) return;
  throw new ContextLengthError(
    `prompt ${request.id}: expected at most ${model.maxPositionEmbeddings} tokens with its answer, got ${promptLength} + ${maxNewTokens}`,
    { hint: "shorten the prompt or ask for fewer new tokens" },
  );
}

/** A sequence about to take a slot, and the prefix that it starts from. */
interface Arrival {
  readonly sequence: Sequence;
  readonly from: number;
}

class Decoder {
  private readonly model: DecodeModel;
  private readonly allocate: AllocateCache;
  private readonly options: DecodeOptions;
  private readonly statistics: DecodeStatistics;
  /** Prompts not prefilled yet, longest first, so that prompts of like length share a run. */
  private readonly queue: DecodeRequest[];
  private group: PrefillGroup<DecodeRequest> | null = null;
  /** Samples of the group's prompts that have no slot yet. */
  private waiting: { readonly prefix: Prefix<DecodeRequest>; readonly sample: number }[] = [];
  private slots: (Sequence | null)[];
  private cache: KvCache | null = null;
  private finished: DecodedSequence[] = [];

  constructor(
    model: DecodeModel,
    allocate: AllocateCache,
    requests: readonly DecodeRequest[],
    options: DecodeOptions,
    statistics: DecodeStatistics,
  ) {
    this.model = model;
    this.allocate = allocate;
    this.options = options;
    this.statistics = statistics;
    this.queue = requests
      .filter((request) => request.sampleIndices.length > 0)
      .sort((a, b) => b.promptIds.length - a.promptIds.length);
    const wanted = requests.reduce((sum, request) => sum + request.sampleIndices.length, 0);
    this.slots = new Array(Math.min(options.sampling.batchSize, wanted)).fill(null);
  }

  /** Fills free slots from one group of prompts, or else decodes a step. False when nothing is left to do. */
  async advance(): Promise<boolean> {
    this.options.signal?.throwIfAborted();
    if (this.slots.includes(null) && (await this.hasWaiting())) await this.fillSlots();
    else if (this.active().length > 0) await this.step();
    else return false;
    return true;
  }

  takeFinished(): readonly DecodedSequence[] {
    const taken = this.finished;
    this.finished = [];
    return taken;
  }

  async free(): Promise<void> {
    await this.freeGroup();
    await this.cache?.free();
    this.cache = null;
  }

  private active(): Sequence[] {
    return this.slots.filter((sequence) => sequence !== null);
  }

  /** Prefills the next group when the last one has been used up. */
  private async hasWaiting(): Promise<boolean> {
    if (this.waiting.length > 0) return true;
    await this.freeGroup();
    if (this.queue.length === 0) return false;
    const { prefillTokens } = this.options;
    const lengths = this.queue.slice(0, prefillTokens).map((request) => request.promptIds.length);
    const prompts = this.queue.splice(0, groupSize(lengths, prefillTokens));
    const check = () => this.options.signal?.throwIfAborted();
    this.group = await prefill(this.model, prompts, prefillTokens, this.allocate, check);
    this.waiting = this.group.prefixes.flatMap((prefix) =>
      prefix.prompt.sampleIndices.map((sample) => ({ prefix, sample })),
    );
    this.statistics.promptTokens += prompts.reduce((sum, prompt) => sum + prompt.promptIds.length, 0);
    return true;
  }

  private async freeGroup(): Promise<void> {
    const group = this.group;
    this.group = null;
    await group?.cache.free();
  }

  /** Draws first tokens; answers that go on take free slots with a copy of their prompt's cache. */
  private async fillSlots(): Promise<void> {
    const arrivals: Arrival[] = [];
    const free = this.slots.length - this.active().length;
    while (arrivals.length < free) {
      const next = this.waiting.shift();
      if (next === undefined) break;
      const sequence = new Sequence(next.prefix.prompt, next.sample, this.options);
      this.draw(sequence, next.prefix.logits);
      if (!sequence.isFinished) arrivals.push({ sequence, from: next.prefix.slot });
    }
    await this.settle(arrivals);
  }

  private async settle(arrivals: readonly Arrival[]): Promise<void> {
    if (arrivals.length === 0 || this.group === null) return;
    const needed = positionsNeeded([...this.active(), ...arrivals.map(({ sequence }) => sequence)]);
    this.cache ??= await this.allocate(this.slots.length, capacityBucket(needed));
    if (needed > this.cache.capacity) await this.resize(this.slots.length, capacityBucket(needed));
    const copies = arrivals.map(({ sequence, from }) => {
      const to = this.slots.indexOf(null);
      this.slots[to] = sequence;
      return { from, to, positions: sequence.pastLength };
    });
    await this.cache.copyFrom(this.group.cache, copies);
  }

  /** One token for every slot in use. */
  private async step(): Promise<void> {
    const cache = await this.fittedCache();
    const rows = this.slots.map((sequence, slot) =>
      sequence === null
        ? { ids: [0], pastLength: 0, slot: null }
        : { ids: [sequence.lastToken], pastLength: sequence.pastLength, slot },
    );
    const logits = await runRows(this.model, rows, { past: cache, present: cache }, true);
    this.statistics.steps++;
    const { vocabSize } = this.model;
    this.slots.forEach((sequence, slot) => {
      if (sequence === null || logits === null) return;
      sequence.pastLength++;
      this.draw(sequence, logits.subarray(slot * vocabSize, (slot + 1) * vocabSize));
      if (sequence.isFinished) this.slots[slot] = null;
    });
  }

  private draw(sequence: Sequence, logits: Float32Array): void {
    const before = sequence.nearTies;
    sequence.draw(logits);
    this.statistics.newTokens++;
    this.statistics.nearTies += sequence.nearTies - before;
    this.options.onDraw?.({ id: sequence.request.id, sample: sequence.sample });
    if (sequence.isFinished) this.finished.push(sequence.result());
  }

  /** The cache with room for one more position in every slot, without slots that stay empty or room that is idle. */
  private async fittedCache(): Promise<KvCache> {
    const active = this.active();
    const needed = capacityBucket(positionsNeeded(active));
    this.cache ??= await this.allocate(this.slots.length, needed);
    const { capacity } = this.cache;
    const isRoomWrong = needed > capacity || needed * 2 <= capacity;
    const isLast = this.waiting.length === 0 && this.queue.length === 0;
    const isSparse = isLast && active.length < this.slots.length * SHRINK_BELOW;
    if (isRoomWrong || isSparse) {
      await this.resize(isSparse ? active.length : this.slots.length, isRoomWrong ? needed : capacity);
    }
    return this.cache;
  }

  /** Moves the sequences in use to the first slots of a cache of another size. */
  private async resize(slots: number, capacity: number): Promise<void> {
    const moved: (Sequence | null)[] = new Array(slots).fill(null);
    const kept: SlotCopy[] = [];
    this.slots.forEach((sequence, from) => {
      if (sequence === null) return;
      kept.push({ from, to: kept.length, positions: sequence.pastLength });
      moved[kept.length - 1] = sequence;
    });
    this.slots = moved;
    await this.cache?.resize(slots, capacity, kept);
  }
}

/** Positions that the fullest sequence takes after one more step. */
function positionsNeeded(sequences: readonly Sequence[]): number {
  return sequences.reduce((most, sequence) => Math.max(most, sequence.pastLength + 1), 1);
}
