/**
 * @file Reverse-mode differentiation, graph to graph: the result is an ordinary graph of cotangents. Only nodes between
 * the targets and what is asked for are visited, so frozen weights and the layers below the lowest trained one cost nothing.
 */
import { GraphError, MissingGradientError, ShapeError } from "../../core/errors.js";
import { describeShape, sameShape } from "./dim.js";
import { add } from "./ops/basic.js";
import { zeros } from "./ops/layout.js";
import { topologicalOrder } from "./topology.js";
import { constant, isFloating, type Node, type Value } from "./value.js";

/** A value to differentiate, and the cotangent that flows into it (default: 1 for a scalar). */
export interface Target {
  readonly value: Value;
  readonly cotangent?: Value;
}

/**
 * Cotangents of `wrt`, in that order: Σ over targets of (∂ value / ∂ wrt)ᵀ · cotangent; zeros where nothing flows.
 * @throws MissingGradientError when the only way to a target passes an operation without gradient
 */
export function gradients(targets: readonly Target[], wrt: readonly Value[]): Value[] {
  const cotangents = new Map<Value, Value>();
  for (const target of targets) accumulate(cotangents, target.value, seed(target));
  const order = topologicalOrder(targets.map(({ value }) => value));
  const active = reachableFrom(wrt, order);
  for (const node of order.toReversed())
    if (node.outputs.some((output) => active.has(output))) pull(node, cotangents, active);
  return wrt.map((value) => cotangents.get(value) ?? zeros(value.shape));
}

function pull(node: Node, cotangents: Map<Value, Value>, active: ReadonlySet<Value>): void {
  const incoming = node.outputs.map((output) => cotangents.get(output) ?? null);
  if (incoming.every((cotangent) => cotangent === null)) return;
  if (node.definition.gradient === "none") return;
  const outgoing = node.definition.gradient(node, incoming);
  node.inputs.forEach((input, i) => {
    if (!input || !active.has(input)) return;
    const cotangent = outgoing[i];
    if (!cotangent) throw new MissingGradientError(`${node.definition.type}: no gradient for input ${i}`);
    accumulate(cotangents, input, cotangent);
  });
}

function accumulate(cotangents: Map<Value, Value>, value: Value, cotangent: Value): void {
  const before = cotangents.get(value);
  cotangents.set(value, before ? add(before, cotangent) : cotangent);
}

function seed({ value, cotangent }: Target): Value {
  if (!cotangent) {
    if (value.rank > 0 && !value.shape.every((dim) => dim === 1))
      throw new GraphError(
        `gradients: expected a cotangent for a value of shape ${describeShape(value.shape)}`,
      );
    return value.rank === 0 ? constant(1) : constant(Float32Array.of(1), value.shape as readonly number[]);
  }
  if (!sameShape(value.shape, cotangent.shape))
    throw new ShapeError(
      `gradients: cotangent ${describeShape(cotangent.shape)} for a value ${describeShape(value.shape)}`,
    );
  return cotangent;
}

/** The floating-point values that depend on `wrt`, `wrt` included. */
function reachableFrom(wrt: readonly Value[], order: readonly Node[]): Set<Value> {
  const active = new Set(wrt);
  for (const node of order) {
    if (node.definition.gradient === "none" || !node.inputs.some((input) => input && active.has(input)))
      continue;
    for (const output of node.outputs) if (isFloating(output.dtype)) active.add(output);
  }
  return active;
}
