/**
 * @file Dimensions that may be unknown until a graph runs: polynomials with integer coefficients over named symbols
 * (`B*L`, `S+T`), in a canonical form so that equal expressions compare equal.
 */
import { ShapeError } from "../../core/errors.js";

/** A dimension: a number, or an expression over symbols. */
export type Dim = number | SymbolicDim;

/** A tensor's shape. */
export type Shape = readonly Dim[];

/** A sum of products of symbols. Made by {@link symbol} and the arithmetic below. */
export class SymbolicDim {
  /** Canonical text, e.g. `2*B*L+T`; equal expressions have equal keys. */
  readonly key: string;
  readonly terms: ReadonlyMap<string, Term>;

  constructor(terms: ReadonlyMap<string, Term>) {
    this.terms = terms;
    this.key = [...terms]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { coefficient }]) =>
        coefficient === 1 ? name : name ? `${coefficient}*${name}` : `${coefficient}`,
      )
      .join("+");
  }

  toString(): string {
    return this.key;
  }
}

/** `coefficient` times the product of `symbols`. */
interface Term {
  readonly coefficient: number;
  readonly symbols: readonly DimSymbol[];
}

/** A named unknown; two of one name are not the same. */
export class DimSymbol {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** A new unknown dimension. Two calls with one name give two symbols: make each once and share it. */
export function symbol(name: string): SymbolicDim {
  return new SymbolicDim(new Map([[name, { coefficient: 1, symbols: [new DimSymbol(name)] }]]));
}

/** Whether two dimensions are known to be equal. */
export function sameDim(a: Dim, b: Dim): boolean {
  return typeof a === "number" || typeof b === "number" ? a === b : a.key === b.key;
}

/** Whether two shapes are known to be equal. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => sameDim(dim, b[i] as Dim));
}

/** a + b */
export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a + b;
  return fromTerms([...termsOf(a), ...termsOf(b)]);
}

/** The product of all dimensions; 1 for none. */
export function multiplyDims(...dims: readonly Dim[]): Dim {
  return dims.reduce((product, dim) => multiplyTwo(product, dim), 1 as Dim);
}

/** Values of symbols by name. */
export type DimValues = Readonly<Record<string, number>>;

/** The number that a dimension is under given values. @throws ShapeError for a symbol without one */
export function evaluateDim(dim: Dim, values: DimValues): number {
  if (typeof dim === "number") return dim;
  let total = 0;
  for (const { coefficient, symbols } of dim.terms.values())
    total += symbols.reduce((product, { name }) => product * requireValue(name, values), coefficient);
  return total;
}

/** Text of a shape for messages: `[B,L,576]`. */
export function describeShape(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

/** The dimension at an axis, negative counted from the end. */
export function dimAt(shape: Shape, axis: number): Dim {
  const dim = shape.at(axis);
  if (dim === undefined) throw new ShapeError(`axis ${axis}: expected an axis of ${describeShape(shape)}`);
  return dim;
}

/** The shape of an elementwise operation on both, by NumPy's broadcasting rules. */
export function broadcastShapes(where: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    if (sameDim(left, right) || right === 1) return left;
    if (left === 1) return right;
    throw new ShapeError(`${where}: shapes do not broadcast, ${describeShape(a)} and ${describeShape(b)}`);
  });
}

function requireValue(name: string, values: DimValues): number {
  const value = values[name];
  if (value === undefined) throw new ShapeError(`dimension ${name}: expected a value, got none`);
  return value;
}

/** A symbol that a dimension is made of; null for a number. */
export function firstSymbol(dim: Dim): DimSymbol | null {
  if (typeof dim === "number") return null;
  for (const { symbols } of dim.terms.values()) if (symbols[0]) return symbols[0];
  return null;
}

function termsOf(dim: Dim): Term[] {
  return typeof dim === "number" ? [{ coefficient: dim, symbols: [] }] : [...dim.terms.values()];
}

function fromTerms(terms: readonly Term[]): Dim {
  const merged = new Map<string, Term>();
  for (const { coefficient, symbols } of terms) {
    const sorted = [...symbols].sort((a, b) => (a.name < b.name ? -1 : 1));
    const name = sorted.map((s) => s.name).join("*");
    const total = (merged.get(name)?.coefficient ?? 0) + coefficient;
    if (total === 0) merged.delete(name);
    else merged.set(name, { coefficient: total, symbols: sorted });
  }
  const constant = merged.get("");
  if (merged.size === 0) return 0;
  return merged.size === 1 && constant ? constant.coefficient : new SymbolicDim(merged);
}

function multiplyTwo(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a * b;
  return fromTerms(
    termsOf(a).flatMap((s) =>
      termsOf(b).map((t) => ({
        coefficient: s.coefficient * t.coefficient,
        symbols: [...s.symbols, ...t.symbols],
      })),
    ),
  );
}
