import { expect, test } from "vitest";
import { ConfigError } from "../../core/errors.js";
import { SeededRandom } from "../../core/random.js";
import { decodeQ4_0, decodeQ4_1, decodeQ8_0 } from "./gguf/blocks-32.js";
import { decodeQ4_K, SUPER_BLOCK } from "./gguf/blocks-256.js";
import { dequantise, quantise } from "./quantise.js";

const random = new SeededRandom("quantise");
const byte = () => random.integer(256);
/** A binary16 of either sign, from 2^-14 to 2^-5: what block scales are. */
const half = (sign = byte() & 0x80) => [byte(), sign | (4 + random.integer(32))];
const positiveHalf = () => half(0);
const bytes = (count: number) => Array.from({ length: count }, byte);
const blocks = (count: number, block: () => number[]) =>
  Uint8Array.from(Array.from({ length: count }, block).flat());
const gaussian = (count: number) =>
  Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next()),
  );

/** Largest |a − b|, of the largest |b| in the same block. */
function worst(a: Float32Array, b: Float32Array): number {
  const largest = (i: number) => Math.max(...b.subarray(i - (i % 32), i - (i % 32) + 32).map(Math.abs));
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] as number)) / largest(i)), 0);
}

test.each([
  ["Q4_1", decodeQ4_1(blocks(300, () => [...positiveHalf(), ...half(), ...bytes(16)])), 4],
  ["Q4_0", decodeQ4_0(blocks(300, () => [...half(), ...bytes(16)])), 4],
  [
    "Q4_K",
    decodeQ4_K(
      blocks(40, () => [...positiveHalf(), ...positiveHalf(), ...bytes(12), ...bytes(SUPER_BLOCK / 2)]),
    ),
    4,
  ],
  [
    "Q8_0",
    decodeQ8_0(blocks(300, () => [...positiveHalf(), 127, ...bytes(31).map((b) => (b === 128 ? 0 : b))])),
    8,
  ],
] as const)("blocks of %s come back as they were", (_, weights, bits) => {
  const back = dequantise(quantise(weights, 32, bits, "w"));
  expect(worst(back, weights)).toBeLessThan(3e-7);
});

test("a grid through zero needs no offset", () => {
  const codes = [...Array(16).keys()].map((i) => i | (i << 4));
  const centred = decodeQ4_0(blocks(8, () => [...positiveHalf(), ...codes]));
  expect(quantise(centred, 32, 4, "w").offsets).toBeNull();
  expect(quantise(gaussian(64), 32, 4, "w").offsets).not.toBeNull();
});

test("other weights are at most half a level away", () => {
  const weights = gaussian(32 * 200);
  const by4 = dequantise(quantise(weights, 64, 4, "w"));
  const by8 = dequantise(quantise(weights, 64, 8, "w"));
  for (let at = 0; at < weights.length; at += 32) {
    const block = weights.subarray(at, at + 32);
    const range = Math.max(...block) - Math.min(...block);
    const largest = Math.max(...block.map(Math.abs));
    block.forEach((w, i) => {
      expect(Math.abs(w - (by4[at + i] as number))).toBeLessThanOrEqual(range / 30 + 1e-6);
      expect(Math.abs(w - (by8[at + i] as number))).toBeLessThanOrEqual(largest / 254 + 1e-6);
    });
  }
});

test("codes are packed low nibble first, and constant blocks stay what they are", () => {
  const ramp = Float32Array.from({ length: 32 }, (_, i) => Math.min(i, 15));
  const { codes, scales, offsets } = quantise(ramp, 32, 4, "w");
  expect(Array.from(codes.subarray(0, 3))).toEqual([0x10, 0x32, 0x54]);
  expect([scales[0], offsets?.[0]]).toEqual([1, 8]);
  for (const value of [0, -0.3, 2])
    for (const bits of [4, 8] as const) {
      const block = new Float32Array(32).fill(value);
      expect(worst(dequantise(quantise(block, 32, bits, "w")), block) || 0).toBeLessThan(1e-6);
    }
});

test("rows that are not whole blocks are refused", () => {
  expect(() => quantise(new Float32Array(48), 48, 4, "m: q_proj")).toThrow(ConfigError);
});
