/**
 * @file The engine: sessions and buffers in one worker thread (or, for tests and scripts, in this one). One run is in
 * flight at a time; calls are served in order.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { ConfigError, ExecutionError } from "../core/errors.js";
import { type Call, perform, type Reply, type Request } from "./session/dispatch.js";
import { SessionHost } from "./session/host.js";
import type { BufferRef, Engine, Session, TensorData } from "./types.js";

/** How an engine is made. */
export interface EngineOptions {
  /** Threads of one operation; default: the processor's cores. */
  readonly threads?: number;
  /** Default "cpu". */
  readonly device?: string;
  /** Run in the calling thread: no worker, the event loop blocks while a graph runs. */
  readonly inProcess?: boolean;
}

type Send = (request: Request) => Promise<unknown>;

/** Starts an engine. @throws ConfigError for a device that this version cannot use */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  checkDevice(options.device ?? "cpu");
  const threads = options.threads ?? availableParallelism();
  if (!Number.isInteger(threads) || threads < 1)
    throw new ConfigError(`--threads: expected a positive integer, got ${threads}`);
  return options.inProcess ? inProcessEngine(threads) : workerEngine(threads);
}

function checkDevice(device: string): void {
  if (device === "cpu") return;
  const missing: Record<string, string> = {
    cuda: "decoding on CUDA needs a cache that stays on the device, which the Node binding does not offer",
    webgpu: "sessions on WebGPU are not built yet",
  };
  const reason = missing[device];
  throw new ConfigError(
    reason
      ? `--device ${device}: not available, ${reason}`
      : `--device: expected cpu, cuda or webgpu, got ${device}`,
    { hint: "use --device cpu" },
  );
}

function inProcessEngine(threads: number): Engine {
  const host = new SessionHost({ threads });
  let queue: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  const send: Send = (request) => {
    if (isClosed) return Promise.reject(closedError());
    const result = queue.then(() => perform(host, request));
    queue = result.catch(() => undefined);
    return result;
  };
  return engineOver(send, threads, async () => {
    isClosed = true;
    await queue;
    await host.close();
  });
}

function closedError(): ExecutionError {
  return new ExecutionError("engine: is closed");
}

function workerEngine(threads: number): Engine {
  const worker = new Worker(new URL("./session/worker.js", import.meta.url), { workerData: { threads } });
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  let next = 1;
  let ended: ExecutionError | null = null;
  const end = (error: ExecutionError) => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on("message", (reply: Reply) => {
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
    if ("error" in reply) caller?.reject(new ExecutionError(reply.error.message, reply.error));
    else caller?.resolve(reply.result);
  });
  worker.on("error", (cause) =>
    end(new ExecutionError(`engine thread: failed, ${cause.message}`, { cause })),
  );
  worker.on("exit", () => end(closedError()));
  worker.unref();
  const send: Send = (request) =>
    new Promise((resolve, reject) => {
      if (ended) return reject(ended);
      const call: Call = { ...request, id: next++ };
      waiting.set(call.id, { resolve, reject });
      worker.ref();
      worker.postMessage(call);
    });
  return engineOver(send, threads, async () => {
    end(closedError());
    await worker.terminate();
  });
}

function engineOver(send: Send, threads: number, close: () => Promise<void>): Engine {
  return {
    device: "cpu",
    threads,
    async open(model) {
      const opened = (await send({ method: "open", model })) as OpenedSession;
      return sessionOver(send, opened);
    },
    async allocate(shape, data) {
      return (await send({ method: "allocate", shape, ...(data ? { data } : {}) })) as BufferRef;
    },
    async write(target, data) {
      await send({ method: "write", target, data });
    },
    async copyRows(source, target, rows) {
      await send({ method: "copyRows", source, target, rows });
    },
    async free(target) {
      await send({ method: "free", target });
    },
    close,
  };
}

interface OpenedSession {
  readonly session: number;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
}

function sessionOver(send: Send, { session, inputNames, outputNames }: OpenedSession): Session {
  return {
    inputNames,
    outputNames,
    async run(feeds, options = {}) {
      return (await send({ method: "run", session, feeds, options })) as Record<string, TensorData>;
    },
    async close() {
      await send({ method: "closeSession", session });
    },
  };
}
