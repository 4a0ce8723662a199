/**
 * @file Runs of the decode graph: which tensors a chunk of prefill or a decoding step feeds, and the logits that come
 * back. The names are those of `models/decoder/decode-graph.ts`.
 */
import { InternalError } from "../core/errors.js";
import type { BufferRef, RowCopy, Session, TensorData } from "../engine/types.js";
import { type CacheShape, type KvCache, tensorNames } from "./kv-cache.js";

/** Inputs that every run shares: LoRA factors and their strength. */
export type AdapterFeeds = Readonly<Record<string, TensorData | BufferRef>>;

/** A session over the decode graph with the model's cache shape. */
export interface DecodeModel {
  readonly session: Session;
  readonly shape: CacheShape;
  /** V */
  readonly vocabSize: number;
  readonly maxPositionEmbeddings: number;
  readonly adapterFeeds: AdapterFeeds;
}

/** New tokens of one row of a run. */
export interface RunRow {
  readonly ids: ArrayLike<number>;
  /** Positions already in the cache; the first new token takes this position. */
  readonly pastLength: number;
  /** The slot that takes the new keys and values; null for a row that holds no sequence. */
  readonly slot: number | null;
}

/** Where the run reads the past and writes the present. */
export interface RunCaches {
  /** Row b of the run reads slot b; null when no row has a past. */
  readonly past: KvCache | null;
  readonly present: KvCache;
}

/**
 * Runs one chunk: rows are padded on the right to the longest; padding is never copied into the cache.
 * @returns logits after each row's last new token, [B, V], or null when they are not wanted
 */
export async function runRows(
  model: DecodeModel,
  rows: readonly RunRow[],
  caches: RunCaches,
  wantsLogits: boolean,
): Promise<Float32Array | null> {
  const past = caches.past === null ? emptyPast(model.shape, rows.length) : caches.past.feeds();
  const outputs = await model.session.run(
    { ...model.adapterFeeds, ...tokenFeeds(rows), ...past },
    { fetch: wantsLogits ? ["logits"] : [], writes: caches.present.writes(rowCopies(rows)) },
  );
  return wantsLogits ? floatOutput(outputs, "logits") : null;
}

/** `input_ids`, `position_ids` [B, T], `past_lengths`, `last_index` [B]. */
function tokenFeeds(rows: readonly RunRow[]): Record<string, TensorData> {
  const length = Math.max(...rows.map((row) => row.ids.length));
  const inputIds = new BigInt64Array(rows.length * length);
  const positionIds = new BigInt64Array(rows.length * length);
  rows.forEach((row, b) => {
    for (let i = 0; i < row.ids.length; i++) {
      inputIds[b * length + i] = BigInt(row.ids[i] as number);
      positionIds[b * length + i] = BigInt(row.pastLength + i);
    }
  });
  return {
    input_ids: int64([rows.length, length], inputIds),
    position_ids: int64([rows.length, length], positionIds),
    past_lengths: int64(
      [rows.length],
      BigInt64Array.from(rows, (row) => BigInt(row.pastLength)),
    ),
    last_index: int64(
      [rows.length],
      BigInt64Array.from(rows, (row) => BigInt(row.ids.length - 1)),
    ),
  };
}

/** A past of one masked position: zeros [B, G, 1, K] for every layer. */
function emptyPast(shape: CacheShape, batch: number): Record<string, TensorData> {
  const dims = [batch, shape.numKeyValueHeads, 1, shape.headDim];
  const data = new Float32Array(batch * shape.numKeyValueHeads * shape.headDim);
  const empty: TensorData = { dtype: "float32", shape: dims, data };
  return Object.fromEntries(tensorNames(shape.numHiddenLayers).map((name) => [`past.${name}`, empty]));
}

function rowCopies(rows: readonly RunRow[]): RowCopy[] {
  return rows.flatMap((row, from) =>
    row.slot === null
      ? []
      : [{ from, start: 0, count: row.ids.length, to: row.slot, position: row.pastLength }],
  );
}

function int64(shape: readonly number[], data: BigInt64Array): TensorData {
  return { dtype: "int64", shape, data };
}

/** A float32 output by name. */
export function floatOutput(outputs: Readonly<Record<string, TensorData>>, name: string): Float32Array {
  const output = outputs[name];
  if (output?.data instanceof Float32Array) return output.data;
  throw new InternalError(`graph output ${name}: expected float32, got ${output?.dtype ?? "nothing"}`);
}
