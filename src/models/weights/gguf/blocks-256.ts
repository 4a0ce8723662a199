/**
 * @file GGUF K-quants (ggml-quants.c, dequantize_row_q2_K to q6_K): super-blocks of 256 elements, cut into groups of 16 or
 * 32 with a small integer scale each, and one half-precision scale (and minimum) of those scales.
 */
import { halfTable } from "../float-formats.js";
import { scaleAt } from "./blocks-32.js";

/** Elements of a super-block. */
export const SUPER_BLOCK = 256;

/**
 * Super-block: 16 bytes of a scale and a minimum nibble for every 16 elements, 64 bytes of four bit pairs, half d,
 * half m; value = d scale q − m minimum.
 */
export function decodeQ2_K(bytes: Uint8Array): Float32Array {
  const half = halfTable();
  const out = new Float32Array((bytes.length / 84) * SUPER_BLOCK);
  for (let block = 0, to = 0; block < bytes.length; block += 84, to += SUPER_BLOCK) {
    const d = scaleAt(bytes, block + 80, half);
    const m = scaleAt(bytes, block + 82, half);
    for (let i = 0; i < SUPER_BLOCK; i++) {
      const scales = bytes[block + (i >> 4)] as number;
      out[to + i] = d * (scales & 15) * bitPair(bytes, block + 16, i) - m * (scales >> 4);
    }
  }
  return out;
}

/**
 * Super-block: 32 bytes of eight third bits, 64 bytes of four bit pairs, 12 bytes of sixteen 6-bit scales, half d;
 * value = d (scale − 32) (q − 4), q with the third bit.
 */
export function decodeQ3_K(bytes: Uint8Array): Float32Array {
  const half = halfTable();
  const out = new Float32Array((bytes.length / 110) * SUPER_BLOCK);
  for (let block = 0, to = 0; block < bytes.length; block += 110, to += SUPER_BLOCK) {
    const d = scaleAt(bytes, block + 108, half);
    for (let i = 0; i < SUPER_BLOCK; i++) {
      const third = ((bytes[block + (i & 31)] as number) >> (i >> 5)) & 1;
      const q = bitPair(bytes, block + 32, i) | (third << 2);
      out[to + i] = d * (scaleQ3_K(bytes, block + 96, i >> 4) - 32) * (q - 4);
    }
  }
  return out;
}

/** Four low bits in bytes 0 to 7 (low nibbles first), two upper ones in bytes 8 to 11. */
function scaleQ3_K(bytes: Uint8Array, at: number, group: number): number {
  const low = (bytes[at + (group & 7)] as number) >> (group < 8 ? 0 : 4);
  const high = (bytes[at + 8 + (group & 3)] as number) >> (2 * (group >> 2));
  return (low & 15) | ((high & 3) << 4);
}

/** The bit pair of element `i`: 32 bytes hold 128 elements, 32 of them a bit position. */
function bitPair(bytes: Uint8Array, at: number, i: number): number {
  return ((bytes[at + (i >> 7) * 32 + (i & 31)] as number) >> (2 * ((i >> 5) & 3))) & 3;
}

/**
 * Super-block: half d, half m, 12 bytes of scales and minima for every 32 elements, 128 bytes of two nibbles;
 * value = d scale q − m minimum.
 */
export function decodeQ4_K(bytes: Uint8Array): Float32Array {
  const half = halfTable();
  const out = new Float32Array((bytes.length / 144) * SUPER_BLOCK);
  for (let block = 0, to = 0; block < bytes.length; block += 144, to += SUPER_BLOCK) {
    for (let run = 0; run < 8; run++) {
      const { d, m } = groupOf(bytes, block, run, half);
      const from = block + 16 + (run >> 1) * 32;
      for (let i = 0; i < 32; i++)
        out[to + run * 32 + i] = d * (((bytes[from + i] as number) >> (4 * (run & 1))) & 15) - m;
    }
  }
  return out;
}

/**
 * Super-block: half d, half m, 12 bytes of scales and minima for every 32 elements, 32 bytes of eight fifth bits,
 * 128 bytes of two nibbles; value = d scale q − m minimum.
 */
export function decodeQ5_K(bytes: Uint8Array): Float32Array {
  const half = halfTable();
  const out = new Float32Array((bytes.length / 176) * SUPER_BLOCK);
  for (let block = 0, to = 0; block < bytes.length; block += 176, to += SUPER_BLOCK) {
    for (let run = 0; run < 8; run++) {
      const { d, m } = groupOf(bytes, block, run, half);
      const from = block + 48 + (run >> 1) * 32;
      for (let i = 0; i < 32; i++) {
        const low = ((bytes[from + i] as number) >> (4 * (run & 1))) & 15;
        const fifth = ((bytes[block + 16 + i] as number) >> run) & 1;
        out[to + run * 32 + i] = d * (low | (fifth << 4)) - m;
      }
    }
  }
  return out;
}

/** Scale and minimum of 32 elements of a Q4_K or Q5_K super-block, multiplied out; 6 bits each (get_scale_min_k4). */
function groupOf(
  bytes: Uint8Array,
  block: number,
  run: number,
  half: Float32Array,
): { d: number; m: number } {
  const at = block + 4;
  const [a, b] = [bytes[at + (run & 3)] as number, bytes[at + 4 + (run & 3)] as number];
  const shared = bytes[at + 8 + (run & 3)] as number;
  const scale = run < 4 ? a & 63 : (shared & 15) | ((a >> 6) << 4);
  const minimum = run < 4 ? b & 63 : (shared >> 4) | ((b >> 6) << 4);
  return { d: scaleAt(bytes, block, half) * scale, m: scaleAt(bytes, block + 2, half) * minimum };
}

/** Super-block: 128 bytes of low nibbles, 64 of upper bit pairs, 16 signed scales, half d; value = d scale (q − 32). */
export function decodeQ6_K(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  const half = halfTable();
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const out = new Float32Array((bytes.length / 210) * SUPER_BLOCK);
  for (let block = 0, to = 0; block < bytes.length; block += 210, to += SUPER_BLOCK) {
    const d = scaleAt(bytes, block + 208, half);
    const first = { low: block, high: block + 128, scale: block + 192, to };
    decodeHalfQ6_K(bytes, signed, d, first, out);
    const second = { low: block + 64, high: block + 160, scale: block + 200, to: to + 128 };
    decodeHalfQ6_K(bytes, signed, d, second, out);
  }
  return out;
}

/** 128 elements: four runs of 32, each from one nibble row and one bit pair, a scale for every 16. */
function decodeHalfQ6_K(
  bytes: Uint8Array,
  signed: Int8Array,
  d: number,
  at: { readonly low: number; readonly high: number; readonly scale: number; readonly to: number },
  out: Float32Array,
): void {
  for (let run = 0; run < 4; run++) {
    for (let i = 0; i < 32; i++) {
      const low = (bytes[at.low + (run & 1) * 32 + i] as number) >> (run >> 1 ? 4 : 0);
      const high = (bytes[at.high + i] as number) >> (2 * run);
      const scale = signed[at.scale + 2 * run + (i >> 4)] as number;
      out[at.to + run * 32 + i] = d * scale * (((low & 15) | ((high & 3) << 4)) - 32);
    }
  }
}
