/**
 * @file GGUF block types and their dequantisation, bit for bit as llama.cpp does it (ggml-quants.c, dequantize_row_*).
 * Products of a half-precision scale and small integers are exact in float32 and in float64, and so is the sum in float64;
 * one rounding to float32 remains, the same that llama.cpp's float32 arithmetic makes.
 */
import { CheckpointError } from "../../../core/errors.js";
import { decodeBF16, decodeF16 } from "../float-formats.js";
import { decodeIQ4_NL, decodeQ4_0, decodeQ4_1, decodeQ5_0, decodeQ5_1, decodeQ8_0 } from "./blocks-32.js";
import { decodeQ2_K, decodeQ3_K, decodeQ4_K, decodeQ5_K, decodeQ6_K, SUPER_BLOCK } from "./blocks-256.js";

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
  [6, { name: "Q5_0", elements: 32, sizeBytes: 22, decode: decodeQ5_0 }],
  [7, { name: "Q5_1", elements: 32, sizeBytes: 24, decode: decodeQ5_1 }],
  [8, { name: "Q8_0", elements: 32, sizeBytes: 34, decode: decodeQ8_0 }],
  [10, { name: "Q2_K", elements: SUPER_BLOCK, sizeBytes: 84, decode: decodeQ2_K }],
  [11, { name: "Q3_K", elements: SUPER_BLOCK, sizeBytes: 110, decode: decodeQ3_K }],
  [12, { name: "Q4_K", elements: SUPER_BLOCK, sizeBytes: 144, decode: decodeQ4_K }],
  [13, { name: "Q5_K", elements: SUPER_BLOCK, sizeBytes: 176, decode: decodeQ5_K }],
  [14, { name: "Q6_K", elements: SUPER_BLOCK, sizeBytes: 210, decode: decodeQ6_K }],
  [20, { name: "IQ4_NL", elements: 32, sizeBytes: 18, decode: decodeIQ4_NL }],
  [
    30,
    { name: "BF16", elements: 1, sizeBytes: 2, decode: (bytes) => decodeBF16(new Uint16Array(bytes.buffer)) },
  ],
] satisfies [number, BlockType][]);

/** Names of types that exist and are not read, by id (ggml.h, enum ggml_type). */
const UNSUPPORTED: ReadonlyMap<number, string> = new Map([
  [9, "Q8_1"],
  [15, "Q8_K"],
  [16, "IQ2_XXS"],
  [17, "IQ2_XS"],
  [18, "IQ3_XXS"],
  [19, "IQ1_S"],
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
  [40, "NVFP4"],
  [41, "Q1_0"],
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
