import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../../core/errors.js";
import {
  damage,
  damaged,
  expectOnlyCheckpointErrors,
  inTemporaryFolder,
  safetensorsBytes,
} from "../tiny-checkpoint.test-data.js";
import { bytesInMemory, openFile } from "./byte-source.js";
import { parseSafetensors, readTensor, SafetensorsWriter, writeSafetensors } from "./safetensors.js";

const parse = (header: unknown, data?: Uint8Array) =>
  parseSafetensors(bytesInMemory("test", safetensorsBytes(header, data)));
const entry = (dtype: string, shape: number[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe("safetensors", () => {
  test("what is written is read back with the same bits, data aligned to 64 bytes", () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "x.safetensors");
      const data = new Float32Array([0, -0, 1e-45, 3.4e38, -1e-38, 0.1]);
      await writeSafetensors(path, new Map([["a", { shape: [2, 3], data }]]), { format: "pt" });
      const source = openFile(path);
      const header = parseSafetensors(source);
      const a = header.entries.get("a");
      if (a === undefined) throw new CheckpointError("no tensor a");
      expect(a.offset % 64).toBe(0);
      expect(header.metadata).toEqual({ format: "pt" });
      expect(new Uint32Array(readTensor(source, a).buffer)).toEqual(new Uint32Array(data.buffer));
      source.close();
    }));

  test("a file written tensor by tensor equals one written at once", () =>
    inTemporaryFolder(async (folder) => {
      const a = { shape: [3], data: new Float32Array([1, 2, 3]) };
      const b = { shape: [], data: new Float32Array([4]) };
      await writeSafetensors(join(folder, "once"), new Map(Object.entries({ a, b })));
      const writer = new SafetensorsWriter(join(folder, "stream"), [
        { name: "a", shape: [3] },
        { name: "b", shape: [] },
      ]);
      writer.write("a", a.data);
      writer.write("b", b.data);
      writer.finish();
      expect(readFileSync(join(folder, "stream"))).toEqual(readFileSync(join(folder, "once")));
    }));

  test("F16 and BF16 are widened exactly", () => {
    const bits = new Uint16Array([0x3c00, 0xc000, 0x0001, 0x7bff]);
    const bytes = safetensorsBytes({ h: entry("F16", [4], 0, 8) }, new Uint8Array(bits.buffer));
    const source = bytesInMemory("test", bytes);
    const h = parseSafetensors(source).entries.get("h");
    if (h === undefined) throw new CheckpointError("no tensor h");
    expect([...readTensor(source, h)]).toEqual([1, -2, 2 ** -24, 65504]);
    expect(readTensor(source, { ...h, dtype: "BF16" })[0]).toBe(0.0078125);
    expect(() => readTensor(source, { ...h, dtype: "I16" })).toThrow(/F32, F16, BF16/);
  });

  test.each([
    ["F32", new Float32Array([1, Number.NaN]), /tensor w: expected finite numbers, got NaN at place 1/],
    ["F16", new Uint16Array([0xfc00, 0]), /tensor w: expected finite numbers, got -Infinity at place 0/],
    ["BF16", new Uint16Array([0, 0x7f80]), /tensor w: expected finite numbers, got Infinity at place 1/],
  ])("refuses %s weights that are no numbers", (dtype, values, message) => {
    const bytes = safetensorsBytes(
      { w: entry(dtype, [2], 0, values.byteLength) },
      new Uint8Array(values.buffer),
    );
    const source = bytesInMemory("test", bytes);
    const w = parseSafetensors(source).entries.get("w");
    if (w === undefined) throw new CheckpointError("no tensor w");
    expect(() => readTensor(source, w)).toThrow(message);
  });

  test.each([
    [
      "a name twice",
      '{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\u0061":{}}',
      /"a" occurs twice/,
    ],
    [
      "a member twice",
      '{"a":{"dtype":"F32","shape":[0],"shape":[],"data_offsets":[0,0]}}',
      /"shape" occurs twice/,
    ],
  ])("refuses %s", (_, header, message) => {
    expect(() => parse(header)).toThrow(message);
  });

  test("a name may occur in several objects, and as a text", () => {
    const header = {
      __metadata__: { a: "a", dtype: 'a":{"a' },
      a: entry("F32", [0], 0, 0),
      b: entry("F32", [0], 0, 0),
    };
    expect([...parse(header).entries.keys()]).toEqual(["a", "b"]);
  });

  test.each([
    ["overlapping tensors", { a: entry("F32", [2], 0, 8), b: entry("F32", [1], 4, 8) }, 8],
    ["a gap", { a: entry("F32", [1], 0, 4), b: entry("F32", [1], 8, 12) }, 12],
    ["offsets beyond the file", { a: entry("F32", [2], 0, 8) }, 4],
    ["bytes that belong to nothing", { a: entry("F32", [1], 0, 4) }, 8],
    ["a size that is not the product", { a: entry("F32", [3], 0, 8) }, 8],
    ["an unknown dtype", { a: entry("F7", [2], 0, 8) }, 8],
    ["a negative size", { a: entry("F32", [-1], 0, -4) }, 0],
    ["offsets the wrong way round", { a: entry("F32", [1], 4, 0) }, 4],
    ["a header that is no object", "[]", 0],
    ["a header that is no JSON", "{", 0],
  ])("refuses %s", (_, header, size) => {
    expect(() => parse(header, new Uint8Array(size))).toThrow(CheckpointError);
  });

  test("refuses a header longer than the file", () => {
    const bytes = safetensorsBytes({});
    bytes[3] = 1;
    expect(() => parseSafetensors(bytesInMemory("test", bytes))).toThrow(/fits into 10 bytes/);
    expect(() => parseSafetensors(bytesInMemory("test", bytes.subarray(0, 5)))).toThrow(CheckpointError);
  });

  test("any damage is either harmless or a CheckpointError", () => {
    const good = safetensorsBytes(
      { __metadata__: { a: "b" }, a: entry("F32", [2], 0, 8), b: entry("BF16", [2, 1], 8, 12) },
      new Uint8Array(12),
    );
    fc.assert(
      fc.property(damage(good.length), (changes) => {
        expectOnlyCheckpointErrors(() => {
          const source = bytesInMemory("test", damaged(good, changes));
          const header = parseSafetensors(source);
          for (const tensor of header.entries.values()) readTensor(source, tensor);
        });
      }),
      { numRuns: 2000 },
    );
  });
});
