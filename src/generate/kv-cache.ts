/**
 * @file Keys and values of earlier positions. `KvCache` is the door behind which they may lie on the host or, one day,
 * on a device; `ResidentKvCache` keeps them in the engine's resident buffers, one pair a layer.
 */
import { InternalError } from "../core/errors.js";
import type { BufferRef, BufferWrite, Engine, RowCopy } from "../engine/types.js";

/** A sequence's rows taken from one slot to another. */
export interface SlotCopy {
  readonly from: number;
  readonly to: number;
  /** Positions 0 … positions − 1 are copied. */
  readonly positions: number;
}

/** The shape of a cache: L layers of [slots, G, S, K] keys and values. */
export interface CacheShape {
  readonly numHiddenLayers: number;
  /** G */
  readonly numKeyValueHeads: number;
  /** K */
  readonly headDim: number;
}

/** Room for `slots` sequences of up to `capacity` positions. */
export interface KvCache {
  readonly slots: number;
  readonly capacity: number;
  /** The graph's inputs `past.{l}.key` and `past.{l}.value`. */
  feeds(): Readonly<Record<string, BufferRef>>;
  /** Copies of the graph's outputs `present.{l}.key` and `present.{l}.value` into slots, for every layer. */
  writes(rows: readonly RowCopy[]): readonly BufferWrite[];
  /** Copies sequences from another cache with the same layers. */
  copyFrom(source: KvCache, copies: readonly SlotCopy[]): Promise<void>;
  /** Changes slots and capacity; only the sequences in `kept` survive. */
  resize(slots: number, capacity: number, kept: readonly SlotCopy[]): Promise<void>;
  /** Gives the memory back; the cache cannot be used after it. */
  free(): Promise<void>;
}

/** Makes caches; the decoder asks for one by size. */
export type AllocateCache = (slots: number, capacity: number) => Promise<KvCache>;

/** Rooms up to this many positions grow in small steps. */
const SMALL_ROOM = 256;
const SMALL_STEP = 64;
const LARGE_STEP = 128;

/** The least capacity of 64, 128, 192, 256, 384, 512, 640, … that holds `positions`. */
export function capacityBucket(positions: number): number {
  const step = positions <= SMALL_ROOM ? SMALL_STEP : LARGE_STEP;
  return Math.max(1, Math.ceil(positions / step)) * step;
}

/** A {@link KvCache} in buffers beside the engine's sessions. */
export class ResidentKvCache implements KvCache {
  private readonly engine: Engine;
  private readonly shape: CacheShape;
  private readonly buffers: Map<string, BufferRef>;
  private size: { readonly slots: number; readonly capacity: number };

  private constructor(engine: Engine, shape: CacheShape, slots: number, capacity: number) {
    this.engine = engine;
    this.shape = shape;
    this.buffers = new Map();
    this.size = { slots, capacity };
  }

  /** Allocates an empty cache. */
  static async allocate(
    engine: Engine,
    shape: CacheShape,
    slots: number,
    capacity: number,
  ): Promise<ResidentKvCache> {
    const cache = new ResidentKvCache(engine, shape, slots, capacity);
    try {
      for (const name of tensorNames(shape.numHiddenLayers)) {
        cache.buffers.set(name, await cache.allocateBuffer(slots, capacity));
      }
    } catch (cause) {
      await cache.free();
      throw cause;
    }
    return cache;
  }

  get slots(): number {
    return this.size.slots;
  }

  get capacity(): number {
    return this.size.capacity;
  }

  feeds(): Readonly<Record<string, BufferRef>> {
    return Object.fromEntries([...this.buffers].map(([name, buffer]) => [`past.${name}`, buffer]));
  }

  writes(rows: readonly RowCopy[]): readonly BufferWrite[] {
    if (rows.length === 0) return [];
    return [...this.buffers].map(([name, target]) => ({ output: `present.${name}`, target, rows }));
  }

  async copyFrom(source: KvCache, copies: readonly SlotCopy[]): Promise<void> {
    if (copies.length === 0) return;
    const feeds = source.feeds();
    const copied = [...this.buffers].map(([name, target]) => {
      const buffer = feeds[`past.${name}`];
      if (buffer === undefined) throw new InternalError(`cache: expected layer tensor ${name}, got none`);
      return this.engine.copyRows(buffer, target, copies);
    });
    await Promise.all(copied);
  }

  /** Layer by layer, so that at most one tensor exists twice. */
  async resize(slots: number, capacity: number, kept: readonly SlotCopy[]): Promise<void> {
    for (const [name, old] of this.buffers) {
      const grown = await this.allocateBuffer(slots, capacity);
      if (kept.length > 0) await this.engine.copyRows(old, grown, kept);
      this.buffers.set(name, grown);
      await this.engine.free(old);
    }
    this.size = { slots, capacity };
  }

  async free(): Promise<void> {
    const held = [...this.buffers.values()];
    this.buffers.clear();
    await Promise.all(held.map((buffer) => this.engine.free(buffer)));
  }

  private allocateBuffer(slots: number, capacity: number): Promise<BufferRef> {
    return this.engine.allocate([slots, this.shape.numKeyValueHeads, capacity, this.shape.headDim]);
  }
}

/** `0.key`, `0.value`, `1.key`, … */
export function tensorNames(numHiddenLayers: number): readonly string[] {
  return Array.from({ length: numHiddenLayers }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat();
}
