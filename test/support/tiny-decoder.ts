/**
 * @file A two-layer attention model in plain TypeScript behind the engine's interface. Each row is computed by itself in
 * a fixed order, so the same sequence gives the same bits in any batch, and a wrong slot, position or copy changes the
 * logits. Rows of padding come back as NaN, which spreads as soon as one is read.
 */
import { InternalError } from "../../src/core/errors.js";
import type { BufferRef, Engine, RowCopy, RunOptions, Session, TensorData } from "../../src/engine/types.js";
import type { DecodeModel } from "../../src/generate/decode-graph-run.js";
import { type AllocateCache, ResidentKvCache } from "../../src/generate/kv-cache.js";

const LAYERS = 2;
const WIDTH = 4;

/** Vocabulary size of the tiny model. */
export const TINY_VOCABULARY = 29;

interface Row {
  readonly ids: readonly number[];
  readonly positions: readonly number[];
  readonly past: number;
}

/** Resident buffers in a map; counts what is held and what was run. */
export class TinyEngine implements Engine {
  readonly device = "cpu";
  readonly threads = 1;
  readonly buffers: Map<number, Float32Array> = new Map();
  /** Shape [B, T] of each run's `input_ids`. */
  readonly runs: (readonly number[])[] = [];
  private next = 1;

  open(): Promise<Session> {
    return Promise.resolve({
      inputNames: [],
      outputNames: [],
      run: (feeds, options) => Promise.resolve(this.run(feeds, options ?? {})),
      close: () => Promise.resolve(),
    });
  }

  allocate(shape: readonly number[], data?: Float32Array): Promise<BufferRef> {
    const size = shape.reduce((product, n) => product * n, 1);
    const buffer = this.next++;
    this.buffers.set(buffer, data?.slice() ?? new Float32Array(size));
    return Promise.resolve({ buffer, shape });
  }

  async write(target: BufferRef, data: Float32Array): Promise<void> {
    this.held(target).set(data);
  }

  async copyRows(
    source: BufferRef,
    target: BufferRef,
    rows: readonly { readonly from: number; readonly to: number; readonly positions: number }[],
  ): Promise<void> {
    for (const { from, to, positions } of rows) {
      const copy = { from, start: 0, count: positions, to, position: 0 };
      copyPositions(this.held(source), source.shape, this.held(target), target.shape, copy);
    }
  }

  async free(target: BufferRef): Promise<void> {
    this.held(target);
    this.buffers.delete(target.buffer);
  }

  async close(): Promise<void> {
    this.buffers.clear();
  }

  /** The tiny model with this engine's session. */
  async model(maxPositionEmbeddings = 512): Promise<DecodeModel> {
    return {
      session: await this.open(),
      shape: { numHiddenLayers: LAYERS, numKeyValueHeads: 1, headDim: WIDTH },
      vocabSize: TINY_VOCABULARY,
      maxPositionEmbeddings,
      adapterFeeds: {},
    };
  }

  /** Caches for {@link model}. */
  readonly allocateCache: AllocateCache = async (slots, capacity) =>
    ResidentKvCache.allocate(this, (await this.model()).shape, slots, capacity);

  private held(ref: BufferRef): Float32Array {
    const data = this.buffers.get(ref.buffer);
    if (data === undefined) throw new InternalError(`buffer ${ref.buffer}: expected allocated, got freed`);
    return data;
  }

  private tensor(feed: TensorData | BufferRef | undefined): { shape: readonly number[]; data: Float32Array } {
    if (feed === undefined) throw new InternalError("feed: expected a tensor, got nothing");
    return { shape: feed.shape, data: "buffer" in feed ? this.held(feed) : (feed.data as Float32Array) };
  }

  private run(
    feeds: Readonly<Record<string, TensorData | BufferRef>>,
    options: RunOptions,
  ): Record<string, TensorData> {
    const rows = readRows(feeds);
    const length = rows[0]?.ids.length ?? 0;
    this.runs.push([rows.length, length]);
    const logits = new Float32Array(rows.length * TINY_VOCABULARY);
    const present = new Map<string, Float32Array>();
    const past = (name: string) => this.tensor(feeds[`past.${name}`]);
    const last = integers(feeds["last_index"]);
    rows.forEach((row, b) => {
      logits.set(forward(row, b, last[b] as number, past, present, rows.length), b * TINY_VOCABULARY);
    });
    const shape = [rows.length, 1, length, WIDTH];
    for (const write of options.writes ?? []) {
      const source = present.get(write.output.replace("present.", "")) ?? new Float32Array(0);
      for (const copy of write.rows)
        copyPositions(source, shape, this.held(write.target), write.target.shape, copy);
    }
    const isWanted = options.fetch?.includes("logits") ?? true;
    return isWanted
      ? { logits: { dtype: "float32", shape: [rows.length, TINY_VOCABULARY], data: logits } }
      : {};
  }
}

