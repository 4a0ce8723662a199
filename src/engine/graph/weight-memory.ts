/**
 * @file What the weights of a graph take while a session is open. ONNX Runtime maps the files they lie in, and by default
 * copies every matrix on the right of a product into the layout of its kernels, once for each way it is read: forwards and
 * backwards for a training step. Products then run up to 1.7 times as fast (decision 0092), so graphs whose copies would
 * cost much more than the mapped files do without.
 */
import { multiplyDims } from "./dim.js";
import type { DType, Node, Value } from "./value.js";

/** Bytes of a graph's initialisers. */
export interface WeightMemory {
  /** As they lie in files. */
  readonly mapped: number;
  /** Copies in the layout of the kernels. */
  readonly packed: number;
  /** Those of `mapped` that are read although there are copies: embeddings, norms. */
  readonly unpacked: number;
  /** The largest initialiser that ONNX Runtime computes with, and copies for it, while a session opens. */
  readonly folded: number;
}

/** Graphs whose packed copies need at most so much more than their files get them. Of the model alone, never of the machine: both ways round differently. */
const PACKING_BYTES = 2 ** 30;

/** Bytes of the initialisers that nodes read. */
export function weightMemory(nodes: readonly Node[]): WeightMemory {
  const packed = new Map<string, number>();
  const [all, unpacked] = [new Map<Value, number>(), new Map<Value, number>()];
  let folded = 0;
  for (const node of nodes) {
    node.inputs.forEach((value, i) => {
      if (value?.origin.kind !== "external") return;
      const size = knownBytes(value);
      all.set(value, size);
      if (isPackable(node, i)) packed.set(`${value.origin.name} ${String(node.attributes["transB"])}`, size);
      else unpacked.set(value, size);
    });
    if (isFolded(node))
      folded = Math.max(folded, ...node.inputs.map((value) => (value ? knownBytes(value) : 0)));
  }
  return { mapped: total(all), packed: total(packed), unpacked: total(unpacked), folded };
}

/** Whether a session over these weights makes packed copies. */
export function isPacked({ mapped, packed, unpacked }: WeightMemory): boolean {
  return packed + unpacked - mapped <= PACKING_BYTES;
}

/** Bytes that an open session holds of its weights. */
export function residentWeights(weights: WeightMemory): number {
  return isPacked(weights) ? weights.packed + weights.unpacked : weights.mapped;
}

/** Bytes of one element. */
export const ELEMENT_BYTES: Readonly<Record<DType, number>> = {
  float64: 8,
  int64: 8,
  float32: 4,
  int32: 4,
  float16: 2,
  bfloat16: 2,
  uint8: 1,
  bool: 1,
};

/** Products, and their input that has a layout of its own. */
const PRODUCTS: ReadonlySet<string> = new Set(["FusedMatMul", "Gemm", "MatMulNBits"]);

function isPackable({ definition, inputs }: Node, index: number): boolean {
  const isMatrix = definition.type === "MatMulNBits" || inputs[index]?.rank === 2;
  return PRODUCTS.has(definition.type) && index === 1 && isMatrix;
}

function isFolded({ inputs }: Node): boolean {
  return inputs.every((value) => value?.origin.kind === "external" || value?.origin.kind === "constant");
}

function knownBytes({ dtype, shape }: Value): number {
  const elements = multiplyDims(...shape);
  return typeof elements === "number" ? elements * ELEMENT_BYTES[dtype] : 0;
}

function total(sizes: ReadonlyMap<unknown, number>): number {
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
