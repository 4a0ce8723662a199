import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MissingGradientError } from "../../core/errors.js";
import { SeededRandom } from "../../core/random.js";
import { createEngine } from "../engine.js";
import { emitModel } from "../onnx/emit.js";
import type { Engine, TensorData } from "../types.js";
import { gradients } from "./gradients.js";
import { input } from "./input.js";
import * as ops from "./ops.js";
import { type OpType, operations } from "./registry.js";
import { constant, integers, type Value } from "./value.js";

/** A differentiable use of an operation: shapes of its float inputs (drawn around a size), and the graph. */
interface Case {
  readonly shapes: (n: number, m: number) => readonly (readonly number[])[];
  readonly build: (inputs: readonly Value[]) => Value;
  /** Values are drawn from this range; default [-1.5, 1.5]. */
  readonly range?: readonly [number, number];
  /** Largest allowed difference, of gradients of size 1; central differences in float32 are good to about 1e-3. */
  readonly tolerance?: number;
}

const one = (n: number, m: number) => [[n, m]];
const unary = (f: (x: Value) => Value, range?: readonly [number, number]): Case => ({
  shapes: one,
  build: ([x]) => f(x as Value),
  ...(range ? { range } : {}),
});
const binary = (f: (a: Value, b: Value) => Value, range?: readonly [number, number]): Case => ({
  shapes: (n, m) => [
    [2, n, m],
    [n, 1],
  ],
  build: ([a, b]) => f(a as Value, b as Value),
  ...(range ? { range } : {}),
});

/** Every registered operation is here; a forgotten one does not compile. */
const cases: { readonly [K in OpType]: Case | "none" | "refused" } = {
  Add: binary(ops.add),
  Sub: binary(ops.sub),
  Mul: binary(ops.mul),
  Div: binary(ops.div, [0.5, 2]),
  Neg: unary(ops.neg),
  Exp: unary(ops.exp),
  Log: unary(ops.log, [0.5, 2]),
  Sqrt: unary(ops.sqrt, [0.5, 2]),
  Sigmoid: unary(ops.sigmoid),
  Tanh: unary(ops.tanh),
  Erf: unary(ops.erf),
  Softplus: unary(ops.softplus),
  Relu: unary((x) => ops.relu(ops.add(x, 0.01)), [0.1, 2]),
  Where: binary((a, b) => ops.where(ops.greater(constant(Float32Array.of(1, -1), [2, 1, 1]), 0), a, b)),
  Cast: unary((x) => ops.cast(ops.cast(x, "float64"), "float32")),
  ReduceSum: unary((x) => ops.reduceSum(x, [0])),
  ReduceMax: unary((x) => ops.reduceMax(ops.add(x, constant(Float32Array.of(8), [1])), [-1])),
  Softmax: unary(ops.softmax),
  Expand: {
    shapes: (n, m) => [[n, 1, m]],
    build: ([x]) =>
      ops.expand(x as Value, [2, (x as Value).shape[0] as number, 3, (x as Value).shape[2] as number]),
  },
  Reshape: {
    shapes: (n, m) => [[n, 2, m]],
    build: ([x]) =>
      ops.reshape(x as Value, [2, (x as Value).shape[2] as number, (x as Value).shape[0] as number]),
  },
  Transpose: { shapes: (n, m) => [[n, 2, m]], build: ([x]) => ops.transpose(x as Value, [2, 0, 1]) },
  Concat: {
    shapes: (n, m) => [
      [n, m],
      [n, 2],
    ],
    build: ([a, b]) => ops.concat([a as Value, b as Value], 1),
  },
  Split: {
    shapes: (n) => [[n, 5]],
    build: ([x]) => {
      const [, b] = ops.split(x as Value, 1, [2, 3]);
      return ops.mul(b as Value, b as Value);
    },
  },
  Gather: {
    shapes: (_n, m) => [[4, m]],
    build: ([x]) => ops.gather(x as Value, constant(BigInt64Array.of(3n, 0n, 3n, 1n), [2, 2])),
  },
  ScatterND: {
    shapes: (_n, m) => [
      [4, m],
      [3, m],
    ],
    build: ([x, rows]) => ops.scatterAdd(x as Value, integers(2, 0, 2), rows as Value),
  },
  FusedMatMul: {
    shapes: (n, m) => [
      [2, 1, n, 3],
      [2, m, 3],
      [3, m],
      [m, n],
    ],
    build: ([a, b, c, d]) => {
      const x = ops.matmul(a as Value, b as Value, { transposeB: true, alpha: 0.5 });
      const y = ops.matmul(x, c as Value, { transposeB: true, transposeA: false });
      return ops.matmul(d as Value, ops.matmul(y, x, { transposeA: true }), {
        transposeA: true,
        transposeB: true,
      });
    },
    tolerance: 2e-2,
  },
  Gemm: {
    shapes: (n, m) => [
      [n, m],
      [n, 3],
      [m, 3],
    ],
    build: ([c, a, b]) => ops.addProduct(c as Value, a as Value, b as Value),
  },
  // For frozen weights only, whose products nobody differentiates.
  MatMulNBits: "refused",
  SimplifiedLayerNormalization: {
    shapes: (n, m) => [[n, 2, m + 3], [m + 3]],
    build: ([x, w]) => ops.rmsNorm(x as Value, w as Value, 1e-5),
    range: [0.5, 2],
  },
  RotaryEmbedding: {
    shapes: (n) => [[2, n, 8]],
    build: ([x]) => {
      const n = (x as Value).shape[1] as number;
      const angles = Array.from({ length: 10 }, (_, i) => i * 0.7);
      const positions = BigInt64Array.from({ length: 2 * n }, (_, i) => BigInt(i % 5));
      return ops.rotaryEmbedding(
        x as Value,
        constant(positions, [2, n]),
        constant(Float32Array.from(angles, Math.cos), [5, 2]),
        constant(Float32Array.from(angles, Math.sin), [5, 2]),
      );
    },
  },
  And: "none",
  Or: "none",
  Equal: "none",
  Greater: "none",
  GreaterOrEqual: "none",
  LessOrEqual: "none",
  Floor: "none",
  Range: "none",
  Shape: "none",
};

