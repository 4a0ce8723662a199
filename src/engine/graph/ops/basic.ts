/**
 * @file The operations that all gradients are made of: elementwise arithmetic with broadcasting, sums, and shapes.
 * Semantics are ONNX's; gradients are written above each rule.
 */
import { GraphError, ShapeError } from "../../../core/errors.js";
import {
  broadcastShapes,
  type Dim,
  type Shape as Dims,
  describeShape,
  dimAt,
  multiplyDims,
  sameDim,
  sameShape,
} from "../dim.js";
import { dimSource, symbolSource } from "../input.js";
import {
  apply,
  constant,
  inputAt,
  integers,
  type Node,
  type OpDefinition,
  sameDType,
  type TensorType,
  type Value,
} from "../value.js";

/** A number stands for a float32 scalar. */
export type Operand = Value | number;

type BinaryRule = (a: Value, b: Value, y: Value, dy: Value) => readonly [Value | null, Value | null];

function binary(type: string, rule: BinaryRule): OpDefinition {
  return {
    type,
    domain: "",
    inferTypes(inputs): TensorType[] {
      const [a, b] = [inputAt(type, inputs, 0), inputAt(type, inputs, 1)];
      return [{ dtype: sameDType(type, a, b), shape: broadcastShapes(type, a.shape, b.shape) }];
    },
    gradient(node, [dy]) {
      const [a, b] = operands(node);
      const [da, db] = rule(a, b, node.outputs[0] as Value, dy as Value);
      return [da && sumTo(da, a.shape), db && sumTo(db, b.shape)];
    },
  };
}

/** y = a + b; da = dy, db = dy */
export const Add: OpDefinition = binary("Add", (_a, _b, _y, dy) => [dy, dy]);
/** y = a − b; da = dy, db = −dy */
export const Sub: OpDefinition = binary("Sub", (_a, _b, _y, dy) => [dy, neg(dy)]);
/** y = a·b; da = dy·b, db = dy·a */
export const Mul: OpDefinition = binary("Mul", (a, b, _y, dy) => [mul(dy, b), mul(dy, a)]);
/** y = a/b; da = dy/b, db = −dy·y/b */
export const Div: OpDefinition = binary("Div", (_a, b, y, dy) => [div(dy, b), neg(div(mul(dy, y), b))]);

/** y = −x; dx = −dy */
export const Neg: OpDefinition = {
  type: "Neg",
  domain: "",
  inferTypes: (inputs) => [inputAt("Neg", inputs, 0)],
  gradient: (_node, [dy]) => [neg(dy as Value)],
};

/** y = Σ over axes; dx = dy spread over them. Input 1 are the axes (int64). */
export const ReduceSum: OpDefinition = {
  type: "ReduceSum",
  domain: "",
  inferTypes(inputs, attributes) {
    const x = inputAt("ReduceSum", inputs, 0);
    const axes = axesOf(inputAt("ReduceSum", inputs, 1));
    return [{ dtype: x.dtype, shape: reducedShape(x.shape, axes, attributes["keepdims"] === 1) }];
  },
  gradient(node, [dy]) {
    const x = node.inputs[0] as Value;
    const axes = axesOf(node.inputs[1] as Value);
    return [expand(reshape(dy as Value, reducedShape(x.shape, axes, true)), x.shape), null];
  },
};

/** y = x broadcast to a shape; dx = Σ over the broadcast axes. Input 1 is the shape. */
export const Expand: OpDefinition = {
  type: "Expand",
  domain: "",
  inferTypes(inputs, _attributes, stated) {
    const x = inputAt("Expand", inputs, 0);
    return [{ dtype: x.dtype, shape: broadcastShapes("Expand", x.shape, stated) }];
  },
  gradient: (node, [dy]) => [sumTo(dy as Value, (node.inputs[0] as Value).shape), null],
};

/** The same elements in another shape; dx = dy in the old one. Input 1 is the shape. */
export const Reshape: OpDefinition = {
  type: "Reshape",
  domain: "",
  inferTypes(inputs, _attributes, stated) {
    const x = inputAt("Reshape", inputs, 0);
    if (!sameDim(multiplyDims(...x.shape), multiplyDims(...stated)))
      throw new ShapeError(
        `Reshape: ${describeShape(x.shape)} has not as many elements as ${describeShape(stated)}`,
      );
    return [{ dtype: x.dtype, shape: stated }];
  },
  gradient: (node, [dy]) => [reshape(dy as Value, (node.inputs[0] as Value).shape), null],
};

/** The length of axes start … end − 1 as int64. */
export const Shape: OpDefinition = {
  type: "Shape",
  domain: "",
  inferTypes: (_inputs, attributes) => [
    { dtype: "int64", shape: [Number(attributes["end"]) - Number(attributes["start"])] },
  ],
  gradient: "none",
};

