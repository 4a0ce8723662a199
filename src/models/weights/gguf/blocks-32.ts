/**
 * @file GGUF blocks of 32 elements (ggml-quants.c, dequantize_row_q4_0 and its siblings): a half-precision scale, perhaps
 * a minimum, and 4, 5 or 8 bits an element. Element i of the first 16 lies in a low nibble, i + 16 in the high one.
 */
import { halfTable } from "../float-formats.js";

/** Float32 values of whole blocks. */
type BlockDecoder = (bytes: Uint8Array) => Float32Array;

/** Where the parts of a block of nibbles stand, in bytes from its start; its half d stands first, its nibbles last. */
interface NibbleBlock {
  /** Half m. */
  readonly minimumAt?: number;
  /** 32 fifth bits, element 0 in the lowest. */
  readonly fifthBitsAt?: number;
  /** 16 bytes of two nibbles. */
  readonly nibblesAt: number;
  /** What each code q stands for: value = d level[q] + m. */
  readonly levels: readonly number[];
}

/** Levels q − zero of all codes of so many bits. */
function evenLevels(bits: 4 | 5, zero: number): number[] {
  return Array.from({ length: 2 ** bits }, (_, q) => q - zero);
}

/** The 16 levels of IQ4_NL (ggml-common.h, kvalues_iq4nl): closer together around zero. */
const NON_LINEAR_LEVELS = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/** Value = d (q − 8). */
export const decodeQ4_0: BlockDecoder = nibbleDecoder({ nibblesAt: 2, levels: evenLevels(4, 8) });
/** Value = d q + m. */
export const decodeQ4_1: BlockDecoder = nibbleDecoder({
  minimumAt: 2,
  nibblesAt: 4,
  levels: evenLevels(4, 0),
});
/** Value = d (q − 16). */
export const decodeQ5_0: BlockDecoder = nibbleDecoder({
  fifthBitsAt: 2,
  nibblesAt: 6,
  levels: evenLevels(5, 16),
});
/** Value = d q + m. */
export const decodeQ5_1: BlockDecoder = nibbleDecoder({
  minimumAt: 2,
  fifthBitsAt: 4,
  nibblesAt: 8,
  levels: evenLevels(5, 0),
});
/** Value = d level[q]. What llama.cpp takes for Q2_K and Q3_K in odd rows. */
export const decodeIQ4_NL: BlockDecoder = nibbleDecoder({ nibblesAt: 2, levels: NON_LINEAR_LEVELS });

function nibbleDecoder({ minimumAt, fifthBitsAt, nibblesAt, levels }: NibbleBlock): BlockDecoder {
  const sizeBytes = nibblesAt + 16;
  return (bytes) => {
    const half = halfTable();
    const out = new Float32Array((bytes.length / sizeBytes) * 32);
    for (let block = 0, to = 0; block < bytes.length; block += sizeBytes, to += 32) {
      const d = scaleAt(bytes, block, half);
      // Adding −0 changes no bit of any number.
      const m = minimumAt === undefined ? -0 : scaleAt(bytes, block + minimumAt, half);
      const fifth = fifthBitsAt === undefined ? 0 : wordAt(bytes, block + fifthBitsAt);
      for (let i = 0; i < 16; i++) {
        const pair = bytes[block + nibblesAt + i] as number;
        const low = ((fifth >>> i) & 1) << 4;
        const high = ((fifth >>> (16 + i)) & 1) << 4;
        out[to + i] = d * (levels[(pair & 15) | low] as number) + m;
        out[to + 16 + i] = d * (levels[(pair >> 4) | high] as number) + m;
      }
    }
    return out;
  };
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
