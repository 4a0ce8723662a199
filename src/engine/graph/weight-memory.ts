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
  /** As they lie in files, or are computed once of what lies there. */
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

/** Bytes of the weights that nodes read; `nodes` come after what they read. */
export function weightMemory(nodes: readonly Node[]): WeightMemory {
  const folded = foldedNodes(nodes);
  const ids = new Map<Value, number>();
  const [packed, unpacked] = [new Map<string, number>(), new Map<Value, number>()];
  let largest = 0;
  for (const node of nodes) {
    node.inputs.forEach((value, i) => {
      if (!value || !isWeight(value, folded)) return;
      const size = knownBytes(value);
      if (folded.has(node)) largest = Math.max(largest, size);
      else if (!isPackable(node, i)) unpacked.set(value, size);
      else packed.set(`${idOf(value, ids)} ${String(node.attributes["transB"])}`, packedBytes(node, value));
      if (!folded.has(node)) idOf(value, ids);
    });
  }
  const mapped = [...ids.keys()].reduce((sum, value) => sum + knownBytes(value), 0);
  return { mapped, packed: total(packed), unpacked: total(unpacked), folded: largest };
}

/** Nodes that are computed once, while a session opens: all they read are initialisers and constants. */
export function foldedNodes(nodes: readonly Node[]): ReadonlySet<Node> {
  const folded = new Set<Node>();
  for (const node of nodes) {
    const isConstant = ({ origin }: Value): boolean =>
      origin.kind === "node" ? folded.has(origin.node) : origin.kind !== "input";
    if (node.inputs.every((value) => !value || isConstant(value))) folded.add(node);
  }
  return folded;
}

/** An initialiser of a file, or what is computed of such ones alone. */
function isWeight({ origin }: Value, folded: ReadonlySet<Node>): boolean {
  return origin.kind === "external" || (origin.kind === "node" && folded.has(origin.node));
}

function idOf(value: Value, ids: Map<Value, number>): number {
  const known = ids.get(value) ?? ids.size;
  ids.set(value, known);
  return known;
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

/** Blocks of codes are packed with their scale and their sum, a float32 each. */
function packedBytes({ definition }: Node, value: Value): number {
  const size = knownBytes(value);
  const block = value.shape.at(-1);
  return definition.type === "MatMulNBits" && typeof block === "number" ? size * (1 + 8 / block) : size;
}

function knownBytes({ dtype, shape }: Value): number {
  const elements = multiplyDims(...shape);
  return typeof elements === "number" ? elements * ELEMENT_BYTES[dtype] : 0;
}

function total(sizes: ReadonlyMap<unknown, number>): number {
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
