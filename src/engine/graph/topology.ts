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

/** The node that makes a value, or null for inputs, constants and initialisers. */
export function producer(value: Value): Node | null {
  return value.origin.kind === "node" ? value.origin.node : null;
}
