import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { scratchEngine } from "../../../test/support/scratch-engine.js";
import {
  bySequence,
  type Feeds,
  factorFeeds,
  floats,
  packed,
  randomSegments,
  runPacked,
  worstDifference,
} from "../../../test/support/tiny-model.js";
import { InternalError } from "../../core/errors.js";
import { constant, input, matmul, quantisedMatmul } from "../../engine/graph/ops.js";
import { emitModel } from "../../engine/onnx/emit.js";
import type { Session, TensorData } from "../../engine/types.js";
import type { LoadedModel, LoraConfig, QuantisedScheme } from "../loaded-model.js";
import { loraModules } from "../lora/lora.js";
import { openModel } from "../open.js";
import { TINY_CONFIG, tinyConfig, tinyTensors, writeTinyFolder } from "../tiny-checkpoint.test-data.js";
import { BLOCK_SIZE, dequantise, quantise } from "../weights/quantise.js";
import type { FloatTensor } from "../weights/safetensors.js";
import { buildDecodeGraph } from "./decode-graph.js";
import { quantisedFolder } from "./quantised-model.js";
import { buildScoreGraph } from "./score-graph.js";

const CONFIG = { ...TINY_CONFIG, vocab_size: 23, hidden_size: 64, intermediate_size: 96 };
const { root, engine } = await scratchEngine("quantised");
/** Writes a folder of the tiny model, with weights that `change` makes of random ones. */
async function folder(name: string, changes: object, change: (name: string, t: FloatTensor) => FloatTensor) {
  const config = { ...CONFIG, ...changes };
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  const tensors = Array.from(tinyTensors(tinyConfig(config)), ([key, t]) => [key, change(key, t)] as const);
  await writeTinyFolder(path, new Map(tensors), config);
  return path;
}

/** A quantised model, and the float32 model whose weights are the dequantised ones. */
async function models(scheme: QuantisedScheme, changes: object = {}) {
  const label = `${scheme}-${Object.values(changes).join("-")}`;
  const plain = await folder(`${label}-plain`, changes, (_, tensor) => tensor);
  const same = await folder(`${label}-same`, changes, (name, { shape, data }) => {
    if (shape.length !== 2) return { shape, data };
    const isLinear = name.includes("_proj");
    const matrix = quantise(data, shape[1] as number, scheme === "int4" && isLinear ? 4 : 8, name);
    return { shape, data: dequantise(matrix) };
  });
  const quantised = await openModel(plain, { weights: scheme });
  return { quantised, exact: withActivations(quantised, "float32"), dequantised: await openModel(same) };
}

function withActivations(model: LoadedModel, activations: "int8" | "float32"): LoadedModel {
  if (!model.quantised) throw new InternalError("expected a quantised model");
  return { ...model, quantised: { ...model.quantised, activations } };
}

const segments = randomSegments(4, CONFIG.vocab_size);
async function score(model: LoadedModel, lora: LoraConfig | null = null, feeds: Feeds = {}) {
  const session = await engine.open(buildScoreGraph(model, lora));
  const rows = packed(segments);
  const outputs = await runPacked(session, rows, feeds);
  await session.close();
  return bySequence(rows, outputs["log_probs"] as Float32Array).flat();
}

const int64 = (shape: readonly number[], values: readonly number[]): TensorData => ({
  dtype: "int64",
  shape,
  data: BigInt64Array.from(values, BigInt),
});

/** Rows of equal length over caches of equal length. */
async function decode(
  { config }: LoadedModel,
  session: Session,
  rows: readonly (readonly number[])[],
  cache: Record<string, TensorData> | null = null,
) {
  const [b, t] = [rows.length, rows[0]?.length ?? 0];
  const past = cache?.["present.0.key"]?.shape[2] ?? 0;
  const empty = floats(
    [b, config.numKeyValueHeads, 1, config.headDim],
    new Float32Array(b * config.numKeyValueHeads * config.headDim),
  );
  const names = Array.from({ length: config.numHiddenLayers }, (_, l) => [`${l}.key`, `${l}.value`]).flat();
  return session.run({
    input_ids: int64([b, t], rows.flat()),
    position_ids: int64(
      [b, t],
      rows.flatMap((ids) => ids.map((_, i) => past + i)),
    ),
    past_lengths: int64(
      [b],
      rows.map(() => past),
    ),
    last_index: int64(
      [b],
      rows.map(() => t - 1),
    ),
    ...Object.fromEntries(names.map((name) => [`past.${name}`, cache?.[`present.${name}`] ?? empty])),
  });
}
const logitsOf = (outputs: Record<string, TensorData>) => outputs["logits"]?.data as Float32Array;

