import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CheckpointError, ConfigError, FetchError } from "../core/errors.js";
import type { OpenProgress } from "./hub/progress.js";
import type { LoadedModel } from "./loaded-model.js";
import { openModel } from "./open.js";
import {
  inTemporaryFolder,
  safetensorsBytes,
  TINY_CONFIG,
  tinyConfig,
  tinyGguf,
  tinyTensors,
  writeTinyFolder,
} from "./tiny-checkpoint.test-data.js";
import { withFile } from "./weights/byte-source.js";
import { writeSafetensors } from "./weights/safetensors.js";

/** All weights of an opened model, read from where it says they lie. */
function weightsOf(model: LoadedModel): Record<string, number[]> {
  const values = Array.from(model.tensors.values(), ({ name, file, offset, length }) => [
    name,
    withFile(join(model.folder, file), (source) => [...new Float32Array(source.read(offset, length).buffer)]),
  ]);
  return Object.fromEntries(values) as Record<string, number[]>;
}

const expectedWeights = Object.fromEntries(
  Array.from(tinyTensors(), ([name, { data }]) => [name, [...data]]),
);

describe("a Hugging Face folder", () => {
  test("float32 weights are used where they lie", () =>
    inTemporaryFolder(async (folder) => {
      await writeTinyFolder(folder);
      const model = await openModel(folder);
      expect(model.folder).toBe(realpathSync(folder));
      expect(weightsOf(model)).toEqual(expectedWeights);
      expect(existsSync(join(folder, "cache", "converted"))).toBe(false);
    }));

  test("links of a hub cache are resolved to the folder of the blobs", () =>
    inTemporaryFolder(async (folder) => {
      const [blobs, snapshot] = [join(folder, "blobs"), join(folder, "snapshot")];
      mkdirSync(blobs);
      mkdirSync(snapshot);
      await writeTinyFolder(snapshot);
      renameSync(join(snapshot, "model.safetensors"), join(blobs, "0123"));
      symlinkSync(join("..", "blobs", "0123"), join(snapshot, "model.safetensors"));
      const model = await openModel(snapshot);
      expect(model.folder).toBe(realpathSync(blobs));
      expect(weightsOf(model)).toEqual(expectedWeights);
    }));

  test("shards are put together", () =>
    inTemporaryFolder(async (folder) => {
      await writeTinyFolder(folder);
      renameSync(join(folder, "model.safetensors"), join(folder, "whole"));
      const all = [...tinyTensors()];
      const names = ["model-1.safetensors", "model-2.safetensors"] as const;
      await writeSafetensors(join(folder, names[0]), new Map(all.slice(0, 5)));
      await writeSafetensors(join(folder, names[1]), new Map(all.slice(5)));
      const weight_map = Object.fromEntries(all.map(([name], i) => [name, names[i < 5 ? 0 : 1]]));
      writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map }));
      expect(weightsOf(await openModel(folder))).toEqual(expectedWeights);
    }));

  test("BF16 weights are converted once, and found again at once", () =>
    inTemporaryFolder(async (folder) => {
      await writeTinyFolder(folder);
      writeFileSync(join(folder, "model.safetensors"), bfloat16File());
      const steps: OpenProgress[] = [];
      const model = await openModel(folder, { onProgress: (step) => steps.push(step) });
      expect(steps.at(-1)).toMatchObject({ phase: "convert", doneBytes: steps.at(-1)?.totalBytes });
      const rounded = Object.fromEntries(
        Object.entries(expectedWeights).map(([name, values]) => [name, values.map(towardsZeroBF16)]),
      );
      expect(weightsOf(model)).toEqual(rounded);
      steps.length = 0;
      const again = await openModel(folder, { onProgress: (step) => steps.push(step) });
      expect(steps).toEqual([]);
      expect(again).toEqual(model);
    }));

  test("a changed weight changes the hash, also when the file keeps its size", () =>
    inTemporaryFolder(async (folder) => {
      await writeTinyFolder(folder);
      const before = await openModel(folder);
      expect((await openModel(folder)).hash).toBe(before.hash);
      const bytes = readFileSync(join(folder, "model.safetensors"));
      bytes[bytes.length - 1] = 0;
      writeFileSync(join(folder, "model.safetensors"), bytes);
      utimesSync(join(folder, "model.safetensors"), 1, 1);
      expect((await openModel(folder)).hash).not.toBe(before.hash);
    }));

  test("template and end tokens are taken from where Hugging Face puts them", () =>
    inTemporaryFolder(async (folder) => {
      await writeTinyFolder(folder);
      const config = { chat_template: [{ name: "default", template: "A" }] };
      writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(config));
      expect((await openModel(folder)).text).toMatchObject({ chatTemplate: "A", eosTokenIds: [1] });
      writeFileSync(join(folder, "chat_template.jinja"), "B");
      writeFileSync(join(folder, "generation_config.json"), JSON.stringify({ eos_token_id: [3, 4] }));
      expect((await openModel(folder)).text).toMatchObject({ chatTemplate: "B", eosTokenIds: [3, 4] });
    }));

  test("missing, misshapen and unknown tensors are refused by name", () =>
    inTemporaryFolder(async (folder) => {
      const tensors = tinyTensors();
      await writeTinyFolder(folder, tensors, { ...TINY_CONFIG, tie_word_embeddings: false });
      await expect(openModel(folder)).rejects.toThrow(/missing: lm_head\.weight/);
      await writeTinyFolder(folder, tensors, { ...TINY_CONFIG, intermediate_size: 65 });
      await expect(openModel(folder)).rejects.toThrow(
        /gate_proj\.weight: expected shape \[65,32\].*got \[64,32\]/,
      );
      const bias = { shape: [32], data: new Float32Array(32) };
      await writeTinyFolder(folder, new Map([...tensors, ["model.layers.0.self_attn.q_proj.bias", bias]]));
      await expect(openModel(folder)).rejects.toThrow(/q_proj\.bias/);
    }));

  test("an incomplete folder says what is missing", () =>
    inTemporaryFolder(async (folder) => {
      await expect(openModel(folder)).rejects.toThrow(/config\.json: no such file/);
      writeFileSync(join(folder, "config.json"), JSON.stringify(TINY_CONFIG));
      await expect(openModel(folder)).rejects.toThrow(/model\.safetensors: no such file/);
    }));
});

