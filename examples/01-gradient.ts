/**
 * A function as a graph, its gradient as another graph, both run by ONNX Runtime.
 * Run: npx tsx examples/01-gradient.ts
 */
import {
  createEngine,
  emitModel,
  gradients,
  input,
  matmul,
  mul,
  reduceSum,
  sub,
  type Value,
} from "safe-to-serve/engine";

// Least squares: loss(w) = Σ (x·w − y)², with x [3,2], w [2,1], y [3,1].
const x = input("x", "float32", [3, 2]);
const w = input("w", "float32", [2, 1]);
const y = input("y", "float32", [3, 1]);
const error = sub(matmul(x, w), y);
const loss = reduceSum(mul(error, error), [0, 1]);
const [gradient] = gradients([{ value: loss }], [w]) as [Value];

const engine = await createEngine({ threads: 1 });
const session = await engine.open(emitModel({ name: "least squares", outputs: { loss, gradient } }));
const tensor = (shape: number[], ...data: number[]) => ({
  dtype: "float32" as const,
  shape,
  data: Float32Array.from(data),
});

// Plain gradient descent finds the weights that made y: 2 and −1.
const weights = tensor([2, 1], 0, 0);
for (let step = 0; step < 100; step++) {
  const outputs = await session.run({
    x: tensor([3, 2], 1, 0, 0, 1, 1, 1),
    w: weights,
    y: tensor([3, 1], 2, -1, 1),
  });
  for (const [i, slope] of Array.from(outputs["gradient"]?.data ?? [], Number).entries())
    weights.data[i] = (weights.data[i] ?? 0) - 0.1 * slope;
}
await engine.close();
console.log(`weights ${Array.from(weights.data, (value) => value.toFixed(3)).join(", ")} (expected 2, -1)`);
