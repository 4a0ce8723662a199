/**
 * @file Weights in blocks of 32 along the input axis: 4 bits with a scale and an offset a block, or 8 bits with a scale, in
 * the layout of ONNX Runtime's MatMulNBits. A block that lies on such a grid already, as every block of a dequantised Q4_0,
 * Q4_1, Q4_K or Q8_0 tensor does, gets that very grid back, so nothing is rounded a second time. Others are rounded to the
 * nearest level: 4 bits between smallest and largest (ggml's Q4_1), 8 bits around zero (Q8_0).
 */
import { ConfigError, InternalError } from "../../core/errors.js";

/** Elements that share a scale. */
export const BLOCK_SIZE = 32;
/** The code that stands for 0 times the scale, by bits. */
export const ZERO_CODE = { 4: 8, 8: 128 } as const;
/** Values are held as float32: a grid must meet them to this share of the block's largest. */
const GRID_TOLERANCE = 2 ** -22;

/** A matrix [out, in] in blocks: value = scale · (code − zero code) + offset. */
export interface QuantisedMatrix {
  readonly bits: 4 | 8;
  /** [out, in/32, 4·bits]; of two 4-bit codes in a byte the first is the low one. */
  readonly codes: Uint8Array;
  /** [out, in/32] */
  readonly scales: Float32Array;
  /** [out, in/32]; null when all are 0 */
  readonly offsets: Float32Array | null;
}

/** Bytes of codes a block. */
export function blockBytes(bits: 4 | 8): number {
  return (BLOCK_SIZE * bits) / 8;
}

/**
 * Quantises rows of whole blocks.
 * @throws ConfigError when `width` is not a multiple of the block size
 */
export function quantise(weights: Float32Array, width: number, bits: 4 | 8, name: string): QuantisedMatrix {
  if (width % BLOCK_SIZE !== 0)
    throw new ConfigError(`${name}: expected rows of a multiple of ${BLOCK_SIZE} weights, got ${width}`, {
      hint: "this model can be used with --weights f32 only",
    });
  return bits === 4 ? quantise4(weights) : quantise8(weights);
}

/** The float32 values that a quantised matrix stands for. */
export function dequantise({ bits, codes, scales, offsets }: QuantisedMatrix): Float32Array {
  const out = new Float32Array(scales.length * BLOCK_SIZE);
  for (let i = 0; i < out.length; i++) {
    const block = Math.floor(i / BLOCK_SIZE);
    const code = bits === 8 ? (codes[i] as number) : ((codes[i >> 1] as number) >> (4 * (i & 1))) & 15;
    out[i] = (scales[block] as number) * (code - ZERO_CODE[bits]) + (offsets?.[block] ?? 0);
  }
  return out;
}

/** Levels of a block: value = step · q + least, q from 0. */
interface Grid {
  readonly step: number;
  readonly least: number;
}

function quantise4(weights: Float32Array): QuantisedMatrix {
  const blocks = weights.length / BLOCK_SIZE;
  const [codes, scales] = [new Uint8Array(weights.length / 2), new Float32Array(blocks)];
  const offsets = new Float32Array(blocks);
  let hasOffsets = false;
  for (let block = 0; block < blocks; block++) {
    const at = block * BLOCK_SIZE;
    const { step, least } = grid4(weights, at);
    const lowest = lowestCode(weights, at, { step, least });
    for (let i = 0; i < BLOCK_SIZE; i++)
      codes[(at + i) >> 1] =
        (codes[(at + i) >> 1] as number) |
        ((lowest + nearest(weights[at + i] as number, step, least, 15)) << (4 * (i & 1)));
    scales[block] = step;
    offsets[block] = least - step * (lowest - ZERO_CODE[4]);
    hasOffsets ||= offsets[block] !== 0;
  }
  return { bits: 4, codes, scales, offsets: hasOffsets ? offsets : null };
}

function quantise8(weights: Float32Array): QuantisedMatrix {
  const blocks = weights.length / BLOCK_SIZE;
  const [codes, scales] = [new Uint8Array(weights.length), new Float32Array(blocks)];
  for (let block = 0; block < blocks; block++) {
    const at = block * BLOCK_SIZE;
    const { least, most } = bounds(weights, at);
    const exact = Math.max(-least, most) / 127;
    const half = halfPrecision(exact);
    const step = meets8(weights, at, half) ? half : Math.fround(exact);
    scales[block] = step;
    for (let i = 0; i < BLOCK_SIZE; i++) {
      const q = step === 0 ? 0 : Math.round((weights[at + i] as number) / step);
      codes[at + i] = ZERO_CODE[8] + Math.min(127, Math.max(-127, q));
    }
  }
  return { bits: 8, codes, scales, offsets: null };
}

/**
 * The grid that a block lies on, or 16 levels from its smallest to its largest value. A block need not use its lowest and
 * highest level, so their distance may be any number of steps.
 */
function grid4(weights: Float32Array, at: number): Grid {
  const { least, most } = bounds(weights, at);
  const tolerance = GRID_TOLERANCE * Math.max(-least, most);
  for (let steps = 15; steps > 0; steps--) {
    const exact = Math.fround((most - least) / steps);
    for (const step of [halfPrecision(exact), exact])
      if (meets(weights, at, { step, least }, 15, tolerance)) return { step, least };
  }
  return { step: Math.fround((most - least) / 15), least };
}

/** The code of the smallest value: where the grid passes through 0, the one that needs no offset. */
function lowestCode(weights: Float32Array, at: number, { step, least }: Grid): number {
  if (step === 0) return 0;
  const code = ZERO_CODE[4] + Math.round(least / step);
  const { most } = bounds(weights, at);
  const fits = code >= 0 && code + nearest(most, step, least, 15) <= 15;
  return fits && step * (code - ZERO_CODE[4]) === least ? code : 0;
}

function meets8(weights: Float32Array, at: number, step: number): boolean {
  const { least, most } = bounds(weights, at);
  const grid = { step, least: -127 * step };
  return meets(weights, at, grid, 254, GRID_TOLERANCE * Math.max(-least, most));
}

function meets(weights: Float32Array, at: number, grid: Grid, levels: number, tolerance: number): boolean {
  const { step, least } = grid;
  for (let i = 0; i < BLOCK_SIZE; i++) {
    const value = weights[at + i] as number;
    if (Math.abs(step * nearest(value, step, least, levels) + least - value) > tolerance) return false;
  }
  return true;
}

/** The number of steps from `least` that comes nearest to a value, 0 … levels. */
function nearest(value: number, step: number, least: number, levels: number): number {
  return step === 0 ? 0 : Math.min(levels, Math.max(0, Math.round((value - least) / step)));
}

function bounds(weights: Float32Array, at: number): { least: number; most: number } {
  let [least, most] = [weights[at] as number, weights[at] as number];
  for (let i = 1; i < BLOCK_SIZE; i++) {
    const value = weights[at + i] as number;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (!Number.isFinite(least) || !Number.isFinite(most))
    throw new InternalError("quantise: expected finite weights");
  return { least, most };
}

/** A positive number at the precision of IEEE binary16, which block scales are stored with. */
function halfPrecision(value: number): number {
  if (value === 0) return 0;
  const unit = Math.max(2 ** (Math.floor(Math.log2(value)) - 10), 2 ** -24);
  return Math.round(value / unit) * unit;
}
