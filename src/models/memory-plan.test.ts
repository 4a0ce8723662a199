import { expect, test } from "vitest";
import { ConfigError } from "../core/errors.js";
import { exp, external, input, matmul, symbol } from "../engine/graph/ops.js";
import { describePlan, memoryPlan, requireRoom, sessionMemory } from "./memory-plan.js";

test("a session holds its weights and the largest of its runs, outputs twice", () => {
  const x = input("x", "float32", [symbol("B"), 4]);
  const w = external("w", "float32", [8, 4], { file: "w", offset: 0, length: 128 });
  const y = exp(matmul(x, w, { transposeB: true }));
  const graph = { name: "graph", outputs: { y } };
  // Product and result of 8·B numbers, and the result once more in JavaScript.
  expect(sessionMemory(graph, [{ B: 2 }, { B: 5 }, { B: 1 }])).toEqual({
    weights: 128,
    activations: 3 * 160,
  });
});

test("a plan adds up, names what is large, and is refused in one line with what would fit", () => {
  const plan = memoryPlan({ weights: 1.5e9, activations: 2.1e9, cache: 0, adapter: 1e7 });
  expect(plan.parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(plan.bytes);
  expect(plan.parts.map(({ name }) => name)).toEqual(["weights", "activations", "adapter", "runtime"]);
  expect(describePlan(plan)).toBe("3.9 GB (weights 1.5, activations 2.1, runtime 0.3)");
  expect(() => requireRoom("training", plan, plan.bytes, () => "never asked")).not.toThrow();
  const refuse = () => requireRoom("training", plan, 3e9, () => "--token-budget 512 fits");
  expect(refuse).toThrow(ConfigError);
  expect(refuse).toThrow(
    "training: expected at most 3.0 GB of memory, got 3.9 GB (weights 1.5, activations 2.1, runtime 0.3)",
  );
});
