/**
 * @file GGUF blocks of 32 elements (ggml-quants.c, dequantize_row_q4_0 and its siblings): a half-precision scale, perhaps
 * a minimum, and 4, 5 or 8 bits an element. Element i of the first 16 lies in a low nibble, i + 16 in the high one.
 */
import { halfTable } from "../float-formats.js";

/** Block: half d, 16 bytes of two nibbles; value = d (q − 8). */
export function decodeQ4_0(bytes: Uint8Array): Float32Array {
  const half = halfTable();
  const out = new Float32Array((bytes.length / 18) * 32);
  for (let block = 0, to = 0; block < bytes.length; block += 18, to += 32) {
    const d = scaleAt(bytes, block, half);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[block + 2 + i] as number;
      out[to + i] = d * ((pair & 15) - 8);
      out[to + 16 + i] = d * ((pair >> 4) - 8);
    }
  }
  return out;
}

/** Block: half d, half m, 16 bytes of two nibbles; value = d q + m. */
export function decodeQ4_1(bytes: Uint8Array): Float32Array {
  const half = halfTable();
  const out = new Float32Array((bytes.length / 20) * 32);
  for (let block = 0, to = 0; block < bytes.length; block += 20, to += 32) {
    const d = scaleAt(bytes, block, half);
    const m = scaleAt(bytes, block + 2, half);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[block + 4 + i] as number;
      out[to + i] = d * (pair & 15) + m;
      out[to + 16 + i] = d * (pair >> 4) + m;
    }
  }
  return out;
}

/** Block: half d, 32 fifth bits, 16 bytes of two nibbles; value = d (q − 16). */
export function decodeQ5_0(bytes: Uint8Array): Float32Array {
  const half = halfTable();
  const out = new Float32Array((bytes.length / 22) * 32);
  for (let block = 0, to = 0; block < bytes.length; block += 22, to += 32) {
    const d = scaleAt(bytes, block, half);
    const high = wordAt(bytes, block + 2);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[block + 6 + i] as number;
      out[to + i] = d * (((pair & 15) | (((high >>> i) & 1) << 4)) - 16);
      out[to + 16 + i] = d * (((pair >> 4) | (((high >>> (16 + i)) & 1) << 4)) - 16);
    }
  }
  return out;
}

/** Block: half d, half m, 32 fifth bits, 16 bytes of two nibbles; value = d q + m. */
export function decodeQ5_1(bytes: Uint8Array): Float32Array {
  const half = halfTable();
  const out = new Float32Array((bytes.length / 24) * 32);
  for (let block = 0, to = 0; block < bytes.length; block += 24, to += 32) {
    const d = scaleAt(bytes, block, half);
    const m = scaleAt(bytes, block + 2, half);
    const high = wordAt(bytes, block + 4);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[block + 8 + i] as number;
      out[to + i] = d * ((pair & 15) | (((high >>> i) & 1) << 4)) + m;
      out[to + 16 + i] = d * ((pair >> 4) | (((high >>> (16 + i)) & 1) << 4)) + m;
    }
  }
  return out;
}

/** Block: half d, 32 signed bytes; value = d q. */
export function decodeQ8_0(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  const half = halfTable();
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const out = new Float32Array((bytes.length / 34) * 32);
  for (let block = 0, to = 0; block < bytes.length; block += 34, to += 32) {
    const d = scaleAt(bytes, block, half);
    for (let i = 0; i < 32; i++) out[to + i] = d * (signed[block + 2 + i] as number);
  }
  return out;
}

/** The 16 levels of IQ4_NL (ggml-common.h, kvalues_iq4nl): closer together around zero. */
const NON_LINEAR_LEVELS = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113] as const;

/** Block: half d, 16 bytes of two nibbles; value = d level[q]. What llama.cpp takes for Q2_K and Q3_K in odd rows. */
export function decodeIQ4_NL(bytes: Uint8Array): Float32Array {
  const half = halfTable();
  const out = new Float32Array((bytes.length / 18) * 32);
  for (let block = 0, to = 0; block < bytes.length; block += 18, to += 32) {
    const d = scaleAt(bytes, block, half);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[block + 2 + i] as number;
      out[to + i] = d * (NON_LINEAR_LEVELS[pair & 15] as number);
      out[to + 16 + i] = d * (NON_LINEAR_LEVELS[pair >> 4] as number);
    }
  }
  return out;
}

/**
 * The half-precision number at `offset`, little endian.
 * @param half the values of all bit patterns
 */
export function scaleAt(bytes: Uint8Array, offset: number, half: Float32Array): number {
  return half[(bytes[offset] as number) | ((bytes[offset + 1] as number) << 8)] as number;
}

function wordAt(bytes: Uint8Array, offset: number): number {
  const [a, b, c, d] = [bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]];
  return (a as number) | ((b as number) << 8) | ((c as number) << 16) | ((d as number) << 24);
}
