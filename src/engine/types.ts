/**
 * @file What crosses the engine's door: tensors as plain data, buffers that stay where the sessions live, and runs.
 * The engine knows nothing of language models.
 */

/** Element types that may cross the door (others live inside graphs only). */
export type TensorDType = "float32" | "int64" | "int32" | "bool";

/** A dense tensor in row-major order. int64 data is BigInt64Array, bool is Uint8Array. */
export interface TensorData {
  readonly dtype: TensorDType;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array | Int32Array | Uint8Array;
}

/** A float32 tensor that lives beside the sessions and is fed by reference: adapters, KV caches. */
export interface BufferRef {
  readonly buffer: number;
  readonly shape: readonly number[];
}

/** Rows of a run's output copied into a resident buffer after the run. */
export interface BufferWrite {
  /** Name of the output, shape [B, G, T, K]. */
  readonly output: string;
  /** Buffer of shape [slots, G, S, K]. */
  readonly target: BufferRef;
  readonly rows: readonly RowCopy[];
}

/** Copies `count` positions: output[from, :, start …] → buffer[to, :, position …]. */
export interface RowCopy {
  readonly from: number;
  readonly start: number;
  readonly count: number;
  readonly to: number;
  readonly position: number;
}

/** Options of one run. */
export interface RunOptions {
  /** Outputs to return; default all that no write consumes. */
  readonly fetch?: readonly string[];
  readonly writes?: readonly BufferWrite[];
}

/** A compiled graph, ready to run. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(
    feeds: Readonly<Record<string, TensorData | BufferRef>>,
    options?: RunOptions,
  ): Promise<Record<string, TensorData>>;
  close(): Promise<void>;
}

/** A serialised ONNX model whose large initialisers lie in files of `externalDataFolder`. */
export interface EmittedModel {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly externalDataFolder?: string;
  /** Copy weights into the layout of the kernels; default true. Results differ in rounding. */
  readonly packsWeights?: boolean;
}

/** Where sessions and buffers live; one run is in flight at a time. */
export interface Engine {
  readonly device: "cpu";
  readonly threads: number;
  open(model: EmittedModel): Promise<Session>;
  /** Allocates a resident float32 buffer, filled with zeros or `data`. */
  allocate(shape: readonly number[], data?: Float32Array): Promise<BufferRef>;
  /** Overwrites a whole buffer. */
  write(target: BufferRef, data: Float32Array): Promise<void>;
  /** Copies blocks along the first axis: a sequence's cache into another slot, or into a larger buffer. */
  copyRows(
    source: BufferRef,
    target: BufferRef,
    rows: readonly { readonly from: number; readonly to: number; readonly positions: number }[],
  ): Promise<void>;
  free(target: BufferRef): Promise<void>;
  close(): Promise<void>;
}