function readRows(feeds: Readonly<Record<string, TensorData | BufferRef>>): Row[] {
  const [batch = 0, length = 0] = feeds["input_ids"]?.shape ?? [];
  const ids = integers(feeds["input_ids"]);
  const positions = integers(feeds["position_ids"]);
  const past = integers(feeds["past_lengths"]);
  return Array.from({ length: batch }, (_, b) => ({
    ids: ids.slice(b * length, (b + 1) * length),
    positions: positions.slice(b * length, (b + 1) * length),
    past: past[b] as number,
  }));
}

/** Logits of one row after position `last`; its keys and values go into `present`. */
function forward(
  row: Row,
  b: number,
  last: number,
  past: (name: string) => { shape: readonly number[]; data: Float32Array },
  present: Map<string, Float32Array>,
  batch: number,
): number[] {
  const length = row.ids.length;
  let hidden = row.ids.map((id) => [0, 1, 2, 3].map((d) => Math.sin(1 + id * (d + 1.3))));
  for (let layer = 0; layer < LAYERS; layer++) {
    const rotate = (h: readonly number[], i: number, shift: number) =>
      h.map((x, d) => Math.fround(x * Math.cos((row.positions[i] as number) * 0.1 + d + shift)));
    const keys = hidden.map((h, i) => rotate(h, i, layer));
    const values = hidden.map((h, i) => rotate(h, i, layer + 2));
    store(present, `${layer}.key`, keys, b, batch, last);
    store(present, `${layer}.value`, values, b, batch, last);
    const cachedKeys = cachedRows(past(`${layer}.key`), b, row.past);
    const cachedValues = cachedRows(past(`${layer}.value`), b, row.past);
    hidden = hidden.map((h, i) =>
      attend(h, [...cachedKeys, ...keys.slice(0, i + 1)], [...cachedValues, ...values.slice(0, i + 1)]),
    );
  }
  const h = hidden[Math.min(last, length - 1)] as number[];
  return Array.from({ length: TINY_VOCABULARY }, (_, v) =>
    Math.fround(4 * h.reduce((sum, x, d) => sum + x * Math.sin(v * (d + 0.7) + d), 0)),
  );
}

function attend(
  query: readonly number[],
  keys: readonly (readonly number[])[],
  values: readonly (readonly number[])[],
): number[] {
  const weights = keys.map((key) => Math.exp(key.reduce((sum, k, d) => sum + k * (query[d] as number), 0)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return query.map(
    (x, d) => x + weights.reduce((sum, w, j) => sum + w * (values[j]?.[d] as number), 0) / total,
  );
}

/** Rows after `last` are padding: NaN. */
function store(
  present: Map<string, Float32Array>,
  name: string,
  rows: readonly (readonly number[])[],
  b: number,
  batch: number,
  last: number,
): void {
  const data = present.get(name) ?? new Float32Array(batch * rows.length * WIDTH);
  present.set(name, data);
  rows.forEach((row, i) => {
    data.set(i > last ? row.map(() => Number.NaN) : row, (b * rows.length + i) * WIDTH);
  });
}

function cachedRows(
  cache: { shape: readonly number[]; data: Float32Array },
  b: number,
  count: number,
): number[][] {
  const capacity = cache.shape[2] as number;
  return Array.from({ length: count }, (_, j) => {
    const start = (b * capacity + j) * WIDTH;
    return [...cache.data.subarray(start, start + WIDTH)];
  });
}

function copyPositions(
  source: Float32Array,
  sourceShape: readonly number[],
  target: Float32Array,
  targetShape: readonly number[],
  copy: RowCopy,
): void {
  const [slots = 0, , capacity = 0] = targetShape;
  const sourceCapacity = sourceShape[2] as number;
  if (copy.to >= slots || copy.position + copy.count > capacity || copy.start + copy.count > sourceCapacity) {
    throw new InternalError(
      `copy: expected rows inside ${targetShape.join("x")}, got ${JSON.stringify(copy)}`,
    );
  }
  const from = (copy.from * sourceCapacity + copy.start) * WIDTH;
  target.set(source.subarray(from, from + copy.count * WIDTH), (copy.to * capacity + copy.position) * WIDTH);
}

function integers(feed: TensorData | BufferRef | undefined): number[] {
  if (feed === undefined || "buffer" in feed) throw new InternalError("feed: expected integers");
  return Array.from(feed.data, Number);
}
