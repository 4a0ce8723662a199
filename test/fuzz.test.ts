/**
 * @file Damaged files against everything that reads bytes: each is read, or refused by an error of ours in one line with a
 * hint, within a time and a memory that do not depend on what the file claims. A seeded run of seconds; for a longer one
 * FUZZ_RUNS=100000 npx vitest run test/fuzz (and FUZZ_SEED for another beginning).
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { SafeToServeError } from "../src/core/errors.js";
import { readRows } from "../src/data/readers.js";
import { makeAdapter, readAdapter, writeAdapter } from "../src/models/lora/adapter.js";
import { loraFactors } from "../src/models/lora/lora.js";
import {
  ggufBytes,
  safetensorsBytes,
  tinyConfig,
  tinyGguf,
} from "../src/models/tiny-checkpoint.test-data.js";
import { bytesInMemory } from "../src/models/weights/byte-source.js";
import { configFromGguf } from "../src/models/weights/gguf/llama.js";
import { parseGguf, readGgufTensor } from "../src/models/weights/gguf/parse.js";
import { tokenizerFromGguf } from "../src/models/weights/gguf/tokenizer.js";
import { parseSafetensors, readTensor } from "../src/models/weights/safetensors.js";
import { loadCheckpoint } from "../src/train/checkpoint.js";

const RUNS = Number(process.env["FUZZ_RUNS"] ?? 250);
const SEED = Number(process.env["FUZZ_SEED"] ?? 20261125);
/** Processor time, so that a busy machine is no failure; a thousand times what a good file takes. */
const MAX_MS = 3000;
/** Beyond what was in use before: the largest header, item lists and window that the bounds allow, not what files claim. */
const MAX_BYTES = 400e6;

const root = mkdtempSync(join(tmpdir(), "safe-to-serve-fuzz-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Numbers that counts, lengths and offsets are replaced by. */
const NASTY = [0n, 1n, 255n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 40n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

type Change =
  | { readonly kind: "byte"; readonly at: number; readonly value: number }
  | { readonly kind: "number"; readonly at: number; readonly value: bigint }
  | { readonly kind: "cut"; readonly at: number }
  | { readonly kind: "drop" | "repeat"; readonly at: number; readonly length: number };

/** One change of a file, at a share of its length: near the beginning more often, where headers are. */
const change: fc.Arbitrary<Change> = fc.double({ min: 0, max: 1, noNaN: true }).chain((share) => {
  const at = share ** 3;
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("byte" as const), at: fc.constant(at), value: fc.nat(255) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("number" as const),
        at: fc.constant(at),
        value: fc.constantFrom(...NASTY),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), at: fc.constant(share) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constantFrom("drop" as const, "repeat" as const),
        at: fc.constant(at),
        length: fc.integer({ min: 1, max: 64 }),
      }),
    },
  );
});

function applied(good: Uint8Array, changes: readonly Change[]): Uint8Array {
  return changes.reduce(applyOne, Uint8Array.from(good));
}

function applyOne(bytes: Uint8Array, one: Change): Uint8Array {
  const at = Math.floor(one.at * Math.max(0, bytes.length - 1));
  if (one.kind === "cut") return bytes.subarray(0, at);
  if (one.kind === "drop") return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + one.length)]);
  if (one.kind === "repeat") return Buffer.concat([bytes.subarray(0, at + one.length), bytes.subarray(at)]);
  const copy = Uint8Array.from(bytes);
  if (one.kind === "byte" && copy.length > 0) copy[at] = one.value;
  if (one.kind === "number" && at + 8 <= copy.length)
    new DataView(copy.buffer).setBigUint64(at, one.value, true);
  return copy;
}

/** Good files with changes, or bytes of any kind, with and without the first bytes of the format. */
function files(goods: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const first = goods[0] ?? new Uint8Array();
  return fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .tuple(fc.constantFrom(...goods), fc.array(change, { minLength: 1, maxLength: 4 }))
        .map(([good, changes]) => applied(good, changes)),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ maxLength: 200 }).map((tail) => Buffer.concat([first.subarray(0, 8), tail])),
    },
  );
}