/** Vectors of int64 joined: only for shapes; tensors are joined by `Concat` of layout.ts. */
const ShapeConcat: OpDefinition = {
  type: "Concat",
  domain: "",
  inferTypes: (inputs) => [
    { dtype: "int64", shape: [inputs.reduce((total, v) => total + Number(v?.shape[0]), 0)] },
  ],
  gradient: "none",
};

/** a + b */
export function add(a: Operand, b: Operand): Value {
  return apply(Add, [operand(a), operand(b)]);
}
/** a − b */
export function sub(a: Operand, b: Operand): Value {
  return apply(Sub, [operand(a), operand(b)]);
}
/** a · b */
export function mul(a: Operand, b: Operand): Value {
  return apply(Mul, [operand(a), operand(b)]);
}
/** a / b */
export function div(a: Operand, b: Operand): Value {
  return apply(Div, [operand(a), operand(b)]);
}
/** −x */
export function neg(x: Value): Value {
  return apply(Neg, [x]);
}

/** Sum over axes (negative counted from the end). */
export function reduceSum(x: Value, axes: readonly number[], keepDims = false): Value {
  if (axes.length === 0) return x;
  return apply(ReduceSum, [x, integers(...normaliseAxes(axes, x.rank))], { keepdims: keepDims ? 1 : 0 });
}

/** x broadcast to a shape. */
export function expand(x: Value, shape: Dims): Value {
  return sameShape(x.shape, shape) ? x : apply(Expand, [x, shapeVector(shape)], {}, shape);
}

/** x in another shape of as many elements. */
export function reshape(x: Value, shape: Dims): Value {
  return sameShape(x.shape, shape) ? x : apply(Reshape, [x, reshapeVector(x.shape, shape)], {}, shape);
}

/** Sums x over the axes along which a tensor of `shape` was broadcast to x's shape. */
export function sumTo(x: Value, shape: Dims): Value {
  if (sameShape(x.shape, shape)) return x;
  const extra = x.rank - shape.length;
  const axes = x.shape.flatMap((dim, axis) =>
    axis < extra || (shape[axis - extra] === 1 && dim !== 1) ? [axis] : [],
  );
  return reshape(reduceSum(x, axes, true), shape);
}

/** A shape as an int64 vector, computed at run time where dimensions are symbolic. */
export function shapeVector(shape: Dims): Value {
  if (shape.every((dim) => typeof dim === "number")) return integers(...(shape as readonly number[]));
  return apply(ShapeConcat, shape.map(dimVector), { axis: 0 });
}

/** One axis's list with negatives resolved, ascending. */
export function normaliseAxes(axes: readonly number[], rank: number): number[] {
  return axes
    .map((axis) => {
      if (axis < -rank || axis >= rank) throw new ShapeError(`axis ${axis}: expected one of ${rank} axes`);
      return axis < 0 ? axis + rank : axis;
    })
    .sort((a, b) => a - b);
}

/** The shape after a reduction. */
export function reducedShape(shape: Dims, axes: readonly number[], keepDims: boolean): Dims {
  return shape.flatMap((dim, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [dim]));
}

/** The axes held by a constant. */
export function axesOf(value: Value): number[] {
  if (value.origin.kind !== "constant") throw new GraphError("axes: expected a constant");
  return Array.from(value.origin.data, Number);
}

/** A number as a scalar value. */
export function operand(x: Operand): Value {
  return typeof x === "number" ? constant(x) : x;
}

function operands(node: Node): [Value, Value] {
  return [node.inputs[0] as Value, node.inputs[1] as Value];
}

/** Reshape's vector: 0 copies a dimension, −1 infers one, so most symbolic shapes need no computation. */
function reshapeVector(from: Dims, to: Dims): Value {
  const kept = to.map((dim, i) =>
    typeof dim === "number" ? dim : i < from.length && sameDim(dim, dimAt(from, i)) ? 0 : -1,
  );
  const inferred = kept.filter((dim) => dim === -1).length;
  return inferred <= 1 && !to.includes(0) ? integers(...kept) : shapeVector(to);
}

/** A dimension as an int64 vector of one element, read off graph inputs. */
function dimVector(dim: Dim): Value {
  if (typeof dim === "number") return integers(dim);
  const whole = dimSource(dim);
  if (whole) return axisLength(whole);
  const terms = [...dim.terms.values()].map(({ coefficient, symbols }) => {
    const factors = symbols.map((atom) => {
      const source = symbolSource(atom);
      if (!source) throw new ShapeError(`dimension ${atom.name}: no graph input carries it`);
      return axisLength(source);
    });
    return [...factors, integers(coefficient)].reduce((a, b) => apply(Mul, [a, b]));
  });
  return terms.reduce((a, b) => apply(Add, [a, b]));
}

function axisLength({ value, axis }: { readonly value: Value; readonly axis: number }): Value {
  return apply(Shape, [value], { start: axis, end: axis + 1 });
}
