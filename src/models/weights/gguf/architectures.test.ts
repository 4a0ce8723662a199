import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { LoadedModel } from "../../loaded-model.js";
import { openModel } from "../../open.js";
import { parseConfig } from "../../parse-config.js";
import {
  ggufBytes,
  inTemporaryFolder,
  TINY_TOKENS,
  tinyConfig,
  tinyGguf,
  tinyTensors,
} from "../../tiny-checkpoint.test-data.js";
import { bytesInMemory, withFile } from "../byte-source.js";
import type { FloatTensor } from "../safetensors.js";
import { checkpointName, configFromGguf } from "./llama.js";
import { parseGguf } from "./parse.js";

// From reference/gguf_names_golden.py: names by gguf's own map (layer 1 stands for all), rotary factors by transformers.
const golden: {
  readonly names: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly ropeFactors: readonly {
    readonly headDim: number;
    readonly factor: number;
    readonly ropeTheta: number;
    readonly values: string;
  }[];
} = JSON.parse(readFileSync(new URL("../../../../test/golden/gguf-names.json", import.meta.url), "utf8"));

const FIELDS = {
  qwen2: { model_type: "qwen2", architectures: ["Qwen2ForCausalLM"] },
  qwen3: {
    model_type: "qwen3",
    architectures: ["Qwen3ForCausalLM"],
    head_dim: 16,
    tie_word_embeddings: false,
  },
};

function ggufName(architecture: string, name: string): string {
  const layer = /layers\.(\d+)/.exec(name)?.[1] ?? "";
  const found = golden.names[architecture]?.[name.replace(/layers\.\d+/, "layers.1")];
  return found?.replace("blk.1.", `blk.${layer}.`) ?? "unknown";
}

/** A file of the tiny model, rows as they are. */
function gguf(architecture: "qwen2" | "qwen3", tensors: ReadonlyMap<string, FloatTensor>): Uint8Array {
  const sizes = {
    block_count: 2,
    context_length: 128,
    embedding_length: 32,
    feed_forward_length: 64,
    "attention.head_count": 4,
    "attention.head_count_kv": 2,
    "attention.layer_norm_rms_epsilon": 1e-5,
    "attention.key_length": FIELDS[architecture] === FIELDS.qwen3 ? 16 : 8,
    "rope.freq_base": 1000000,
  };
  return ggufBytes(
    {
      "general.architecture": architecture,
      ...Object.fromEntries(Object.entries(sizes).map(([key, value]) => [`${architecture}.${key}`, value])),
      "tokenizer.ggml.model": "gpt2",
      "tokenizer.ggml.pre": "qwen2",
      "tokenizer.ggml.tokens": TINY_TOKENS,
      "tokenizer.ggml.token_type": [3, 3, 1, 1, 1, 1, 1, 1],
      "tokenizer.ggml.merges": ["a b", "Ġ a"],
      "tokenizer.ggml.eos_token_id": 1,
      "tokenizer.ggml.add_bos_token": false,
    },
    Array.from(tensors, ([name, { shape, data }]) => ({
      name: ggufName(architecture, name),
      dimensions: shape.toReversed(),
      type: 0,
      bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    })),
  );
}

function weightsOf(model: LoadedModel): Map<string, number[]> {
  return new Map(
    Array.from(model.tensors.values(), ({ name, file, offset, length }) => [
      name,
      withFile(join(model.folder, file), (source) => [
        ...new Float32Array(source.read(offset, length).buffer),
      ]),
    ]),
  );
}

async function open(bytes: Uint8Array, use: (model: LoadedModel) => void): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    writeFileSync(join(folder, "model.gguf"), bytes);
    use(await openModel(join(folder, "model.gguf")));
  });
}

const plain = (tensors: ReadonlyMap<string, FloatTensor>) =>
  new Map(Array.from(tensors, ([name, { data }]) => [name, [...data]]));

test.each(Object.entries(golden.names))("tensors of %s are named as gguf names them", (_, names) => {
  for (const [name, stored] of Object.entries(names)) expect(checkpointName(stored, "test")).toBe(name);
});

test.each(["qwen2", "qwen3"] as const)(
  "%s opens with its configuration, weights and tokenizer",
  async (type) => {
    const config = tinyConfig({ ...FIELDS[type], rope_theta: 1e6 });
    const tensors = tinyTensors(config);
    await open(gguf(type, tensors), (model) => {
      expect(model.config).toEqual(config);
      expect(weightsOf(model)).toEqual(plain(tensors));
      expect(model.text.tokenizer).toMatchObject({ normalizer: { type: "NFC" }, post_processor: null });
      expect(model.text.config).toMatchObject({ model_max_length: 128 });
    });
  },
);

test("biases of interleaved projections come back in order, like their weights", async () => {
  const config = tinyConfig({ attention_bias: true });
  const tensors = tinyTensors(config);
  await open(tinyGguf({}, tensors), (model) => {
    expect(model.config.biases).toEqual(["q_proj", "k_proj", "v_proj", "o_proj"]);
    expect(weightsOf(model)).toEqual(plain(tensors));
  });
});

describe("rotary scaling", () => {
  const file = (changes: Record<string, string | number>) =>
    parseGguf(bytesInMemory("test", tinyGguf(changes)));

  test("linear", () => {
    const changes = { "llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4 };
    const { ropeScaling } = parseConfig(configFromGguf(file(changes)), "test");
    expect(ropeScaling).toEqual({ type: "linear", factor: 4 });
  });

  test.each(golden.ropeFactors)("Llama 3's, head size $headDim", ({ headDim, factor, ropeTheta, values }) => {
    const factors = new Float32Array(Uint8Array.from(Buffer.from(values, "base64")).buffer);
    const header = file({ "llama.attention.key_length": headDim, "llama.rope.freq_base": ropeTheta });
    expect(parseConfig(configFromGguf(header, factors), "test").ropeScaling).toEqual({
      type: "llama3",
      factor,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalMaxPositionEmbeddings: 8192,
    });
    const changed = factors.map((value, i) => (i === factors.length - 9 ? value * 1.01 : value));
    expect(() => configFromGguf(header, changed)).toThrow(/rope_freqs/);
  });

  test("Llama 3's tensor is found in the file", async () => {
    const head = golden.ropeFactors[1];
    const bytes = Uint8Array.from(Buffer.from(head?.values ?? "", "base64"));
    const config = tinyConfig({ head_dim: 64 });
    const tensors = new Map(tinyTensors(config));
    tensors.set("rope_freqs.weight", { shape: [32], data: new Float32Array(bytes.buffer) });
    const changes = { "llama.attention.key_length": 64, "llama.rope.freq_base": 500000 };
    await open(tinyGguf(changes, tensors), (model) => {
      expect(model.config.ropeScaling).toMatchObject({ type: "llama3", factor: 32 });
    });
  });
});
