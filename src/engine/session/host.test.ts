import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ExecutionError, InternalError } from "../../core/errors.js";
import { createEngine } from "../engine.js";
import { div, input, mul, neg, symbol } from "../graph/ops.js";
import { emitModel } from "../onnx/emit.js";
import type { BufferRef, Engine, RowCopy, Session, TensorData } from "../types.js";

let engine: Engine;
/** [B,G,T,K] → its negative and its double. */
let session: Session;
beforeAll(async () => {
  engine = await createEngine({ threads: 1, inProcess: true });
  const x = input("x", "float32", [symbol("B"), 2, symbol("T"), 2]);
  session = await engine.open(emitModel({ name: "rows", outputs: { minus: neg(x), double: mul(x, 2) } }));
});
afterAll(() => engine.close());

const floats = (shape: readonly number[], first = 0): TensorData & { data: Float32Array } => ({
  dtype: "float32",
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => first + i),
});

/** What a buffer holds, read through a run. */
async function contents(buffer: BufferRef): Promise<number[]> {
  const { double } = await session.run({ x: buffer }, { fetch: ["double"] });
  return Array.from(double?.data as Float32Array, (value) => value / 2);
}

describe("resident buffers", () => {
  test("start as zeros or as given, are fed by reference and overwritten whole", async () => {
    const given = floats([1, 2, 1, 2], 5);
    const [zeros, filled] = [
      await engine.allocate([1, 2, 1, 2]),
      await engine.allocate([1, 2, 1, 2], given.data),
    ];
    given.data.fill(-1);
    expect(await contents(zeros)).toEqual([0, 0, 0, 0]);
    expect(await contents(filled)).toEqual([5, 6, 7, 8]);
    await engine.write(filled, Float32Array.of(1, 2, 3, 4));
    expect(await contents(filled)).toEqual([1, 2, 3, 4]);
    await engine.free(filled);
    await expect(contents(filled)).rejects.toThrow(InternalError);
  });

  test("refuse data of another size", async () => {
    await expect(engine.allocate([2, 2], new Float32Array(3))).rejects.toThrow(
      /expected \[2,2\], 4 elements, got 3/,
    );
    const buffer = await engine.allocate([2, 2]);
    await expect(engine.write(buffer, new Float32Array(3))).rejects.toThrow(InternalError);
  });
});

describe("rows of an output", () => {
  test("are copied into a buffer after the run, position by position", async () => {
    const cache = await engine.allocate([3, 2, 4, 2]);
    const x = floats([2, 2, 3, 2], 1);
    const rows: RowCopy[] = [{ from: 1, start: 1, count: 2, to: 2, position: 1 }];
    const outputs = await session.run({ x }, { writes: [{ output: "minus", target: cache, rows }] });
    expect(Object.keys(outputs)).toEqual(["double"]);
    const held = await contents(cache);
    // Row 1 of x begins at element 12; its groups hold 6 elements each, the first position of each is skipped.
    const slot2 = [0, 0, -15, -16, -17, -18, 0, 0, 0, 0, -21, -22, -23, -24, 0, 0];
    expect(held).toEqual([...new Array<number>(32).fill(0), ...slot2].map((value) => value + 0));
  });

  test.each<[string, Partial<RowCopy>]>([
    ["past the output's positions", { start: 2, count: 2 }],
    ["past the buffer's positions", { position: 3, count: 2 }],
    ["from a row that is not there", { from: 2 }],
    ["to a slot that is not there", { to: 3 }],
    ["from before the first position", { start: -1 }],
  ])("that lie %s are refused", async (_, change) => {
    const cache = await engine.allocate([3, 2, 4, 2]);
    const rows = [{ from: 0, start: 0, count: 1, to: 0, position: 0, ...change }];
    const run = session.run(
      { x: floats([2, 2, 3, 2]) },
      { writes: [{ output: "minus", target: cache, rows }] },
    );
    await expect(run).rejects.toThrow(InternalError);
  });

  test("move between buffers of unlike capacity", async () => {
    const [small, large] = [
      await engine.allocate([2, 2, 2, 2], floats([2, 2, 2, 2], 1).data),
      await engine.allocate([1, 2, 3, 2]),
    ];
    await engine.copyRows(small, large, [{ from: 1, to: 0, positions: 2 }]);
    expect(await contents(large)).toEqual([9, 10, 11, 12, 0, 0, 13, 14, 15, 16, 0, 0]);
    await expect(engine.copyRows(large, small, [{ from: 0, to: 1, positions: 3 }])).rejects.toThrow(
      InternalError,
    );
    const other = await engine.allocate([1, 1, 3, 2]);
    await expect(engine.copyRows(large, other, [{ from: 0, to: 0, positions: 1 }])).rejects.toThrow(
      /equal groups/,
    );
  });
});

test("a run that fails says which graph it was", async () => {
  const wrong = session.run({ x: floats([1, 3, 1, 2]) });
  await expect(wrong).rejects.toThrow(ExecutionError);
  await expect(session.run({ x: floats([1, 3, 1, 2]) })).rejects.toThrow(/^running graph rows: /);
  await expect(session.run({})).rejects.toThrow(/graph rows.*x/s);
});

test("a closed session is unknown, others go on", async () => {
  const x = input("x", "float32", [1]);
  const other = await engine.open(emitModel({ name: "inverse", outputs: { y: div(1, x) } }));
  await other.close();
  await expect(other.run({ x: floats([1], 2) })).rejects.toThrow(InternalError);
  expect(await contents(await engine.allocate([1, 2, 1, 2]))).toEqual([0, 0, 0, 0]);
});
