import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../core/errors.js";
import { evaluateDim } from "./dim.js";
import {
  add,
  addDims,
  exp,
  external,
  gradients,
  input,
  matmul,
  mul,
  multiplyDims,
  neg,
  reduceSum,
  reshape,
  symbol,
  type Value,
} from "./ops.js";
import { graphMemory } from "./peak-memory.js";
import { executionOrder } from "./topology.js";
import { isPacked, residentWeights } from "./weight-memory.js";

const weight = (name: string, shape: readonly [number, number]): Value =>
  external(name, "float32", shape, { file: "w", offset: 0, length: 4 * shape[0] * shape[1] });

test("a dimension is evaluated term by term, and a symbol without a value is refused", () => {
  const [b, t] = [symbol("B"), symbol("T")];
  expect(evaluateDim(addDims(multiplyDims(2, b, t), 3), { B: 5, T: 7 })).toBe(73);
  expect(() => evaluateDim(b, { T: 1 })).toThrow(ShapeError);
});

describe("activations", () => {
  test("count what is alive at the widest node, by hand", () => {
    const x = input("x", "float32", [symbol("B"), 4]);
    const h = matmul(x, weight("w", [8, 4]), { transposeB: true });
    const y = exp(h);
    const z = mul(y, h);
    const sum = reduceSum(z, [1]);
    // h, y and z of 10·8 numbers each; x is fed, the sum of 10 comes when h and y are gone.
    expect(graphMemory([sum], { B: 10 })).toMatchObject({ inputs: 160, activations: 3 * 320, outputs: 40 });
  });

  test("a reshaped tensor is no second one, and keeps the first alive", () => {
    const x = input("x", "float32", [symbol("B"), 4]);
    const flat = reshape(neg(x), [multiplyDims(4, symbol("B"))]);
    const first = exp(flat);
    // neg and exp of 40 numbers, then exp and its exp, then the sum of that and the reshaped one.
    expect(graphMemory([exp(first)], { B: 10 }).activations).toBe(2 * 160);
    expect(graphMemory([add(exp(exp(first)), flat)], { B: 10 }).activations).toBe(3 * 160);
  });

  test("outputs stay to the end", () => {
    const x = input("x", "float32", [100]);
    const chain = exp(exp(exp(x)));
    expect(graphMemory([chain], {}).activations).toBe(800);
    const [a, b] = [exp(x), neg(x)];
    expect(graphMemory([a, b, exp(b)], {})).toMatchObject({ activations: 1200, outputs: 1200 });
  });

  test("a backward pass keeps one tensor a layer", () => {
    const kept = (layers: number): number => {
      const x = input("x", "float32", [1000]);
      let y: Value = x;
      for (let i = 0; i < layers; i++) y = exp(y);
      return graphMemory([reduceSum(y, [0]), ...gradients([{ value: reduceSum(y, [0]) }], [x])], {})
        .activations;
    };
    expect(kept(20) - kept(10)).toBe(10 * 4000);
  });

  test("grow with the dimensions, and are never less than one node's tensors or more than all", () => {
    const size = fc.integer({ min: 1, max: 50 });
    fc.assert(
      fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 12 }), size, (picks, b) => {
        const values: Value[] = [input("x", "float32", [symbol("B"), 4])];
        for (const pick of picks) values.push(exp(values[pick % values.length] as Value));
        const last = values.at(-1) as Value;
        const bytes = (n: number) => graphMemory([last], { B: n }).activations;
        const nodes = executionOrder([last]).length;
        expect(bytes(b)).toBe(b * bytes(1));
        expect(bytes(1)).toBeGreaterThanOrEqual(16 * Math.min(2, nodes));
        expect(bytes(1)).toBeLessThanOrEqual(16 * nodes);
      }),
      { numRuns: 50 },
    );
  });
});

test("nodes run after what they read, the last of the leaves first", () => {
  const x = input("x", "float32", [2]);
  const [a, b] = [exp(x), neg(x)];
  const [left, right] = [exp(a), exp(b)];
  const order = executionOrder([left, right]).flatMap(({ outputs }) => outputs);
  expect(order).toEqual([b, right, a, left]);
});

describe("weights", () => {
  test("are packed once for each way in which a product reads them", () => {
    const x = input("x", "float32", [symbol("B"), 4]);
    const [w, v] = [weight("w", [8, 4]), weight("v", [8, 4])];
    const y = matmul(add(matmul(x, w, { transposeB: true }), matmul(x, w, { transposeB: true })), w);
    const z = add(reduceSum(y, [1]), reduceSum(mul(v, 2), [0, 1]));
    const { weights } = graphMemory([z], { B: 3 });
    // The sum of v is computed once: four bytes stay of it.
    expect(weights).toEqual({ mapped: 132, packed: 256, unpacked: 4, folded: 128 });
    expect([isPacked(weights), residentWeights(weights)]).toEqual([true, 260]);
  });

  test("stay mapped where copies would need another gibibyte", () => {
    const large = { mapped: 2 ** 30, packed: 2 ** 31 + 1, unpacked: 0, folded: 0 };
    expect([isPacked(large), residentWeights(large)]).toEqual([false, 2 ** 30]);
    expect(isPacked({ ...large, packed: 2 ** 31 })).toBe(true);
  });
});
