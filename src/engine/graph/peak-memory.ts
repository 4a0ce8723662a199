/**
 * @file How much memory a run of a graph takes, without running it: its nodes in the order in which ONNX Runtime runs them,
 * each tensor counted from the node that makes it to the last one that reads it, symbols replaced by planned dimensions.
 * Nothing is computed in place: ONNX Runtime does so only where it knows that shapes are equal, which symbols hide from it.
 */
import { type DimValues, evaluateDim } from "./dim.js";
import { executionOrder } from "./topology.js";
import type { Node, Value } from "./value.js";
import { ELEMENT_BYTES, foldedNodes, type WeightMemory, weightMemory } from "./weight-memory.js";

/** What an open session over a graph and one run of it hold, in bytes. */
export interface GraphMemory {
  readonly weights: WeightMemory;
  /** Fed tensors. */
  readonly inputs: number;
  /** Most bytes of computed tensors at one time, outputs included. */
  readonly activations: number;
  /** Tensors that leave the graph; part of `activations`. */
  readonly outputs: number;
}

/**
 * Memory of one run.
 * @param outputs as given to the emitter
 * @param dims    a value for every symbol of the graph, by name
 * @throws ShapeError for a symbol without a value
 */
export function graphMemory(outputs: readonly Value[], dims: DimValues): GraphMemory {
  const order = executionOrder(outputs);
  const folded = foldedNodes(order);
  const fed = new Set(
    order.flatMap(({ inputs }) => inputs.filter((value) => value?.origin.kind === "input")),
  );
  return {
    weights: weightMemory(order),
    inputs: totalBytes([...fed] as readonly Value[], dims),
    activations: liveness(
      order.filter((node) => !folded.has(node)),
      outputs,
      dims,
    ),
    outputs: totalBytes(outputs, dims),
  };
}

function totalBytes(values: readonly Value[], dims: DimValues): number {
  return values.reduce((sum, value) => sum + byteSize(value, dims), 0);
}

function byteSize({ dtype, shape }: Value, dims: DimValues): number {
  return shape.reduce<number>((size, dim) => size * evaluateDim(dim, dims), ELEMENT_BYTES[dtype]);
}

/** Most bytes alive at one node: what it reads, what it makes, and what later nodes still read. */
function liveness(order: readonly Node[], outputs: readonly Value[], dims: DimValues): number {
  const lastUse = lastUses(order, outputs);
  const dying = new Map<number, number>();
  let [alive, most] = [0, 0];
  order.forEach((node, at) => {
    for (const value of node.outputs) {
      if (storageOf(value) !== value) continue;
      const size = byteSize(value, dims);
      const end = lastUse.get(value) ?? at;
      alive += size;
      dying.set(end, (dying.get(end) ?? 0) + size);
    }
    most = Math.max(most, alive);
    alive -= dying.get(at) ?? 0;
  });
  return most;
}

/** The place in the order after which a tensor's bytes are free; graph outputs stay to the end. */
function lastUses(order: readonly Node[], outputs: readonly Value[]): Map<Value, number> {
  const last = new Map<Value, number>();
  order.forEach((node, at) => {
    for (const value of node.inputs) if (value) last.set(storageOf(value), at);
  });
  for (const value of outputs) last.set(storageOf(value), Number.POSITIVE_INFINITY);
  return last;
}

/** The value whose bytes a value shows: a reshaped tensor is the same bytes. */
function storageOf(value: Value): Value {
  let at = value;
  while (at.origin.kind === "node" && at.origin.node.definition.type === "Reshape") {
    const source = at.origin.node.inputs[0];
    if (!source) break;
    at = source;
  }
  return at;
}