/** Reads, and lets nothing else happen than what a user can be told. */
async function isRefusedOrRead(read: () => unknown): Promise<void> {
  const [start, before] = [process.cpuUsage(), process.memoryUsage()];
  try {
    await read();
  } catch (error) {
    if (!(error instanceof SafeToServeError)) throw error;
    expect(error.code).toMatch(/^format\./);
    expect(error.message).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    expect(error.hint).toBeTruthy();
  }
  const [used, after] = [process.cpuUsage(start), process.memoryUsage()];
  expect((used.user + used.system) / 1000).toBeLessThan(MAX_MS);
  expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(MAX_BYTES);
}

function fuzz(
  goods: readonly Uint8Array[],
  runs: number,
  read: (bytes: Uint8Array) => unknown,
): Promise<void> {
  const property = fc.asyncProperty(files(goods), (bytes) => isRefusedOrRead(() => read(bytes)));
  return fc.assert(property, { numRuns: Math.ceil(runs), seed: SEED });
}

const TIMEOUT_MS = 120_000 + RUNS * 50;

test("safetensors", { timeout: TIMEOUT_MS }, async () => {
  const entry = (dtype: string, shape: number[], begin: number, end: number) => ({
    dtype,
    shape,
    data_offsets: [begin, end],
  });
  const good = safetensorsBytes(
    {
      __metadata__: { format: "pt" },
      a: entry("F32", [2], 0, 8),
      "b.\u00fc": entry("BF16", [2, 1], 8, 12),
      c: entry("F16", [], 12, 14),
    },
    new Uint8Array(14),
  );
  await fuzz([good], RUNS * 3, (bytes) => {
    const source = bytesInMemory("fuzz", bytes);
    for (const one of parseSafetensors(source).entries.values()) readTensor(source, one);
  });
});

test("GGUF", { timeout: TIMEOUT_MS }, async () => {
  const quantised = [2, 6, 8, 12, 14].map((type, i) => ({
    name: `t${i}`,
    dimensions: [256, 1],
    type,
    bytes: new Uint8Array([144, 176, 272, 144, 210][i] ?? 0),
  }));
  await fuzz(
    [tinyGguf(), ggufBytes({ "general.alignment": 32, x: ["a", "b"], y: [1, 2] }, quantised)],
    RUNS,
    readGguf,
  );
});

function readGguf(bytes: Uint8Array): void {
  const source = bytesInMemory("fuzz", bytes);
  const file = parseGguf(source);
  for (const one of file.tensors.values()) readGgufTensor(source, one);
  tokenizerFromGguf(file);
  configFromGguf(file);
}

/** Sizes and offsets that a header may claim. */
const size = fc.oneof(fc.nat(64), fc.constantFrom(-1, 0.5, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53, 1e300));
/** The same, as GGUF stores them. */
const count = fc.oneof(fc.nat(64), fc.constantFrom(2 ** 31, 2 ** 32 - 1, 2 ** 40, 2 ** 53));