describe.each(["int8", "int4"] as const)("%s", (scheme) => {
  test.each([{}, { tie_word_embeddings: false }])(
    "is the float32 model of the same weights, but for the rounding of activations: %o",
    async (changes) => {
      const { quantised, exact, dequantised } = await models(scheme, changes);
      const wanted = await score(dequantised);
      expect(worstDifference(await score(exact), wanted)).toBeLessThan(1e-5);
      const rounded = worstDifference(await score(quantised), wanted);
      expect(rounded).toBeLessThan(0.03);
      expect(rounded).toBeGreaterThan(0);
    },
  );

  test("decodes alike cached and uncached, alone and in a batch", async () => {
    const { quantised, exact, dequantised } = await models(scheme);
    const rows = [
      [3, 1, 4, 1, 5, 9],
      [2, 6, 5, 3, 5, 8],
    ];
    const reference = await engine.open(buildDecodeGraph(dequantised, null));
    const wanted = logitsOf(await decode(dequantised, reference, rows));
    for (const [model, tolerance] of [
      [exact, 1e-5],
      [quantised, 0.03],
    ] as const) {
      const session = await engine.open(buildDecodeGraph(model, null));
      const whole = logitsOf(await decode(model, session, rows));
      expect(worstDifference(whole, wanted)).toBeLessThan(tolerance);
      const alone = await decode(model, session, [rows[1] as number[]]);
      expect(worstDifference(logitsOf(alone), whole.subarray(CONFIG.vocab_size))).toBeLessThan(1e-5);
      const first = await decode(
        model,
        session,
        rows.map((ids) => ids.slice(0, 4)),
      );
      const rest = await decode(
        model,
        session,
        rows.map((ids) => ids.slice(4)),
        first,
      );
      expect(worstDifference(logitsOf(rest), whole)).toBeLessThan(1e-5);
      await session.close();
    }
    await reference.close();
  });

  test("takes an adapter in float32 on top", async () => {
    const { exact, dequantised } = await models(scheme);
    const modules = loraModules(exact.config, ["all-linear"]);
    const lora: LoraConfig = { rank: 3, alpha: 6, dropout: 0, modules };
    const feeds = { ...factorFeeds(exact.config, lora), adapter_strength: floats([1], Float32Array.of(1)) };
    const wanted = await score(dequantised, lora, feeds);
    expect(worstDifference(await score(exact, lora, feeds), wanted)).toBeLessThan(1e-4);
    expect(worstDifference(await score(exact), wanted)).toBeGreaterThan(0.05);
  });
});

test("activations are rounded to 127 levels either side a block, and nothing overflows", async () => {
  const [k, n, m] = [64, 8, 3];
  // The largest codes and activations of like sign: sums that would overflow 16 bits.
  const weights = Float32Array.from({ length: k * n }, (_, i) => (i % 32 === 0 ? -1 : 1));
  const activations = Float32Array.from({ length: k * m }, (_, i) => 1 + (i % 7) / 10);
  const rounded = activations.map((x, i) => {
    const from = i - (i % BLOCK_SIZE);
    const scale = Math.max(...activations.subarray(from, from + BLOCK_SIZE).map(Math.abs)) / 127;
    return Math.round(x / scale) * scale;
  });
  for (const bits of [4, 8] as const) {
    const matrix = quantise(weights, k, bits, "w");
    const weight = {
      bits,
      blockSize: BLOCK_SIZE,
      codes: constant(matrix.codes, [n, k / 32, 4 * bits]),
      scales: constant(matrix.scales, [n, k / 32]),
    } as const;
    const centred = dequantise({ ...matrix, offsets: null });
    const y = quantisedMatmul(input("x", "float32", [m, k]), weight, "int8");
    const wanted = matmul(constant(rounded, [m, k]), constant(centred, [n, k]), { transposeB: true });
    const session = await engine.open(emitModel({ name: "product", outputs: { y, wanted } }));
    const outputs = await session.run({ x: floats([m, k], activations) });
    expect(
      worstDifference(outputs["y"]?.data as Float32Array, outputs["wanted"]?.data as Float32Array),
    ).toBeLessThan(1e-5);
    await session.close();
  }
});

test("is made once, complete or not at all, and per scheme", async () => {
  const path = await folder("once", {}, (_, { shape, data }) => ({ shape, data: data.map((x) => x / 2) }));
  const phases: string[] = [];
  const onProgress = ({ phase }: { phase: string }) => phases.push(phase);
  const first = await openModel(path, { weights: "int4", onProgress });
  expect(phases).toContain("quantise");
  phases.length = 0;
  const second = await openModel(path, { weights: "int4", onProgress });
  expect(phases).toEqual([]);
  expect(second).toEqual(first);
  expect((await openModel(path)).quantised).toBeUndefined();
  expect(quantisedFolder(first.hash, "int8")).not.toBe(first.folder);
  expect(existsSync(quantisedFolder(first.hash, "int8"))).toBe(false);
  expect(readdirSync(join(root, "cache", "quantised")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});
