/** @file Graph inputs, and where the value of a symbolic dimension can be read when a graph runs: at an axis of one of them. */
import { type Dim, type DimSymbol, firstSymbol, type Shape } from "./dim.js";
import { type DType, Value } from "./value.js";

/** One axis of a graph input. */
interface DimSource {
  readonly value: Value;
  readonly axis: number;
}

/** By a symbol of the dimension, then by the dimension's key. */
const sources = new WeakMap<DimSymbol, Map<string, DimSource>>();

/** A graph input; it carries its symbolic dimensions. */
export function input(name: string, dtype: DType, shape: Shape): Value {
  const value = new Value(dtype, shape, { kind: "input", name });
  shape.forEach((dim, axis) => {
    carryDim(dim, { value, axis });
  });
  return value;
}

/** Where a dimension can be read as it stands, or null. */
export function dimSource(dim: Dim): DimSource | null {
  const holder = firstSymbol(dim);
  return (holder && sources.get(holder)?.get(String(dim))) ?? null;
}

/** Where a symbol can be read by itself, or null. */
export function symbolSource(atom: DimSymbol): DimSource | null {
  return sources.get(atom)?.get(atom.name) ?? null;
}

/** The first input to carry a dimension stays its source. */
function carryDim(dim: Dim, source: DimSource): void {
  const holder = firstSymbol(dim);
  if (holder === null) return;
  const known = sources.get(holder) ?? new Map<string, DimSource>();
  if (!known.has(String(dim))) known.set(String(dim), source);
  sources.set(holder, known);
}
