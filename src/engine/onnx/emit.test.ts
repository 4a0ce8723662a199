import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GraphError } from "../../core/errors.js";
import { createEngine } from "../engine.js";
import { add, constant, external, input, matmul, mul, type Value } from "../graph/ops.js";
import type { Engine } from "../types.js";
import { emitModel } from "./emit.js";

let engine: Engine;
let folder = "";
beforeAll(async () => {
  engine = await createEngine({ threads: 1, inProcess: true });
  folder = mkdtempSync(join(tmpdir(), "safe-to-serve-emit-"));
});
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true });
});

/** (x + y)·3, from new values every time. */
function sample(): { x: Value; y: Value; z: Value } {
  const [x, y] = [input("x", "float32", [2]), input("y", "float32", [2])];
  return { x, y, z: mul(add(x, y), 3) };
}

test("equal graphs give equal bytes, other graphs other bytes", () => {
  const first = emitModel({ name: "graph", outputs: { z: sample().z } });
  expect(emitModel({ name: "graph", outputs: { z: sample().z } })).toEqual(first);
  const { x, y } = sample();
  expect(emitModel({ name: "graph", outputs: { z: mul(add(x, y), 4) } }).bytes).not.toEqual(first.bytes);
});

test("what no output reaches is not emitted, whatever was built before", async () => {
  const { x, z } = sample();
  mul(matmul(input("unused", "float32", [4, 4]), input("unused too", "float32", [4, 4])), 7);
  const bytes = emitModel({ name: "graph", outputs: { z } }).bytes;
  expect(bytes).toEqual(emitModel({ name: "graph", outputs: { z: sample().z } }).bytes);
  const session = await engine.open(emitModel({ name: "half", outputs: { double: mul(x, 2) } }));
  expect(session.inputNames).toEqual(["x"]);
  await session.close();
});

test("one value may leave under two names, and an input as it came", async () => {
  const { x, y, z } = sample();
  const session = await engine.open(
    emitModel({ name: "twice", outputs: { z, again: z, copy: x, sum: add(x, y) } }),
  );
  const feed = (...data: number[]) => ({
    dtype: "float32" as const,
    shape: [2],
    data: Float32Array.from(data),
  });
  const outputs = await session.run({ x: feed(1, 2), y: feed(10, 20) });
  expect(Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...data]]))).toEqual({
    z: [33, 66],
    again: [33, 66],
    copy: [1, 2],
    sum: [11, 22],
  });
  await session.close();
});

describe("names must be unique", () => {
  const emit = (outputs: Record<string, Value>) => () => emitModel({ name: "clash", outputs });
  test.each<[string, () => Record<string, Value>]>([
    ["two inputs", () => ({ out: add(input("x", "float32", [1]), input("x", "float32", [1])) })],
    ["an input and an output", () => ({ x: mul(input("x", "float32", [1]), 2) })],
    ["an input and an intermediate", () => ({ out: mul(mul(input("v0", "float32", [1]), 2), 2) })],
    [
      "an input and a constant",
      () => ({ out: add(mul(input("x", "float32", [1]), 2), input("c0", "float32", [1])) }),
    ],
  ])("%s of one name are refused", (_, outputs) => {
    expect(emit(outputs())).toThrow(GraphError);
    expect(emit(outputs())).toThrow(/two values of graph clash are named/);
  });

  test("one input used twice is no clash", () => {
    const x = input("x", "float32", [1]);
    expect(emit({ out: add(x, mul(x, x)) })).not.toThrow();
  });
});

test("initialisers are read from a file at any offset, aligned or not", async () => {
  const weights = Float32Array.from({ length: 6 }, (_, i) => i + 0.5);
  for (const offset of [0, 4, 13, 4099]) {
    const file = `weights-${offset}.safetensors`;
    writeFileSync(
      join(folder, file),
      Buffer.concat([Buffer.alloc(offset, 1), Buffer.from(weights.buffer), Buffer.alloc(3)]),
    );
    const w = external("w", "float32", [2, 3], { file, offset, length: 24 });
    const y = matmul(input("x", "float32", [1, 2]), w);
    const session = await engine.open(
      emitModel({ name: "external", outputs: { y }, externalDataFolder: folder }),
    );
    const { y: got } = await session.run({
      x: { dtype: "float32", shape: [1, 2], data: Float32Array.of(1, 10) },
    });
    expect([...(got?.data ?? [])]).toEqual([35.5, 46.5, 57.5]);
    await session.close();
  }
});

test("a file that is shorter than announced is refused, naming the graph", async () => {
  writeFileSync(join(folder, "short.safetensors"), Buffer.alloc(20));
  const w = external("w", "float32", [2, 3], { file: "short.safetensors", offset: 0, length: 24 });
  const model = emitModel({ name: "short graph", outputs: { y: mul(w, 2) }, externalDataFolder: folder });
  await expect(engine.open(model)).rejects.toThrow(/opening graph short graph/);
});

test("a constant must fill its shape", () => {
  expect(() => constant(Float32Array.of(1, 2), [3])).toThrow(GraphError);
});
