/**
 * @file GGUF block types and their dequantisation, bit for bit as llama.cpp does it (ggml-quants.c, dequantize_row_*).
 * Products of a half-precision scale and a small integer are exact in float64, so one rounding to float32 remains,
 * the same that llama.cpp's float32 arithmetic makes.
 */
import { CheckpointError } from "../../core/errors.js";
import { decodeBF16, decodeF16, halfTable } from "../float-formats.js";

/** How one block type is laid out and read. */
export interface BlockType {
  readonly name: string;
  /** Elements a block. */
  readonly elements: number;
  /** Bytes a block. */
  readonly sizeBytes: number;
  /** Float32 values of whole blocks; `bytes` starts at offset 0 of its buffer. */
  readonly decode: (bytes: Uint8Array<ArrayBuffer>) => Float32Array;
}

const SUPPORTED: ReadonlyMap<number, BlockType> = new Map([
  [0, { name: "F32", elements: 1, sizeBytes: 4, decode: (bytes) => new Float32Array(bytes.buffer) }],
  [
    1,
    { name: "F16", elements: 1, sizeBytes: 2, decode: (bytes) => decodeF16(new Uint16Array(bytes.buffer)) },
  ],
  [2, { name: "Q4_0", elements: 32, sizeBytes: 18, decode: decodeQ4_0 }],
  [3, { name: "Q4_1", elements: 32, sizeBytes: 20, decode: decodeQ4_1 }],
  [8, { name: "Q8_0", elements: 32, sizeBytes: 34, decode: decodeQ8_0 }],
  [14, { name: "Q6_K", elements: 256, sizeBytes: 210, decode: decodeQ6_K }],
  [
    30,
    { name: "BF16", elements: 1, sizeBytes: 2, decode: (bytes) => decodeBF16(new Uint16Array(bytes.buffer)) },
  ],
] satisfies [number, BlockType][]);

/** Names of types that exist and are not read, by id (ggml.h, enum ggml_type). */
const UNSUPPORTED: ReadonlyMap<number, string> = new Map([
  [6, "Q5_0"],
  [7, "Q5_1"],
  [9, "Q8_1"],
  [10, "Q2_K"],
  [11, "Q3_K"],
  [12, "Q4_K"],
  [13, "Q5_K"],
  [15, "Q8_K"],
  [16, "IQ2_XXS"],
  [17, "IQ2_XS"],
  [18, "IQ3_XXS"],
  [19, "IQ1_S"],
  [20, "IQ4_NL"],
  [21, "IQ3_S"],
  [22, "IQ2_S"],
  [23, "IQ4_XS"],
  [24, "I8"],
  [25, "I16"],
  [26, "I32"],
  [27, "I64"],
  [28, "F64"],
  [29, "IQ1_M"],
  [34, "TQ1_0"],
  [35, "TQ2_0"],
  [39, "MXFP4"],
]);

/** Names of the block types that are read. */
export const SUPPORTED_BLOCK_TYPES: readonly string[] = Array.from(SUPPORTED.values(), (type) => type.name);

/**
 * The block type of an id.
 * @throws CheckpointError naming the type and those that are supported
 */
export function blockType(id: number, where: string): BlockType {
  const type = SUPPORTED.get(id);
  if (type !== undefined) return type;
  throw new CheckpointError(
    `${where}: expected a block type among ${SUPPORTED_BLOCK_TYPES.join(", ")}, got ${UNSUPPORTED.get(id) ?? `unknown type ${id}`}`,
    { hint: "use another quantisation of the same model, for example Q8_0" },
  );
}

/** Block: half d, 16 bytes of two nibbles; value = d (q − 8). */
function decodeQ4_0(bytes: Uint8Array): Float32Array {
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
function decodeQ4_1(bytes: Uint8Array): Float32Array {
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

/** Block: half d, 32 signed bytes; value = d q. */
function decodeQ8_0(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  const half = halfTable();
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const out = new Float32Array((bytes.length / 34) * 32);
  for (let block = 0, to = 0; block < bytes.length; block += 34, to += 32) {
    const d = scaleAt(bytes, block, half);
    for (let i = 0; i < 32; i++) out[to + i] = d * (signed[block + 2 + i] as number);
  }
  return out;
}

/** Block: 128 bytes of low nibbles, 64 of upper bit pairs, 16 signed scales, half d; value = d scale (q − 32). */
function decodeQ6_K(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  const half = halfTable();
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const out = new Float32Array((bytes.length / 210) * 256);
  for (let block = 0, to = 0; block < bytes.length; block += 210, to += 256) {
    const d = scaleAt(bytes, block + 208, half);
    decodeHalfQ6_K(bytes, signed, d, { low: block, high: block + 128, scale: block + 192, to }, out);
    decodeHalfQ6_K(
      bytes,
      signed,
      d,
      { low: block + 64, high: block + 160, scale: block + 200, to: to + 128 },
      out,
    );
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

function scaleAt(bytes: Uint8Array, offset: number, half: Float32Array): number {
  return half[(bytes[offset] as number) | ((bytes[offset + 1] as number) << 8)] as number;
}
