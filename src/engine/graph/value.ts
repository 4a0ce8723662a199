/**
 * @file Values and nodes: a graph is the set of nodes that its outputs reach, so building one is calling functions and
 * what nobody uses is never part of it. Nothing here executes.
 */
import { DTypeError, GraphError, ShapeError } from "../../core/errors.js";
import { describeShape, multiplyDims, type Shape } from "./dim.js";

/** Element types inside graphs. */
export type DType = "float32" | "float64" | "float16" | "bfloat16" | "int64" | "int32" | "uint8" | "bool";

/** Values of node attributes, as ONNX has them: an integer, floats are wrapped, lists of integers, text. */
export type Attribute = number | readonly number[] | string | { readonly float: number };

/** Where an initialiser's bytes lie. */
export interface ExternalBytes {
  /** File name inside the model's folder. */
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** Inputs of a node; absent optional ones are null. */
export type Inputs = readonly (Value | null)[];

/** Attributes of a node. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** What a value is when no node makes it. */
export type Leaf =
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "constant"; readonly data: ConstantData }
  | { readonly kind: "external"; readonly name: string; readonly bytes: ExternalBytes };

/** Literal tensors. */
export type ConstantData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

/** A tensor in a graph: element type, shape, and the node or leaf that it comes from. Immutable. */
export class Value {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly origin: Leaf | NodeOutput;

  constructor(dtype: DType, shape: Shape, origin: Leaf | NodeOutput) {
    this.dtype = dtype;
    this.shape = shape;
    this.origin = origin;
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }
}

/** One output of a node. */
export interface NodeOutput {
  readonly kind: "node";
  readonly node: Node;
  readonly index: number;
}

/** One operation applied to values. Absent optional inputs are null. */
export interface Node {
  readonly definition: OpDefinition;
  readonly inputs: Inputs;
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
}

/** Element type and shape of an output. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** What the graph and autodiff need to know of an ONNX operation. */
export interface OpDefinition {
  /** The ONNX operation. */
  readonly type: string;
  /** ONNX domain: "" for ai.onnx, "com.microsoft" for ONNX Runtime's own. */
  readonly domain: string;
  /**
   * Element types and shapes of the outputs. `stated` is the shape that the caller asks for where ONNX takes it as a
   * tensor (Reshape, Expand, zeros).
   * @throws ShapeError, DTypeError
   */
  inferTypes(inputs: Inputs, attributes: Attributes, stated: Shape): readonly TensorType[];
  /**
   * Cotangents of the inputs, given those of the outputs (null where none flows); null for inputs without gradient.
   * An operation with integer or boolean results, or piecewise constant ones, says `"none"`: its gradient is zero.
   */
  readonly gradient:
    | ((node: Node, cotangents: readonly (Value | null)[]) => readonly (Value | null)[])
    | "none";
}

/** An initialiser whose bytes stay in a file. */
export function external(name: string, dtype: DType, shape: readonly number[], bytes: ExternalBytes): Value {
  return new Value(dtype, shape, { kind: "external", name, bytes });
}

/** A literal: a float32 scalar, or a tensor of the given shape (default: one axis). */
export function constant(data: number | ConstantData, shape?: readonly number[]): Value {
  if (typeof data === "number")
    return new Value("float32", [], { kind: "constant", data: Float32Array.of(data) });
  const dims = shape ?? [data.length];
  if (multiplyDims(...dims) !== data.length)
    throw new ShapeError(`constant: expected ${describeShape(dims)}, got ${data.length} elements`);
  return new Value(constantType(data), dims, { kind: "constant", data });
}

/** A literal vector of int64. */
export function integers(...values: readonly number[]): Value {
  return constant(BigInt64Array.from(values, BigInt));
}

/** Applies an operation and returns all its outputs. */
export function applyAll(
  definition: OpDefinition,
  inputs: Inputs,
  attributes: Attributes = {},
  stated: Shape = [],
): readonly Value[] {
  const outputs: Value[] = [];
  const node: Node = { definition, inputs, attributes, outputs };
  definition.inferTypes(inputs, attributes, stated).forEach(({ dtype, shape }, index) => {
    outputs.push(new Value(dtype, shape, { kind: "node", node, index }));
  });
  return outputs;
}

/** Applies an operation with one output. */
export function apply(
  definition: OpDefinition,
  inputs: Inputs,
  attributes: Attributes = {},
  stated: Shape = [],
): Value {
  const [output] = applyAll(definition, inputs, attributes, stated);
  if (!output) throw new GraphError(`${definition.type}: has no output`);
  return output;
}

/** The i-th input, which must be there. */
export function inputAt(where: string, inputs: Inputs, index: number): Value {
  const value = inputs[index];
  if (!value) throw new GraphError(`${where}: input ${index} is missing`);
  return value;
}

/** Fails unless all values have one element type; returns it. */
export function sameDType(where: string, ...values: readonly Value[]): DType {
  const first = values[0]?.dtype ?? "float32";
  for (const { dtype } of values)
    if (dtype !== first) throw new DTypeError(`${where}: element types differ, ${first} and ${dtype}`);
  return first;
}

/** Whether gradients can flow through an element type. */
export function isFloating(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64" || dtype === "float16" || dtype === "bfloat16";
}

function constantType(data: ConstantData): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof BigInt64Array) return "int64";
  return data instanceof Int32Array ? "int32" : "uint8";
}
