/** @file Checkpoints that are cut, damaged, absurd or meant to do harm, through the command line. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  ggufBytes,
  inTemporaryFolder,
  safetensorsBytes,
  tinyGguf,
  tinyTensors,
} from "../src/models/tiny-checkpoint.test-data.js";
import { expectRefusal } from "./support/command.js";
import { type GoldenModel, goldenModels, writeGolden } from "./support/tiny-model.js";

const golden = goldenModels.variants[0] as GoldenModel;
const files = golden.files;
const weights = Buffer.from(files["model.safetensors.base64"] as string, "base64");
const headerEnd = 8 + Number(weights.readBigUInt64LE(0));
const header = JSON.parse(weights.subarray(8, headerEnd).toString()) as Record<string, Entry>;

interface Entry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

/** The model's weights with a changed header. */
function withHeader(change: (header: Record<string, Entry>) => unknown): Uint8Array {
  const copy = structuredClone(header);
  return safetensorsBytes(change(copy) ?? copy, weights.subarray(headerEnd));
}

/** The model's weights with one float changed. */
function withValue(tensor: string, index: number, value: number): Uint8Array {
  const bytes = Buffer.from(weights);
  bytes.writeFloatLE(value, headerEnd + (header[tensor]?.data_offsets[0] ?? Number.NaN) + 4 * index);
  return bytes;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

/** A GGUF file whose one metadata pair, of key "k", has this type and body. */
function ggufWithPair(type: number, ...body: Uint8Array[]): Uint8Array {
  const empty = Buffer.from(ggufBytes({}, [])).subarray(0, 16);
  return Buffer.concat([empty, u64(1n), u64(1n), Buffer.from("k"), u32(type), ...body, Buffer.alloc(64)]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const NORM = "model.norm.weight";
const NOTHING = JSON.stringify({ dtype: "F32", shape: [0], data_offsets: [0, 0] });
const manyNames = `{${Array.from({ length: 200_000 }, (_, i) => `"${i}":${NOTHING}`).join(",")}}`;

type Case = [string, string, string | Uint8Array, RegExp];

const safetensorsCases: Case[] = (
  [
    ["cut in the data", weights.subarray(0, -1), /expected \d+ bytes by its header/],
    ["cut in the header", weights.subarray(0, 100), /header that fits into 100 bytes/],
    ["empty", "", /header that fits into 0 bytes/],
    ["a page of HTML", "<!doctype html><html></html>", /header that fits/],
    ["a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\n", /header that fits/],
    ["bytes too many", Buffer.concat([weights, Buffer.alloc(3)]), /expected \d+ bytes by its header/],
    ["a header length beyond 2^63", Buffer.concat([u64(2n ** 64n - 1n), weights]), /header that fits/],
    [
      "offsets beyond the file",
      withHeader((h) => void Object.assign(h[NORM] as Entry, { data_offsets: [2 ** 40, 2 ** 40 + 128] })),
      /norm/,
    ],
    [
      "tensors that overlap",
      withHeader((h) => void Object.assign(h[NORM] as Entry, { data_offsets: [0, 128] })),
      /overlap/,
    ],
    ["a gap", withHeader((h) => void delete h[NORM]), /gap|expected \d+ bytes by its header/],
    [
      "a shape whose product overflows",
      withHeader((h) => void Object.assign(h[NORM] as Entry, { shape: [2 ** 40, 2 ** 40] })),
      /span shape/,
    ],
    [
      "a shape that is another's",
      withHeader((h) => void Object.assign(h[NORM] as Entry, { shape: [2, 16] })),
      /norm\.weight: expected shape \[32\] by config\.json, got \[2,16\]/,
    ],
    [
      "an element type that is not read",
      withHeader((h) => void Object.assign(h[NORM] as Entry, { dtype: "I32" })),
      /norm\.weight: expected dtype F32, F16, BF16, got I32/,
    ],
    [
      "a name twice",
      safetensorsBytes(
        JSON.stringify(header).replace("}}", `},"${NORM}":${JSON.stringify(header[NORM])}}`),
        weights.subarray(headerEnd),
      ),
      /"model\.norm\.weight" occurs twice/,
    ],
    [
      "hundreds of thousands of names",
      safetensorsBytes(manyNames),
      /header of at most 8388608 bytes, got \d+/,
    ],
    ["deep brackets for a header", safetensorsBytes("[".repeat(200_000)), /JSON/],
    [
      "a name that writes to the terminal",
      withHeader((h) => ({
        ...h,
        "\u001b[2J\nx": {
          dtype: "F32",
          shape: [0],
          data_offsets: [weights.length - headerEnd, weights.length - headerEnd],
        },
      })),
      /no place/,
    ],
    ["NaN", withValue(NORM, 3, Number.NaN), /norm\.weight: expected finite numbers, got NaN/],
    [
      "an infinite number",
      withValue("lm_head.weight", 7, Number.NEGATIVE_INFINITY),
      /lm_head\.weight: expected finite numbers, got -Infinity/,
    ],
  ] satisfies [string, string | Uint8Array, RegExp][]
).map(([name, content, message]) => [`safetensors: ${name}`, "model.safetensors", content, message]);

const config = (changes: Record<string, unknown>): string =>
  JSON.stringify({ ...(JSON.parse(files["config.json"] as string) as object), ...changes });

const configCases: Case[] = (
  [
    ["no JSON", "{", /config\.json: expected JSON/],
    ["empty", "", /config\.json: expected JSON/],
    ["a list", "[]", /config\.json: expected a JSON object/],
    [
      "lists in lists without end",
      `{"hidden_size":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
      /config\.json: expected JSON with at most 100 values inside each other/,
    ],
    ["a size of zero", config({ hidden_size: 0 }), /hidden_size to be a positive integer, got 0/],
    ["a size that is text", config({ hidden_size: "32" }), /hidden_size to be a positive integer, got "32"/],
    ["10^15 layers", config({ num_hidden_layers: 1e15 }), /num_hidden_layers/],
    ["ten million layers", config({ num_hidden_layers: 1e7 }), /num_hidden_layers|missing/],
    ["heads that do not divide", config({ num_key_value_heads: 3 }), /num_key_value_heads/],
    ["a vocabulary that is another's", config({ vocab_size: 97 }), /expected shape \[97,32\]/],
    ["another architecture", config({ model_type: "no-such", architectures: ["NoSuchModel"] }), /no-such/],
  ] satisfies [string, string, RegExp][]
).map(([name, content, message]) => [`config.json: ${name}`, "config.json", content, message]);

const tokenizer = (change: (json: Record<string, never>) => unknown): string => {
  const json = JSON.parse(files["tokenizer.json"] as string) as Record<string, never>;
  return JSON.stringify(change(json) ?? json);
};
const model = (changes: Record<string, unknown>): string =>
  tokenizer((json) => ({ ...json, model: { ...(json["model"] as unknown as object), ...changes } }));

const tokenizerCases: Case[] = (
  [
    ["no JSON", "{", /tokenizer\.json: expected JSON/],
    ["nothing", "{}", /tokenizer\.json: expected/],
    ["no model", tokenizer((json) => ({ ...json, model: null })), /tokenizer\.json: expected/],
    ["a model of another kind", model({ type: "NoSuchModel" }), /tokenizer\.json: expected/],
    ["no vocabulary", model({ vocab: null }), /tokenizer\.json: expected/],
    ["a vocabulary of texts", model({ vocab: { a: "x" } }), /tokenizer\.json: expected/],
    ["merges that are no pairs", model({ merges: [[1], null] }), /tokenizer\.json: expected/],
    [
      "an id beyond the embeddings",
      model({ vocab: { a: 0, b: 1_000_000 } }),
      /tokenizer\.json: expected ids below 96/,
    ],
    [
      "added tokens that are none",
      tokenizer((json) => ({ ...json, added_tokens: 5 })),
      /tokenizer\.json: expected/,
    ],
    [
      "a pattern that is none",
      tokenizer((json) => ({
        ...json,
        pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated" },
      })),
      /tokenizer\.json: expected/,
    ],
    [
      "a step of an unknown kind",
      tokenizer((json) => ({ ...json, pre_tokenizer: { type: "NoSuchStep" } })),
      /tokenizer\.json: expected/,
    ],
  ] satisfies [string, string, RegExp][]
).map(([name, content, message]) => [`tokenizer.json: ${name}`, "tokenizer.json", content, message]);

test.each([...safetensorsCases, ...configCases, ...tokenizerCases])("%s", (_, file, content, message) =>
  inTemporaryFolder(async (root) => {
    const folder = writeGolden(root, golden);
    writeFileSync(join(folder, file), content);
    const texts = join(root, "texts.jsonl");
    writeFileSync(texts, '{"text":"hello"}\n');
    const argv = ["tokenize", "--model", folder, "--data", texts, "--out", join(root, "out"), "--json"];
    await expectRefusal(root, argv, message);
  }),
);

const tiny = tinyGguf();
const damagedTensors = (): ReturnType<typeof tinyTensors> => {
  const tensors = tinyTensors();
  tensors.get("model.norm.weight")?.data.set([Number.NaN], 5);
  return tensors;
};
const TENSOR = { name: "token_embd.weight", dimensions: [32, 8], type: 0, bytes: new Uint8Array(1024) };

test.each<[string, Uint8Array, RegExp]>([
  ["empty", new Uint8Array(), /expected at least 4 bytes/],
  ["another format", Buffer.from("<!doctype html>"), /expected a GGUF file/],
  [
    "2^63 tensors",
    Buffer.concat([tiny.subarray(0, 8), u64(2n ** 63n), tiny.subarray(16)]),
    /number of tensors/,
  ],
  [
    "more tensors than fit",
    Buffer.concat([tiny.subarray(0, 8), u64(1_000_000n), tiny.subarray(16)]),
    /number of tensors/,
  ],
  [
    "more metadata than fits",
    Buffer.concat([tiny.subarray(0, 16), u64(10_000_000n), tiny.subarray(24)]),
    /number of metadata pairs/,
  ],
  ["a text longer than the file", ggufWithPair(8, u64(2n ** 40n)), /length of a string/],
  ["a list longer than the file", ggufWithPair(9, u32(4), u64(2n ** 40n)), /length of an array/],
  [
    "lists in lists",
    ggufWithPair(9, ...Array.from({ length: 9 }, () => Buffer.concat([u32(9), u64(1n)]))),
    /arrays at most/,
  ],
  ["an unknown kind of metadata", ggufWithPair(13), /metadata type 0 to 12, got 13/],
  [
    "a block type that is not read",
    ggufBytes({}, [{ ...TENSOR, type: 16 }]),
    /token_embd\.weight: expected a block type among .*, got IQ2_XXS/,
  ],
  ["an unknown block type", ggufBytes({}, [{ ...TENSOR, type: 99 }]), /got unknown type 99/],
  [
    "a shape whose product overflows",
    ggufBytes({}, [{ ...TENSOR, dimensions: [2 ** 40, 2 ** 40] }]),
    /token_embd/,
  ],
  ["a shape of nothing", ggufBytes({}, [{ ...TENSOR, dimensions: [0, 8] }]), /token_embd/],
  ["sizes that do not fit", tinyGguf({ "llama.embedding_length": 64 }), /expected/],
  [
    "ten million layers",
    tinyGguf({ "llama.block_count": 10_000_000 }),
    /block_count|num_hidden_layers|missing/,
  ],
  ["no tokenizer", ggufBytes({ "general.architecture": "llama" }, [TENSOR]), /expected/],
  ["NaN", tinyGguf({}, damagedTensors()), /norm\.weight: expected finite numbers, got NaN/],
])("gguf: %s", (_, bytes, message) =>
  inTemporaryFolder(async (root) => {
    const path = join(root, "model.gguf");
    writeFileSync(path, bytes);
    await expectRefusal(root, ["models", "fetch", path, "--json"], message);
  }),
);

test("a GGUF file cut anywhere is refused", () =>
  inTemporaryFolder(async (root) => {
    const path = join(root, "model.gguf");
    for (let i = 1; i < 60; i++) {
      writeFileSync(path, tiny.subarray(0, Math.floor((tiny.length * i) / 60)));
      await expectRefusal(root, ["models", "inspect", path, "--json"], /model\.gguf: /);
    }
  }));

test.each<[string, string, RegExp]>([
  ["no folder, file or name", "no-such-model", /model no-such-model: expected a registry name/],
  [
    "a file of another kind",
    "notes.txt",
    /notes\.txt: expected a folder, a \.safetensors file or a \.gguf file/,
  ],
  ["an empty folder", "empty", /config\.json: no such file/],
])("a model that is %s", (_, name, message) =>
  inTemporaryFolder(async (root) => {
    mkdirSync(join(root, "empty"));
    writeFileSync(join(root, "notes.txt"), "notes");
    const id = name === "no-such-model" ? name : join(root, name);
    await expectRefusal(root, ["models", "inspect", id, "--json"], message);
  }),
);

const adapterConfig = {
  peft_type: "LORA",
  r: 2,
  lora_alpha: 4,
  target_modules: ["q_proj"],
  base_model_name_or_path: "another/model",
};

/** Zero factors of q_proj in both layers. */
function factors(
  rank: number,
  width: number,
  change: (name: string, data: Float32Array) => void = () => {},
): Uint8Array {
  const entries: Record<string, Entry> = {};
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const layer of [0, 1])
    for (const side of ["A", "B"]) {
      const name = `base_model.model.model.layers.${layer}.self_attn.q_proj.lora_${side}.weight`;
      const data = new Float32Array(rank * width);
      change(name, data);
      const shape = side === "A" ? [rank, width] : [width, rank];
      entries[name] = { dtype: "F32", shape, data_offsets: [offset, offset + data.byteLength] };
      parts.push(new Uint8Array(data.buffer));
      offset += data.byteLength;
    }
  return safetensorsBytes(entries, Buffer.concat(parts));
}

test.each<[string, string, Uint8Array, RegExp]>([
  [
    "for another model",
    JSON.stringify(adapterConfig),
    factors(2, 64),
    /the adapter does not fit the model: .*\[2,64\]/,
  ],
  ["of another rank", JSON.stringify({ ...adapterConfig, r: 3 }), factors(2, 32), /does not fit/],
  ["with a rank of a million", JSON.stringify({ ...adapterConfig, r: 1e6 }), factors(2, 32), /does not fit/],
  ["of another kind", JSON.stringify({ ...adapterConfig, peft_type: "IA3" }), factors(2, 32), /peft_type/],
  ["without JSON", "no", factors(2, 32), /adapter_config\.json: expected JSON/],
  [
    "cut in half",
    JSON.stringify(adapterConfig),
    factors(2, 32).subarray(0, 500),
    /adapter_model\.safetensors: expected/,
  ],
  [
    "with NaN",
    JSON.stringify(adapterConfig),
    factors(2, 32, (name, data) => name.includes("1.self_attn.q_proj.lora_B") && data.fill(Number.NaN)),
    /lora_B\.weight: expected finite numbers/,
  ],
])("an adapter %s", (_, json, bytes, message) =>
  inTemporaryFolder(async (root) => {
    const folder = writeGolden(root, golden);
    const adapter = join(root, "adapter");
    mkdirSync(adapter);
    writeFileSync(join(adapter, "adapter_config.json"), json);
    writeFileSync(join(adapter, "adapter_model.safetensors"), bytes);
    const prompts = join(root, "prompts.jsonl");
    writeFileSync(prompts, '{"id":"a","prompt":"hello"}\n');
    const argv = [
      "generate",
      "--model",
      folder,
      "--adapter",
      adapter,
      "--prompts",
      prompts,
      "--out",
      join(root, "out.jsonl"),
      "--json",
    ];
    await expectRefusal(root, argv, message);
  }),
);

test("the tiny model that all of these change opens", () =>
  inTemporaryFolder(async (root) => {
    const texts = join(root, "texts.jsonl");
    writeFileSync(texts, '{"text":"ab"}\n');
    const path = join(root, "model.gguf");
    writeFileSync(path, tiny);
    await expect(
      expectRefusal(
        root,
        [
          "tokenize",
          "--model",
          writeGolden(root, golden),
          "--data",
          texts,
          "--out",
          join(root, "out"),
          "--json",
        ],
        /./,
      ),
    ).rejects.toThrow();
    expect(readFileSync(join(root, "out"), "utf8")).toBe('{"ids":[4,5]}\n');
  }));
