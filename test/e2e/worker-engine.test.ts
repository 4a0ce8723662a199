import { afterAll, beforeAll, expect, test } from "vitest";
import { input, mul, reduceSum, softmax, symbol } from "../../src/engine/graph/ops.js";
import { emitModel } from "../../src/engine/onnx/emit.js";
import type { Engine } from "../../src/engine/types.js";
import { floats, noise } from "../support/tiny-model.js";

type EngineModule = typeof import("../../src/engine/engine.js");

let worker: Engine;
let inProcess: Engine;
beforeAll(async () => {
  // The worker's file exists in the built package only.
  const built: string = new URL("../../dist/engine/engine.js", import.meta.url).href;
  const { createEngine } = (await import(/* @vite-ignore */ built)) as EngineModule;
  worker = await createEngine({ threads: 1 });
  inProcess = await createEngine({ threads: 1, inProcess: true });
});
afterAll(async () => {
  await worker.close();
  await inProcess.close();
});

const b = symbol("B");
const x = input("x", "float32", [b, 1, 2, 3]);
const model = emitModel({ name: "small", outputs: { y: softmax(mul(x, 2)), total: reduceSum(x, [3]) } });

/** The same work on an engine: a run, rows copied into a buffer, a run on the buffer. */
async function work(engine: Engine): Promise<unknown> {
  const session = await engine.open(model);
  const feed = floats([2, 1, 2, 3], noise(12, 1, "worker"));
  const buffer = await engine.allocate([1, 1, 2, 3], new Float32Array(6).fill(0.5));
  const rows = [{ from: 1, start: 0, count: 1, to: 0, position: 1 }];
  const first = await session.run({ x: feed }, { writes: [{ output: "y", target: buffer, rows }] });
  const larger = await engine.allocate([2, 1, 2, 3]);
  await engine.copyRows(buffer, larger, [{ from: 0, to: 1, positions: 2 }]);
  const second = await session.run({ x: larger });
  await session.close();
  return { names: [session.inputNames, session.outputNames], first, second, feed };
}

test("a worker gives the bits that the calling thread gives", async () => {
  expect(await work(worker)).toEqual(await work(inProcess));
});

test("errors cross the thread with their message", async () => {
  const session = await worker.open(model);
  await expect(session.run({})).rejects.toMatchObject({
    name: "ExecutionError",
    message: expect.stringContaining("running graph small") as string,
  });
  expect(await work(worker)).toBeDefined();
});

test("closing refuses the calls that wait and those that come later", async () => {
  const session = await worker.open(model);
  const waiting = session.run({ x: floats([1, 1, 2, 3], new Float32Array(6)) });
  const closing = worker.close();
  await expect(waiting).rejects.toMatchObject({ message: "engine: is closed" });
  await closing;
  await expect(worker.open(model)).rejects.toMatchObject({ message: "engine: is closed" });
});
