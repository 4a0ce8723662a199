/** @file Half-precision formats to float32, exactly: IEEE binary16 (F16) and bfloat16 (BF16); numbers that are none. */
import { CheckpointError } from "../../core/errors.js";

let table: Float32Array | undefined;

/** The float32 values of all 65,536 binary16 bit patterns; made once. */
export function halfTable(): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, bits) => halfValue(bits));
  return table;
}

/** Decodes binary16 bit patterns. */
export function decodeF16(bits: Uint16Array): Float32Array {
  const values = halfTable();
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = values[bits[i] as number] as number;
  return out;
}

/** Decodes bfloat16 bit patterns: the upper halves of float32 ones. */
export function decodeBF16(bits: Uint16Array): Float32Array {
  const out = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = (bits[i] as number) << 16;
  return new Float32Array(out.buffer);
}

/**
 * Refuses NaN and infinite weights: whatever they touch is NaN, and that would be noticed far from here.
 * @param where file and tensor, for the message
 * @param from  place of the first value in its tensor
 * @throws CheckpointError naming the first one and its place
 */
export function refuseNonFinite(values: Float32Array, where: string, from = 0): void {
  // x·0 is 0 for every finite x, and NaN otherwise: one pass without a branch.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) * 0;
  if (sum === 0) return;
  const at = values.findIndex((value) => !Number.isFinite(value));
  throw new CheckpointError(`${where}: expected finite numbers, got ${values[at]} at place ${from + at}`, {
    hint: "training went wrong before these weights were saved, or the file is damaged; fetch it again",
  });
}

function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
