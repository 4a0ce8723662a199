import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  damage,
  damaged,
  expectOnlyCheckpointErrors,
  ggufBytes,
  TINY_TOKENS,
  tinyGguf,
  tinyTensors,
} from "../../tiny-checkpoint.test-data.js";
import { bytesInMemory } from "../byte-source.js";
import { blockType, SUPPORTED_BLOCK_TYPES } from "./blocks.js";
import { checkpointName, configFromGguf, readCheckpointTensor } from "./llama.js";
import { parseGguf, readGgufTensor } from "./parse.js";
import { tokenizerFromGguf } from "./tokenizer.js";

interface Golden {
  readonly entries: readonly {
    readonly type: string;
    readonly typeId: number;
    readonly origin: string;
    readonly raw: string;
    readonly values: string;
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../../../test/golden/gguf-blocks.json", import.meta.url), "utf8"),
) as Golden;
const parse = (bytes: Uint8Array) => parseGguf(bytesInMemory("test", bytes));

describe("GGUF blocks", () => {
  test.each(golden.entries.map((entry) => [entry.type, entry.origin, entry] as const))(
    "%s (%s) has the bits that llama.cpp's reader gives",
    (name, _, entry) => {
      const type = blockType(entry.typeId, "golden");
      expect(type.name).toBe(name);
      const values = type.decode(new Uint8Array(Buffer.from(entry.raw, "base64")));
      const expected = new Uint8Array(Buffer.from(entry.values, "base64"));
      expect(Buffer.compare(new Uint8Array(values.buffer), expected)).toBe(0);
    },
  );

  test("all supported types but BF16, which safetensors' test covers, have a golden", () => {
    const covered = new Set(golden.entries.map((entry) => entry.type));
    expect(SUPPORTED_BLOCK_TYPES.filter((name) => !covered.has(name))).toEqual(["BF16"]);
  });

  test("an unsupported type is refused by name, with those that are supported", () => {
    const tensor = { name: "blk.0.ffn_up.weight", dimensions: [256], type: 23, bytes: new Uint8Array(136) };
    expect(() => parse(ggufBytes({}, [tensor]))).toThrow(
      /blk\.0\.ffn_up\.weight: .*F32, F16, Q4_0, .*Q4_K, Q5_K, Q6_K, IQ4_NL, BF16, got IQ4_XS/,
    );
  });
});

describe("GGUF header", () => {
  test("metadata of every kind and tensors are found again", () => {
    const file = parse(
      ggufBytes({ a: "text", b: 7, c: 0.5, d: true, e: ["x", "y"], f: [1, 2, 3] }, [
        {
          name: "t",
          dimensions: [2, 3],
          type: 0,
          bytes: new Uint8Array(new Float32Array([1, 2, 3, 4, 5, 6]).buffer),
        },
      ]),
    );
    expect(Object.fromEntries(file.metadata)).toEqual({
      a: "text",
      b: 7,
      c: 0.5,
      d: true,
      e: ["x", "y"],
      f: [1, 2, 3],
    });
    expect(file.tensors.get("t")).toMatchObject({ shape: [3, 2], length: 24 });
  });

  const tensor = { name: "t", dimensions: [32], type: 8, bytes: new Uint8Array(34) };
  test.each([
    ["another version", ggufBytes({}, [], 1), /version 2 or 3/],
    ["another format", Buffer.from("<!doctype html>"), /GGUF file/],
    ["a cut file", ggufBytes({}, [tensor]).subarray(0, 90), /expected \d+ bytes/],
    ["rows of broken blocks", ggufBytes({}, [{ ...tensor, dimensions: [16, 2] }]), /whole Q8_0 blocks/],
    ["two tensors of one name", ggufBytes({}, [tensor, tensor]), /distinct/],
    ["five dimensions", ggufBytes({}, [{ ...tensor, dimensions: [32, 1, 1, 1, 1] }]), /dimensions/],
    ["an odd alignment", ggufBytes({ "general.alignment": 3 }, [tensor]), /alignment/],
    ["overlapping tensors", overlapping(), /overlaps/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => parse(bytes)).toThrow(message);
  });

  test("any damage is either harmless or a CheckpointError", () => {
    const good = tinyGguf();
    const headerBytes =
      good.length - [...tinyTensors().values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    fc.assert(
      fc.property(damage(headerBytes), (changes) => {
        expectOnlyCheckpointErrors(() => {
          const source = bytesInMemory("test", damaged(good, changes));
          const file = parseGguf(source);
          configFromGguf(file);
          tokenizerFromGguf(file);
          for (const one of file.tensors.values()) readGgufTensor(source, one);
        });
      }),
      { numRuns: 1000 },
    );
  });
});

describe("GGUF Llama", () => {
  test("tensors come back under Hugging Face names in its row order", () => {
    const source = bytesInMemory("test", tinyGguf());
    const file = parseGguf(source);
    const expected = tinyTensors();
    expect([...file.tensors.keys()].map((name) => checkpointName(name, "test"))).toEqual([
      ...expected.keys(),
    ]);
    for (const tensor of file.tensors.values()) {
      const values = readCheckpointTensor(source, tensor, { query: 4, keyValue: 2 });
      expect(values).toEqual(expected.get(checkpointName(tensor.name, "test"))?.data);
    }
  });

  test("config.json has the sizes, and the decimals that people wrote", () => {
    const config = configFromGguf(parse(tinyGguf({ "llama.rope.freq_base": 100000 })));
    expect(config).toMatchObject({ head_dim: 8, vocab_size: 8, rms_norm_eps: 1e-5, rope_theta: 1e5 });
    expect(config).toMatchObject({ tie_word_embeddings: true, eos_token_id: 1 });
  });

  test.each([
    [
      "another architecture",
      { "general.architecture": "gemma2" },
      /expected architecture llama, qwen2, .*got gemma2/,
    ],
    ["a window", { "llama.attention.sliding_window": 64 }, /sliding_window = 64/],
    ["scaled rotary frequencies", { "llama.rope.scaling.type": "yarn" }, /rope\.scaling\.type = yarn/],
    ["experts", { "llama.expert_count": 8 }, /expert_count = 8/],
    ["partly rotated heads", { "llama.rope.dimension_count": 4 }, /dimension_count = 4/],
  ])("refuses %s by name", (_, changes, message) => {
    expect(() => configFromGguf(parse(tinyGguf(changes)))).toThrow(message);
  });

  test("refuses frequencies that are not Llama 3's", () => {
    const file = parse(tinyGguf());
    expect(() => configFromGguf(file, Float32Array.of(1, 2, 3, 4))).toThrow(/rope_freqs\.weight/);
  });
});

describe("GGUF tokenizer", () => {
  test("tokens, merges, control tokens and template are Hugging Face's", () => {
    const files = tokenizerFromGguf(parse(tinyGguf()));
    expect(files.tokenizer).toMatchObject({
      added_tokens: [
        { id: 0, content: "<s>", special: true },
        { id: 1, content: "</s>", special: true },
      ],
      pre_tokenizer: { pretokenizers: [{ type: "Digits", individual_digits: true }, { use_regex: true }] },
      post_processor: null,
      model: {
        vocab: Object.fromEntries(TINY_TOKENS.map((token, id) => [token, id])),
        merges: [
          ["a", "b"],
          ["Ġ", "a"],
        ],
      },
    });
    expect(files.config).toMatchObject({ bos_token: "<s>", eos_token: "</s>", pad_token: null });
    expect(files.chatTemplate).toBe("{{ messages[0].content }}");
    expect(files.eosTokenIds).toEqual([1]);
  });

  test("llama-bpe puts the first token in front and skips merges of whole words", () => {
    const files = tokenizerFromGguf(parse(tinyGguf({ "tokenizer.ggml.pre": "llama-bpe" })));
    expect(files.tokenizer).toMatchObject({
      model: { ignore_merges: true },
      post_processor: { single: [{ SpecialToken: { id: "<s>" } }, { Sequence: { id: "A" } }] },
    });
  });

  test.each([
    ["another model", { "tokenizer.ggml.model": "llama" }, /tokenizer model gpt2/],
    [
      "another pre-tokenizer",
      { "tokenizer.ggml.pre": "tekken" },
      /smollm, gpt2, gpt-2, llama-bpe, qwen2, got tekken/,
    ],
    ["a token twice", { "tokenizer.ggml.tokens": [...TINY_TOKENS.slice(1), "a"] }, /distinct tokens/],
    ["a merge of one token", { "tokenizer.ggml.merges": ["ab"] }, /merge of two/],
    ["an end token beyond the vocabulary", { "tokenizer.ggml.eos_token_id": 8 }, /below 8/],
  ])("refuses %s", (_, changes, message) => {
    expect(() => tokenizerFromGguf(parse(tinyGguf(changes)))).toThrow(message);
  });
});

/** Two tensors, the second moved onto the first by hand. */
function overlapping(): Uint8Array {
  const tensor = { name: "t", dimensions: [16], type: 0, bytes: new Uint8Array(64) };
  const bytes = ggufBytes({}, [tensor, { ...tensor, name: "u" }]);
  bytes[24 + 2 * 33 - 8] = 0;
  return bytes;
}
