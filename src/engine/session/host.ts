/**
 * @file Sessions and resident buffers over ONNX Runtime, in the thread that this runs in. The worker thread and the
 * in-process engine of tests share it.
 */
import { InferenceSession, type InferenceSession as OrtSession, Tensor } from "onnxruntime-node";
import { ExecutionError, InternalError } from "../../core/errors.js";
import type { BufferRef, BufferWrite, EmittedModel, RunOptions, TensorData } from "../types.js";

/** How sessions are made. */
export interface HostOptions {
  readonly threads: number;
}

interface OpenSession {
  readonly name: string;
  readonly session: OrtSession;
}

/** One block copy along the first axis of two buffers. */
export interface RowBlock {
  readonly from: number;
  readonly to: number;
  readonly positions: number;
}

/** Owns sessions and buffers by number. */
export class SessionHost {
  private readonly sessions = new Map<number, OpenSession>();
  private readonly buffers = new Map<number, { shape: readonly number[]; data: Float32Array }>();
  private next = 1;
  private readonly options: HostOptions;

  constructor(options: HostOptions) {
    this.options = options;
  }

  /** Compiles a model. */
  async open(
    model: EmittedModel,
  ): Promise<{ session: number; inputNames: readonly string[]; outputNames: readonly string[] }> {
    const session = await this.attempt(`opening graph ${model.name}`, () =>
      InferenceSession.create(model.bytes, this.sessionOptions(model)),
    );
    const id = this.next++;
    this.sessions.set(id, { name: model.name, session });
    return { session: id, inputNames: session.inputNames, outputNames: session.outputNames };
  }

  /** Runs a session once. */
  async run(
    id: number,
    feeds: Readonly<Record<string, TensorData | BufferRef>>,
    { fetch, writes = [] }: RunOptions,
  ): Promise<Record<string, TensorData>> {
    const { name, session } = this.known(this.sessions, id, "session");
    const written = new Set(writes.map(({ output }) => output));
    const fetched = fetch ?? session.outputNames.filter((output) => !written.has(output));
    const tensors = Object.fromEntries(Object.entries(feeds).map(([key, feed]) => [key, this.tensor(feed)]));
    const outputs = await this.attempt(`running graph ${name}`, () =>
      session.run(tensors, [...new Set([...fetched, ...written])]),
    );
    for (const write of writes) this.copyOutput(write, outputs[write.output]);
    return Object.fromEntries(fetched.map((output) => [output, tensorData(outputs[output])]));
  }

  /** Releases a session. */
  async closeSession(id: number): Promise<void> {
    const open = this.sessions.get(id);
    this.sessions.delete(id);
    await open?.session.release();
  }

  /** Allocates a buffer. */
  allocate(shape: readonly number[], data?: Float32Array): BufferRef {
    const size = shape.reduce((a, b) => a * b, 1);
    if (data) requireSize("allocate", shape, size, data);
    const buffer = this.next++;
    this.buffers.set(buffer, { shape, data: data?.slice() ?? new Float32Array(size) });
    return { buffer, shape };
  }

  /** Overwrites a buffer. */
  write(target: BufferRef, data: Float32Array): void {
    const known = this.known(this.buffers, target.buffer, "buffer");
    requireSize("write", known.shape, known.data.length, data);
    known.data.set(data);
  }

  /** Copies the first `positions` of rows: [slots, G, S, K] to [slots′, G, S′, K]. */
  copyRows(source: BufferRef, target: BufferRef, rows: readonly RowBlock[]): void {
    const from = this.known(this.buffers, source.buffer, "buffer");
    const to = this.known(this.buffers, target.buffer, "buffer");
    for (const row of rows)
      copyPositions(from, to, { from: row.from, start: 0, count: row.positions, to: row.to, position: 0 });
  }

  /** Frees a buffer. */
  free(target: BufferRef): void {
    this.buffers.delete(target.buffer);
  }

  /** Releases everything. */
  async close(): Promise<void> {
    this.buffers.clear();
    for (const id of [...this.sessions.keys()]) await this.closeSession(id);
  }

  private copyOutput(write: BufferWrite, output: Tensor | undefined): void {
    if (!output) throw new InternalError(`run: no output ${write.output}`);
    const to = this.known(this.buffers, write.target.buffer, "buffer");
    const from = { shape: output.dims, data: output.data as Float32Array };
    for (const row of write.rows) copyPositions(from, to, row);
  }

  private tensor(feed: TensorData | BufferRef): Tensor {
    if (!("buffer" in feed)) return new Tensor(feed.dtype, feed.data as Float32Array, feed.shape);
    const { data, shape } = this.known(this.buffers, feed.buffer, "buffer");
    return new Tensor("float32", data, shape);
  }

  private known<T>(map: ReadonlyMap<number, T>, id: number, what: string): T {
    const found = map.get(id);
    if (!found) throw new InternalError(`engine: no open ${what} ${id}`);
    return found;
  }

  private sessionOptions(model: EmittedModel): OrtSession.SessionOptions {
    const session: Record<string, string> = {
      "intra_op.allow_spinning": "0",
      ...(model.packsWeights === false && { disable_prepacking: "1" }),
      ...(model.externalDataFolder === undefined
        ? {}
        : { model_external_initializers_file_folder_path: model.externalDataFolder }),
    };
    return {
      executionProviders: ["cpu"],
      intraOpNumThreads: this.options.threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      // A pattern is kept for each set of input shapes: the second run of one set would take all its memory again.
      enableMemPattern: false,
      logSeverityLevel: 3,
      extra: { session },
    };
  }

  private async attempt<T>(what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (cause) {
      throw new ExecutionError(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      });
    }
  }
}

interface Block {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Copies positions between [rows, G, S, K] tensors of equal G and K. */
function copyPositions(
  from: Block,
  to: Block,
  row: {
    readonly from: number;
    readonly start: number;
    readonly count: number;
    readonly to: number;
    readonly position: number;
  },
): void {
  const [, groups = 0, fromLength = 0, size = 0] = from.shape;
  const toLength = to.shape[2] ?? 0;
  if (!fits(from, row.from, row.start, row.count) || !fits(to, row.to, row.position, row.count))
    throw new InternalError(
      `cache copy: expected positions inside [${from.shape}] → [${to.shape}], got ${JSON.stringify(row)}`,
    );
  if (groups !== to.shape[1] || size !== to.shape[3])
    throw new InternalError(
      `cache copy: expected equal groups and sizes, got [${from.shape}] → [${to.shape}]`,
    );
  for (let g = 0; g < groups; g++) {
    const start = ((row.from * groups + g) * fromLength + row.start) * size;
    to.data.set(
      from.data.subarray(start, start + row.count * size),
      ((row.to * groups + g) * toLength + row.position) * size,
    );
  }
}

/** Whether a row's positions lie inside a [rows, G, S, K] tensor. */
function fits({ shape }: Block, row: number, start: number, count: number): boolean {
  const [rows = 0, , length = 0] = shape;
  return row >= 0 && row < rows && start >= 0 && count >= 0 && start + count <= length;
}

function requireSize(what: string, shape: readonly number[], size: number, data: Float32Array): void {
  if (data.length !== size)
    throw new InternalError(`${what}: expected [${shape}], ${size} elements, got ${data.length}`);
}

function tensorData(tensor: Tensor | undefined): TensorData {
  if (!tensor) throw new InternalError("run: an output is missing");
  return {
    dtype: tensor.type as TensorData["dtype"],
    shape: tensor.dims,
    data: tensor.data as TensorData["data"],
  };
}
