import { beforeAll, describe, expect, test } from "vitest";
import { scratchEngine } from "../../../test/support/scratch-engine.js";
import {
  factorFeeds,
  floats,
  noise,
  openRandom,
  packed,
  randomSegments,
  runPacked,
  worstDifference,
} from "../../../test/support/tiny-model.js";
import { ConfigError } from "../../core/errors.js";
import { constant, input, type Value } from "../../engine/graph/ops.js";
import { emitModel } from "../../engine/onnx/emit.js";
import type { TensorData } from "../../engine/types.js";
import { linearShape } from "../decoder/linear-layers.js";
import { buildScoreGraph } from "../decoder/score-graph.js";
import type { LoadedModel, LoraConfig } from "../loaded-model.js";
import { tinyConfig } from "../tiny-checkpoint.test-data.js";
import { DropoutNoise, loraFactors, loraModules } from "./lora.js";

let model: LoadedModel;
const { root, engine } = await scratchEngine("lora");
beforeAll(async () => {
  model = await openRandom(root);
});
describe("an adapter in a graph", () => {
  const rows = packed(randomSegments(3, 23));
  const strength = (value: number) => ({ adapter_strength: floats([1], Float32Array.of(value)) });
  let base: Float32Array;
  let scored: (feeds: Record<string, TensorData>) => Promise<Float32Array>;
  let lora: LoraConfig;

  beforeAll(async () => {
    lora = { rank: 3, alpha: 6, dropout: 0.5, modules: loraModules(model.config, ["all-linear"]) };
    const plain = await engine.open(buildScoreGraph(model, null));
    base = (await runPacked(plain, rows))["log_probs"] as Float32Array;
    await plain.close();
    const session = await engine.open(buildScoreGraph(model, lora));
    scored = async (feeds) => (await runPacked(session, rows, feeds))["log_probs"] as Float32Array;
  });

  test("is the base where B is zero, and at strength 0", async () => {
    const zeroB = factorFeeds(model.config, lora, true);
    expect(worstDifference(await scored({ ...zeroB, ...strength(1) }), base)).toBeLessThan(1e-6);
    const factors = factorFeeds(model.config, lora);
    expect(worstDifference(await scored({ ...factors, ...strength(0) }), base)).toBeLessThan(1e-6);
    expect(worstDifference(await scored({ ...factors, ...strength(1) }), base)).toBeGreaterThan(0.05);
  });

  test.each([0.3, -1, 2])("at strength %d is the adapter with all B scaled by it", async (s) => {
    const factors = factorFeeds(model.config, lora);
    const scaled = Object.fromEntries(
      Object.entries(factors).map(([name, { shape, data }]) => [
        name,
        floats(
          shape,
          (data as Float32Array).map((x) => (name.includes(".lora_B.") ? s * x : x)),
        ),
      ]),
    );
    const dialled = await scored({ ...factors, ...strength(s) });
    expect(worstDifference(dialled, await scored({ ...scaled, ...strength(1) }))).toBeLessThan(1e-4);
  });
});

describe("dropout", () => {
  const [N, W] = [40, 50];
  const fields = {
    a: floats(
      [N, W],
      noise(N * W, 0.5, "a").map((x) => x + 0.5),
    ),
    b: floats(
      [N, W],
      noise(N * W, 0.5, "b").map((x) => x + 0.5),
    ),
  };

  /** Ones after dropout, by layer. */
  async function dropped(p: number, layers: readonly number[], width = W): Promise<Float32Array[]> {
    const field = new DropoutNoise(input("a", "float32", [N, W]), input("b", "float32", [N, W]));
    const ones = constant(new Float32Array(N * width).fill(1), [N, width]);
    const outputs = Object.fromEntries(
      layers.map((layer): [string, Value] => [`y${layer}`, field.drop(ones, p, layer)]),
    );
    const session = await engine.open(emitModel({ name: "dropout", outputs }));
    const results = await session.run(fields);
    await session.close();
    return layers.map((layer) => results[`y${layer}`]?.data as Float32Array);
  }

  test.each([0.05, 0.3, 0.9])("keeps about 1 − p and scales what it keeps: p = %d", async (p) => {
    for (const values of await dropped(p, [0, 1, 7, 200])) {
      const kept = values.filter((x) => x > 0);
      expect(Math.abs(kept.length / values.length - (1 - p))).toBeLessThan(
        4 * Math.sqrt((p * (1 - p)) / (N * W)),
      );
      expect(
        worstDifference(
          kept,
          kept.map(() => 1 / (1 - p)),
        ),
      ).toBeLessThan(1e-6);
    }
  });

  test("two layers drop independently of each other, a narrow layer the columns of a wide one", async () => {
    const [first, second] = (await dropped(0.3, [3, 4])) as [Float32Array, Float32Array];
    const both = first.filter((x, i) => x > 0 && (second[i] as number) > 0).length / (N * W);
    expect(Math.abs(both - 0.49)).toBeLessThan(0.05);
    const [narrow] = (await dropped(0.3, [3], 20)) as [Float32Array];
    expect(narrow).toEqual(first.filter((_, i) => i % W < 20));
  });
});

describe("modules and factors", () => {
  const config = tinyConfig({ num_hidden_layers: 1 });

  test("targets stand for modules in checkpoint order", () => {
    expect(loraModules(config, ["v_proj", "q_proj"])).toEqual([
      "model.layers.0.self_attn.q_proj",
      "model.layers.0.self_attn.v_proj",
    ]);
    expect(loraModules(config, ["all-linear"])).toHaveLength(7);
    expect(() => loraModules(config, ["q_proj", "lm_head"])).toThrow(/got lm_head/);
    expect(() => loraModules(config, ["embed"])).toThrow(ConfigError);
  });

  test("factors have the layer's widths, A before B", () => {
    const modules = loraModules(config, ["down_proj", "k_proj"]);
    expect(loraFactors(config, { rank: 3, alpha: 1, dropout: 0, modules })).toEqual([
      { name: "base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight", shape: [3, 32] },
      { name: "base_model.model.model.layers.0.self_attn.k_proj.lora_B.weight", shape: [16, 3] },
      { name: "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight", shape: [3, 64] },
      { name: "base_model.model.model.layers.0.mlp.down_proj.lora_B.weight", shape: [32, 3] },
    ]);
    expect(() => linearShape(config, "model.layers.0.mlp.router")).toThrow(ConfigError);
  });
});
