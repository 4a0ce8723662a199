/** @file The engine's thread: runs {@link SessionHost} calls one after another, so that nothing else ever blocks. */
import { parentPort, type TransferListItem, workerData } from "node:worker_threads";
import { InternalError, SafeToServeError } from "../../core/errors.js";
import type { TensorData } from "../types.js";
import { type Call, perform, type Reply } from "./dispatch.js";
import { type HostOptions, SessionHost } from "./host.js";

if (!parentPort) throw new InternalError("worker: started outside a worker thread");
const port = parentPort;
const host = new SessionHost(workerData as HostOptions);
let queue: Promise<void> = Promise.resolve();

port.on("message", (call: Call) => {
  queue = queue.then(() => answer(call));
});

async function answer(call: Call): Promise<void> {
  try {
    const result = await perform(host, call);
    const reply: Reply = { id: call.id, result };
    port.postMessage(reply, call.method === "run" ? buffersOf(result as Record<string, TensorData>) : []);
  } catch (error) {
    const hint = error instanceof SafeToServeError ? error.hint : undefined;
    const message = error instanceof Error ? error.message : String(error);
    port.postMessage({
      id: call.id,
      error: { message, ...(hint === undefined ? {} : { hint }) },
    } satisfies Reply);
  }
}

function buffersOf(outputs: Record<string, TensorData>): TransferListItem[] {
  return [...new Set(Object.values(outputs).map(({ data }) => data.buffer as ArrayBuffer))];
}
