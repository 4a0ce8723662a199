import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { floats, logSoftmax, noise, worstDifference } from "../../../test/support/tiny-model.js";
import { createEngine } from "../../engine/engine.js";
import { constant, input, multiplyDims, symbol } from "../../engine/graph/ops.js";
import { emitModel } from "../../engine/onnx/emit.js";
import type { Engine } from "../../engine/types.js";
import { LOGIT_CHUNKS, tokenLogProbs } from "./token-log-probs.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ threads: 1, inProcess: true });
});
afterAll(() => engine.close());

const [D, V, M] = [5, 11, 2 * LOGIT_CHUNKS];

/** Everything of random hidden states [M,D] under a head [V,D], with `cotangent` pulled back. */
async function run(
  hidden: Float32Array,
  head: Float32Array,
  labels: readonly number[],
  cotangent: Float32Array,
) {
  const chunk = symbol("C");
  const m = multiplyDims(LOGIT_CHUNKS, chunk);
  const found = tokenLogProbs(
    input("hidden", "float32", [m, D]),
    constant(head, [V, D]),
    input("labels", "int64", [m]),
    chunk,
  );
  const { logProbs, entropy, isCorrect, meanLogit } = found;
  const pulled = found.pullback(input("cotangent", "float32", [m]));
  const session = await engine.open(
    emitModel({ name: "tokens", outputs: { logProbs, entropy, isCorrect, meanLogit, pulled } }),
  );
  const outputs = await session.run({
    hidden: floats([M, D], hidden),
    labels: { dtype: "int64", shape: [M], data: BigInt64Array.from(labels, BigInt) },
    cotangent: floats([M], cotangent),
  });
  await session.close();
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]));
}

/** Logits [M][V] in double precision. */
function plainLogits(hidden: Float32Array, head: Float32Array): number[][] {
  return Array.from({ length: M }, (_, m) =>
    Array.from({ length: V }, (_, v) =>
      Array.from({ length: D }, (_, d) => (hidden[m * D + d] as number) * (head[v * D + d] as number)).reduce(
        (a, b) => a + b,
      ),
    ),
  );
}

describe.each([1, 8])("hidden states in ±%d", (scale) => {
  const [hidden, head] = [noise(M * D, scale, "hidden"), noise(V * D, 1, "head")];
  const logits = plainLogits(hidden, head);
  // Every other label is the likeliest token.
  const labels = logits.map((row, m) => (m % 2 ? row.indexOf(Math.max(...row)) : (m * 7) % V));
  const cotangent = noise(M, 1, "cotangent");

  test("give a plain log-softmax's log-probability, entropy, hit and mean logit", async () => {
    const got = await run(hidden, head, labels, cotangent);
    const logProbs = logits.map(logSoftmax);
    const near = (name: string, expected: readonly number[]) =>
      expect(worstDifference(got[name] ?? [], expected)).toBeLessThan(1e-5);
    near(
      "logProbs",
      labels.map((label, m) => logProbs[m]?.[label] as number),
    );
    near(
      "entropy",
      logProbs.map((row) => -row.reduce((sum, x) => sum + x * Math.exp(x), 0)),
    );
    near(
      "meanLogit",
      logits.map((row) => row.reduce((a, b) => a + b) / V),
    );
    near(
      "isCorrect",
      labels.map((label, m) => (logits[m]?.[label] === Math.max(...(logits[m] ?? [])) ? 1 : 0)),
    );
  });

  test("pull cotangents back as differences of the log-probability say", async () => {
    const { pulled } = await run(hidden, head, labels, cotangent);
    const weighted = (h: Float32Array) =>
      plainLogits(h, head).reduce(
        (sum, row, m) => sum + (cotangent[m] as number) * (logSoftmax(row)[labels[m] as number] as number),
        0,
      );
    const slopes = Array.from({ length: M * D }, (_, i) => {
      const moved = (delta: number) => hidden.map((x, j) => (j === i ? x + delta : x));
      const [up, down] = [moved(1e-3), moved(-1e-3)];
      return (weighted(up) - weighted(down)) / ((up[i] as number) - (down[i] as number));
    });
    expect(worstDifference(pulled ?? [], slopes)).toBeLessThan(1e-4);
  });
});