test("safetensors headers that are well-formed JSON with any claims", { timeout: TIMEOUT_MS }, async () => {
  const entry = fc.record(
    {
      dtype: fc.constantFrom("F32", "F16", "BF16", "I64", "BOOL", "F8_E4M3", "x", 4),
      shape: fc.array(size, { maxLength: 3 }),
      data_offsets: fc.array(size, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: [] },
  );
  const header = fc.dictionary(
    fc.constantFrom("a", "b", "c", "__metadata__", "__proto__", "constructor"),
    fc.oneof({ weight: 4, arbitrary: entry }, { weight: 1, arbitrary: fc.jsonValue() }),
    { maxKeys: 4 },
  );
  const property = fc.asyncProperty(header, fc.nat(256), (claims, length) =>
    isRefusedOrRead(() => {
      const source = bytesInMemory("fuzz", safetensorsBytes(claims, new Uint8Array(length)));
      for (const one of parseSafetensors(source).entries.values()) readTensor(source, one);
    }),
  );
  await fc.assert(property, { numRuns: RUNS * 2, seed: SEED });
});

test("GGUF files whose parts are well-formed and whose claims are any", { timeout: TIMEOUT_MS }, async () => {
  const keys = [
    "general.architecture",
    "general.alignment",
    "llama.block_count",
    "llama.embedding_length",
    "llama.attention.head_count",
    "llama.rope.freq_base",
    "tokenizer.ggml.model",
    "tokenizer.ggml.tokens",
    "tokenizer.ggml.token_type",
    "tokenizer.ggml.merges",
    "tokenizer.ggml.bos_token_id",
    "tokenizer.chat_template",
  ];
  const value = fc.oneof(
    fc.constantFrom("llama", "gpt2", "qwen2", "mistral", ""),
    fc.string({ maxLength: 8, unit: "binary" }),
    fc.nat(),
    fc.boolean(),
    fc.array(fc.string({ maxLength: 3 }), { maxLength: 5 }),
    fc.array(fc.nat(9), { maxLength: 5 }),
  );
  const tensor = fc.record({
    name: fc.constantFrom("token_embd.weight", "output_norm.weight", "blk.0.attn_q.weight", "x", ""),
    dimensions: fc.array(count, { maxLength: 5 }),
    type: fc.nat(40),
    bytes: fc.uint8Array({ maxLength: 300 }),
  });
  const metadata = fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 12 });
  const property = fc.asyncProperty(metadata, fc.array(tensor, { maxLength: 3 }), (pairs, tensors) =>
    isRefusedOrRead(() => readGguf(ggufBytes(pairs, tensors))),
  );
  await fc.assert(property, { numRuns: RUNS * 2, seed: SEED });
});

test("Parquet", { timeout: TIMEOUT_MS }, async () => {
  const names = [
    "two-rows",
    "two-rows-gzip",
    "prompt-list",
    "prompt-struct",
    "prompt-decimal",
    "prompt-bytes",
    "prompt-null",
  ];
  const goods = names.map((name) => readFileSync(join(import.meta.dirname, "golden", `${name}.parquet`)));
  const path = join(root, "fuzz.parquet");
  await fuzz(goods, RUNS, async (bytes) => {
    writeFileSync(path, bytes);
    await readRows(path);
  });
});

test("adapters and training checkpoints", { timeout: TIMEOUT_MS }, async () => {
  const config = tinyConfig();
  const lora = { rank: 2, alpha: 4, dropout: 0, modules: ["model.layers.0.self_attn.q_proj"] };
  const factors = new Map(
    loraFactors(config, lora).map(({ name, shape }) => [
      name,
      { shape, data: new Float32Array(shape[0] * shape[1]) },
    ]),
  );
  const folder = join(root, "checkpoints", "step-0000001");
  mkdirSync(folder, { recursive: true });
  await writeAdapter(folder, makeAdapter(lora, factors), { baseModelId: "tiny", baseConfig: config });
  const arrays = new Map(Array.from(factors, ([name, { data }]) => [name, data]));
  const targets = ["adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors", "state.json"];
  writeFileSync(join(folder, "state.json"), JSON.stringify({ step: 1, numTokens: 5, optimizerStep: 1 }));
  writeFileSync(join(folder, "optimizer.safetensors"), momentsOf(arrays));
  for (const target of targets) {
    const good = readFileSync(join(folder, target));
    await fuzz([good], RUNS / 4, async (bytes) => {
      writeFileSync(join(folder, target), bytes);
      if (target.startsWith("adapter")) await readAdapter(folder, config);
      if (target !== "adapter_config.json") loadCheckpoint(root, arrays);
    });
    writeFileSync(join(folder, target), good);
  }
  expect(loadCheckpoint(root, arrays)?.step).toBe(1);
});

/** Zero moments of every factor, as a checkpoint stores them. */
function momentsOf(arrays: ReadonlyMap<string, Float32Array>): Uint8Array {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const kind of ["mean", "square"])
    for (const [name, data] of arrays) {
      header[`${kind}.${name}`] = {
        dtype: "F32",
        shape: [data.length],
        data_offsets: [offset, offset + data.byteLength],
      };
      offset += data.byteLength;
    }
  return safetensorsBytes(header, new Uint8Array(offset));
}
