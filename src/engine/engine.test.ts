import { describe, expect, test } from "vitest";
import { ConfigError, ExecutionError } from "../core/errors.js";
import { createEngine } from "./engine.js";
import { input, mul } from "./graph/ops.js";
import { emitModel } from "./onnx/emit.js";

describe("createEngine", () => {
  test.each([
    ["cuda", /--device cuda: not available, .*cache/],
    ["webgpu", /--device webgpu: not available/],
    ["tpu", /--device: expected cpu, cuda or webgpu, got tpu/],
  ])("refuses %s with the reason", async (device, reason) => {
    const refused = createEngine({ device, inProcess: true });
    await expect(refused).rejects.toThrow(ConfigError);
    await expect(refused).rejects.toThrow(reason);
    await expect(refused).rejects.toMatchObject({ hint: "use --device cpu" });
  });

  test.each([0, -1, 1.5, Number.NaN])("refuses %d threads", async (threads) => {
    await expect(createEngine({ threads, inProcess: true })).rejects.toThrow(/--threads/);
  });

  test("uses all cores unless told otherwise", async () => {
    const engine = await createEngine({ inProcess: true });
    expect(engine).toMatchObject({ device: "cpu" });
    expect(engine.threads).toBeGreaterThanOrEqual(1);
    await engine.close();
  });
});

test("a closed engine refuses work instead of keeping the caller waiting", async () => {
  const engine = await createEngine({ threads: 1, inProcess: true });
  const model = emitModel({ name: "double", outputs: { y: mul(input("x", "float32", [1]), 2) } });
  const session = await engine.open(model);
  await engine.close();
  const feed = { dtype: "float32" as const, shape: [1], data: Float32Array.of(1) };
  await expect(session.run({ x: feed })).rejects.toThrow(ExecutionError);
  await expect(engine.open(model)).rejects.toThrow("engine: is closed");
});

test("calls are served in order, also after one that failed", async () => {
  const engine = await createEngine({ threads: 1, inProcess: true });
  const session = await engine.open(
    emitModel({ name: "double", outputs: { y: mul(input("x", "float32", [1]), 2) } }),
  );
  const buffer = await engine.allocate([1], Float32Array.of(1));
  const results = await Promise.allSettled([
    session.run({ x: buffer }),
    session.run({}),
    engine.write(buffer, Float32Array.of(5)),
    session.run({ x: buffer }),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  const values = results.map((result) =>
    result.status === "fulfilled" && result.value ? [...(result.value["y"]?.data ?? [])] : null,
  );
  expect(values).toEqual([[2], null, null, [10]]);
  await engine.close();
});