const STEP = 1e-2;

describe("gradients agree with central differences", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ inProcess: true, threads: 1 });
  });
  afterAll(() => engine.close());

  for (const [name, definition] of Object.entries(operations)) {
    const entry = cases[name as OpType];
    if (entry === "none") {
      test(`${name} has none`, () => expect(definition.gradient).toBe("none"));
      continue;
    }
    if (entry === "refused") {
      test(`${name} refuses by name`, () =>
        expect(() => gradientOfQuantised()).toThrow(MissingGradientError));
      continue;
    }
    test(name, async () => {
      const size = fc.integer({ min: 1, max: 4 });
      await fc.assert(
        fc.asyncProperty(size, size, fc.nat(), async (n, m, seed) => {
          const worst = await worstDifference(engine, entry, entry.shapes(n, m), seed);
          expect(worst).toBeLessThan(entry.tolerance ?? 5e-3);
        }),
        { numRuns: 4, seed: 7 },
      );
    });
  }
});

test("symbolic dimensions resolve at run time, also where two of them change places", async () => {
  const engine = await createEngine({ inProcess: true, threads: 1 });
  const [b, t] = [ops.symbol("B"), ops.symbol("T")];
  const x = input("x", "float32", [b, t, 4]);
  const y = ops.reshape(ops.transpose(ops.reshape(x, [b, t, 2, 2]), [0, 2, 1, 3]), [
    ops.multiplyDims(b, 2),
    t,
    2,
  ]);
  const [dx] = gradients([{ value: y, cotangent: ops.expand(constant(3), y.shape) }], [x]);
  const session = await engine.open(emitModel({ name: "symbolic", outputs: { y, dx: dx as Value } }));
  const outputs = await session.run({
    x: { dtype: "float32", shape: [3, 5, 4], data: new Float32Array(60).fill(1) },
  });
  expect(outputs["y"]?.shape).toEqual([6, 5, 2]);
  expect(outputs["dx"]?.shape).toEqual([3, 5, 4]);
  expect(Array.from(outputs["dx"]?.data as Float32Array)).toEqual(new Array(60).fill(3));
  await engine.close();
});

function gradientOfQuantised(): Value[] {
  const x = input("x", "float32", [2, 32]);
  const codes = constant(new Uint8Array(16), [1, 1, 16]);
  const weight = { bits: 4, blockSize: 32, codes, scales: constant(Float32Array.of(1), [1, 1]) } as const;
  const y = ops.quantisedMatmul(x, weight, "float32");
  return gradients([{ value: y, cotangent: constant(new Float32Array(2), [2, 1]) }], [x]);
}

async function worstDifference(
  engine: Engine,
  entry: Case,
  shapes: readonly (readonly number[])[],
  seed: number,
): Promise<number> {
  const random = new SeededRandom(seed);
  const [low, high] = entry.range ?? [-1.5, 1.5];
  const draw = (count: number) =>
    Float32Array.from({ length: count }, () => low + (high - low) * random.next());
  const inputs = shapes.map((shape, i) => input(`x${i}`, "float32", shape));
  const y = entry.build(inputs);
  const weights = draw(size(y.shape as readonly number[]));
  const found = gradients([{ value: y, cotangent: constant(weights, y.shape as readonly number[]) }], inputs);
  const outputs = Object.fromEntries([["y", y], ...found.map((value, i) => [`d${i}`, value] as const)]);
  const session = await engine.open(emitModel({ name: "case", outputs }));
  const points = shapes.map((shape) => ({ dtype: "float32" as const, shape, data: draw(size(shape)) }));
  const loss = async () =>
    dot((await session.run(feeds(points), { fetch: ["y"] }))["y"] as TensorData, weights);
  const analytic = await session.run(feeds(points));
  let worst = 0;
  for (const [i, point] of points.entries())
    for (let j = 0; j < point.data.length; j++) {
      const numeric = await centralDifference(point.data, j, loss);
      const exact = (analytic[`d${i}`] as TensorData).data[j] as number;
      worst = Math.max(worst, Math.abs(numeric - exact) / Math.max(1, Math.abs(exact)));
    }
  await session.close();
  return worst;
}

async function centralDifference(
  data: Float32Array,
  j: number,
  loss: () => Promise<number>,
): Promise<number> {
  const held = data[j] as number;
  data[j] = held + STEP;
  const [up, plus] = [data[j] as number, await loss()];
  data[j] = held - STEP;
  const [down, minus] = [data[j] as number, await loss()];
  data[j] = held;
  return (plus - minus) / (up - down);
}

function feeds(points: readonly TensorData[]): Record<string, TensorData> {
  return Object.fromEntries(points.map((point, i) => [`x${i}`, point]));
}

function dot(y: TensorData, weights: Float32Array): number {
  return Array.from(y.data as Float32Array).reduce(
    (sum, value, i) => sum + value * (weights[i] as number),
    0,
  );
}

function size(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