describe("a file", () => {
  test("GGUF gives the weights, tokenizer and hash of the file; a second opening converts nothing", () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "tiny.gguf");
      writeFileSync(path, tinyGguf());
      const model = await openModel(path);
      expect(model.config).toEqual(tinyConfig());
      expect(weightsOf(model)).toEqual(expectedWeights);
      expect(model.hash).toBe(createHash("sha256").update(tinyGguf()).digest("hex"));
      expect(model.text).toMatchObject({ chatTemplate: "{{ messages[0].content }}", eosTokenIds: [1] });
      const steps: OpenProgress[] = [];
      expect(await openModel(path, { onProgress: (step) => steps.push(step) })).toEqual(model);
      expect(steps).toEqual([]);
    }));

  test("two openings at once make one conversion and leave no temporary folder", () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "tiny.gguf");
      writeFileSync(path, tinyGguf());
      const [a, b] = await Promise.all([openModel(path), openModel(path)]);
      expect(a).toEqual(b);
      expect(readdirSync(join(folder, "cache", "converted"))).toHaveLength(1);
    }));

  test("a conversion that fails leaves nothing behind", () =>
    inTemporaryFolder(async (folder) => {
      const tensors = tinyTensors();
      tensors.delete("model.norm.weight");
      writeFileSync(join(folder, "tiny.gguf"), tinyGguf({}, tensors));
      await expect(openModel(join(folder, "tiny.gguf"))).rejects.toThrow(/model\.norm\.weight is missing/);
      expect(existsSync(join(folder, "cache", "converted"))).toBe(false);
    }));

  test(".safetensors opens with the config beside it; other files are refused", () =>
    inTemporaryFolder(async (folder) => {
      await writeTinyFolder(folder);
      renameSync(join(folder, "model.safetensors"), join(folder, "other.safetensors"));
      expect(weightsOf(await openModel(join(folder, "other.safetensors")))).toEqual(expectedWeights);
      await expect(openModel(join(folder, "config.json"))).rejects.toThrow(CheckpointError);
    }));
});

describe("a name", () => {
  test("that is nothing at all is refused with the names that are known", async () => {
    await expect(openModel("no-such-model")).rejects.toThrow(ConfigError);
    await expect(openModel("no-such-model")).rejects.toHaveProperty(
      "hint",
      expect.stringContaining("smollm2-135m-instruct"),
    );
  });

  test("of the hub opens from the hub's own cache, and offline nothing is asked of the network", () =>
    inTemporaryFolder(async (folder) => {
      process.env["HF_HUB_CACHE"] = folder;
      try {
        await expect(openModel("org/tiny", { offline: true })).rejects.toThrow(FetchError);
        const repository = join(folder, "models--org--tiny");
        mkdirSync(join(repository, "refs"), { recursive: true });
        writeFileSync(join(repository, "refs", "main"), "abc");
        await writeTinyFolder(join(repository, "snapshots", "abc"));
        const model = await openModel("org/tiny", { offline: true });
        expect(model.id).toBe("org/tiny");
        expect(weightsOf(model)).toEqual(expectedWeights);
      } finally {
        delete process.env["HF_HUB_CACHE"];
      }
    }));

  test("smollm2-135m-instruct opens as the embedded model", async () => {
    const model = await openModel("smollm2-135m-instruct");
    expect(model.hash).toBe("b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");
    expect(model.config).toMatchObject({
      numHiddenLayers: 30,
      hiddenSize: 576,
      vocabSize: 49152,
      ropeTheta: 1e5,
    });
    expect(model.tensors.size).toBe(272);
    expect([...model.tensors.values()].every(({ offset }) => offset % 64 === 0)).toBe(true);
    expect(model.text.eosTokenIds).toEqual([2]);
    expect(model.text.chatTemplate).toContain("<|im_start|>");
  }, 300_000);
});

/** The tiny model with BF16 weights, cut towards zero. */
function bfloat16File(): Uint8Array {
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of tinyTensors()) {
    const bits = Uint16Array.from(new Uint32Array(data.buffer), (word) => word >>> 16);
    parts.push(new Uint8Array(bits.buffer));
    header[name] = { dtype: "BF16", shape, data_offsets: [offset, offset + bits.byteLength] };
    offset += bits.byteLength;
  }
  return safetensorsBytes(header, Buffer.concat(parts));
}

function towardsZeroBF16(value: number): number {
  const word = new Uint32Array(new Float32Array([value]).buffer).map((bits) => bits & 0xffff0000);
  return new Float32Array(word.buffer)[0] ?? Number.NaN;
}
