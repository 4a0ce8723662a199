import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SeededRandom } from "../../core/random.js";
import type { Adapter, LoraConfig } from "../loaded-model.js";
import { inTemporaryFolder, tinyConfig } from "../tiny-checkpoint.test-data.js";
import { type FloatTensor, writeSafetensors } from "../weights/safetensors.js";
import { makeAdapter, readAdapter, withHead, writeAdapter } from "./adapter.js";

const baseConfig = tinyConfig();
const origin = { baseModelId: "tiny", baseConfig };
const queries = ["model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj"];

/** An adapter on square modules of the tiny model. */
function adapterOn(modules: readonly string[], rank = 2): Adapter {
  const random = new SeededRandom("adapter");
  const config: LoraConfig = { rank, alpha: 3, dropout: 0.25, modules };
  const factors = new Map<string, FloatTensor>();
  for (const module of modules) {
    for (const [side, shape] of [
      ["A", [rank, 32]],
      ["B", [32, rank]],
    ] as const) {
      const data = Float32Array.from({ length: shape[0] * shape[1] }, () => random.next());
      factors.set(`base_model.model.${module}.lora_${side}.weight`, { shape, data });
    }
  }
  return makeAdapter(config, factors);
}

async function changeConfig(folder: string, changes: Record<string, unknown>): Promise<void> {
  const path = join(folder, "adapter_config.json");
  const json = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  writeFileSync(path, JSON.stringify({ ...json, ...changes }));
}

test.each([[queries], [queries.slice(1)]])("what is written is read back, hash included: %s", (modules) =>
  inTemporaryFolder(async (folder) => {
    const adapter = adapterOn(modules);
    await writeAdapter(folder, adapter, origin);
    expect(await readAdapter(folder, baseConfig)).toEqual(adapter);
  }),
);

test("layers have short names in the config only when all of them are meant", () =>
  inTemporaryFolder(async (folder) => {
    const targets = () =>
      (JSON.parse(readFileSync(join(folder, "adapter_config.json"), "utf8")) as { target_modules: string[] })
        .target_modules;
    await writeAdapter(folder, adapterOn(queries), origin);
    expect(targets()).toEqual(["q_proj"]);
    await writeAdapter(folder, adapterOn(queries.slice(1)), origin);
    expect(targets()).toEqual(queries.slice(1));
  }));

test("the hash depends on factors, rank, alpha and modules", () => {
  const adapter = adapterOn(queries);
  const scaled = makeAdapter({ ...adapter.config, alpha: 4 }, adapter.factors);
  const hashes = new Set(
    [adapter, scaled, adapterOn(queries, 3), adapterOn(queries.slice(1))].map((a) => a.hash),
  );
  expect(hashes.size).toBe(4);
});

test.each([
  ["DoRA", { use_dora: true }, /use_dora/],
  ["rank-stabilised scaling", { use_rslora: true }, /use_rslora/],
  ["biases", { bias: "lora_only" }, /bias/],
  ["fully trained modules", { modules_to_save: ["lm_head"] }, /modules_to_save/],
  ["ranks by layer", { rank_pattern: { q_proj: 4 } }, /rank_pattern/],
  ["scales by layer", { alpha_pattern: { q_proj: 4 } }, /alpha_pattern/],
  ["an adapted head", { target_modules: ["q_proj", "lm_head"] }, /target_modules.*q_proj.*lm_head/],
  ["adapted embeddings", { target_modules: ["q_proj", "model.embed_tokens"] }, /embed_tokens/],
  ["chosen layers without factors", { layers_to_transform: [1, 2], target_modules: ["k_proj"] }, /layers.1/],
  ["a base changed at the start", { init_lora_weights: "pissa_niter_4" }, /init_lora_weights/],
  ["another method", { peft_type: "IA3" }, /peft_type/],
  ["a rank that the factors do not have", { r: 3 }, /rank 3/],
  ["targets without factors", { target_modules: ["q_proj", "v_proj"] }, /v_proj.*no factors/],
  ["an impossible dropout", { lora_dropout: 1 }, /lora_dropout/],
])("refuses %s by name", (_, changes, message) =>
  inTemporaryFolder(async (folder) => {
    await writeAdapter(folder, adapterOn(queries), origin);
    await changeConfig(folder, changes);
    await expect(readAdapter(folder, baseConfig)).rejects.toThrow(message);
  }),
);

test("an adapter of another model is refused with that model's name", () =>
  inTemporaryFolder(async (folder) => {
    await writeAdapter(folder, adapterOn(queries), origin);
    const other = tinyConfig({ hidden_size: 48, num_attention_heads: 6 });
    await expect(readAdapter(folder, other)).rejects.toThrow(/does not fit the model/);
    await expect(readAdapter(folder, other)).rejects.toHaveProperty(
      "hint",
      expect.stringContaining('"tiny"'),
    );
    await expect(readAdapter(folder, tinyConfig({ num_hidden_layers: 1 }))).rejects.toThrow(
      /no linear layer/,
    );
  }));

test("an adapter of some layers only is read as PEFT describes it", () =>
  inTemporaryFolder(async (folder) => {
    const adapter = adapterOn(queries.slice(1));
    await writeAdapter(folder, adapter, origin);
    await changeConfig(folder, { target_modules: ["q_proj"], layers_to_transform: [1] });
    expect(await readAdapter(folder, baseConfig)).toEqual(adapter);
    await changeConfig(folder, { layers_to_transform: 0 });
    await expect(readAdapter(folder, baseConfig)).rejects.toThrow(/layers\.0\.self_attn\.q_proj too/);
  }));

test.each([
  "base_model.model.lm_head.lora_A.weight",
  "base_model.model.model.embed_tokens.lora_embedding_A",
  "base_model.model.lm_head.base_layer.weight",
  "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector.weight",
])("a tensor that would not be applied is refused by name: %s", (name) =>
  inTemporaryFolder(async (folder) => {
    const adapter = adapterOn(queries);
    await writeAdapter(folder, adapter, origin);
    const extra: FloatTensor = { shape: [2, 32], data: new Float32Array(64) };
    await writeSafetensors(
      join(folder, "adapter_model.safetensors"),
      new Map([...adapter.factors, [name, extra]]),
    );
    await expect(readAdapter(folder, baseConfig)).rejects.toThrow(`alone, got ${name}`);
  }),
);

test("a class head is read back where one is asked for, and is no part of a language model's adapter", () =>
  inTemporaryFolder(async (folder) => {
    const head = { shape: [2, 32], data: Float32Array.from({ length: 64 }, (_, i) => i / 64) };
    const adapter = withHead(adapterOn(queries), head);
    await writeAdapter(folder, adapter, origin);
    expect(await readAdapter(folder, baseConfig, { head: true })).toEqual(adapter);
    await expect(readAdapter(folder, baseConfig)).rejects.toThrow(/modules_to_save/);
    await writeAdapter(folder, adapterOn(queries), origin);
    expect((await readAdapter(folder, baseConfig, { head: true })).config.labels).toBeUndefined();
    await writeAdapter(folder, withHead(adapterOn(queries), { ...head, shape: [4, 16] }), origin);
    await expect(readAdapter(folder, baseConfig, { head: true })).rejects.toThrow(/head \[labels, 32\]/);
  }));
