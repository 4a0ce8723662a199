/** @file Walks over graphs. */
import type { Node, Value } from "./value.js";

/** The nodes that the values depend on, each after the nodes it depends on. Iterative: graphs are thousands deep. */
export function topologicalOrder(outputs: readonly Value[]): Node[] {
  const order: Node[] = [];
  const state = new Map<Node, "open" | "done">();
  const stack = outputs
    .map(producer)
    .filter((node) => node !== null)
    .reverse();
  for (let node = stack.at(-1); node; node = stack.at(-1)) {
    if (state.get(node) === undefined) {
      state.set(node, "open");
      for (const input of node.inputs.toReversed()) {
        const next = input && producer(input);
        if (next && state.get(next) === undefined) stack.push(next);
      }
      continue;
    }
    stack.pop();
    if (state.get(node) === "open") {
      state.set(node, "done");
      order.push(node);
    }
  }
  return order;
}

/**
 * The nodes in the order in which ONNX Runtime runs a graph emitted from these outputs: depth first from the nodes that
 * nobody reads, later ones first, and at each node the later of its producers first (`Graph::ReverseDFSFrom`).
 */
export function executionOrder(outputs: readonly Value[]): Node[] {
  const emitted = topologicalOrder(outputs);
  const index = new Map(emitted.map((node, i) => [node, i]));
  const producers = emitted.map((node) =>
    producersOf(node)
      .map((source) => index.get(source) ?? 0)
      .sort((a, b) => a - b),
  );
  const isRead = new Set(producers.flat());
  const stack = emitted.map((_, i) => i).filter((i) => !isRead.has(i));
  const entered = new Set<number>();
  const order: Node[] = [];
  // A node is left (and runs) when it comes up the second time, marked by its complement.
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (at < 0) order.push(emitted[~at] as Node);
    else if (!entered.has(at)) {
      entered.add(at);
      stack.push(~at, ...(producers[at] ?? []).filter((source) => !entered.has(source)));
    }
  }
  return order;
}

/** The nodes that a node reads from, each once. */
function producersOf(node: Node): Node[] {
  return [
    ...new Set(node.inputs.map((value) => value && producer(value)).filter((source) => source !== null)),
  ];
}

/** The node that makes a value, or null for inputs, constants and initialisers. */
export function producer(value: Value): Node | null {
  return value.origin.kind === "node" ? value.origin.node : null;
}
