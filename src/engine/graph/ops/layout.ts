/** @file Operations that move elements: transposition, joining, splitting, slicing, gathering and scattering. */
import { GraphError, ShapeError } from "../../../core/errors.js";
import { addDims, type Dim, describeShape, dimAt, type Shape, sameDim } from "../dim.js";
import {
  type Attributes,
  apply,
  applyAll,
  constant,
  inputAt,
  integers,
  type OpDefinition,
  sameDType,
  type Value,
} from "../value.js";
import { axesOf, expand, normaliseAxes, reshape, shapeVector } from "./basic.js";

/** Axes in another order; dx = dy in the inverse order */
export const Transpose: OpDefinition = {
  type: "Transpose",
  domain: "",
  inferTypes(inputs, attributes) {
    const x = inputAt("Transpose", inputs, 0);
    return [{ dtype: x.dtype, shape: permutationOf(attributes).map((axis) => dimAt(x.shape, axis)) }];
  },
  gradient(node, [dy]) {
    const order = permutationOf(node.attributes);
    return [
      transpose(
        dy as Value,
        order.map((_, axis) => order.indexOf(axis)),
      ),
    ];
  },
};

/** Tensors joined along an axis; each gets its slice of dy */
export const Concat: OpDefinition = {
  type: "Concat",
  domain: "",
  inferTypes(inputs, attributes) {
    const values = inputs.map((_, i) => inputAt("Concat", inputs, i));
    return [
      { dtype: sameDType("Concat", ...values), shape: joinedShape(values, Number(attributes["axis"])) },
    ];
  },
  gradient(node, [dy]) {
    const axis = Number(node.attributes["axis"]);
    const lengths = node.inputs.map((value) => dimAt((value as Value).shape, axis));
    if (!lengths.every((length): length is number => typeof length === "number"))
      throw new GraphError("Concat: its gradient needs known lengths along the axis");
    return split(dy as Value, axis, lengths);
  },
};

/** A tensor cut along an axis; dx = the cotangents joined, zeros where none came */
export const Split: OpDefinition = {
  type: "Split",
  domain: "",
  inferTypes(inputs, attributes) {
    const x = inputAt("Split", inputs, 0);
    const axis = Number(attributes["axis"]);
    return axesOf(inputAt("Split", inputs, 1)).map((length) => ({
      dtype: x.dtype,
      shape: x.shape.map((dim, i) => (i === axis ? length : dim)),
    }));
  },
  gradient(node, cotangents) {
    const pieces = cotangents.map((dy, i) => dy ?? zeros((node.outputs[i] as Value).shape));
    return [concat(pieces, Number(node.attributes["axis"])), null];
  },
};

/** Rows of the first axis picked by indices of any shape; dx = dy added up at the rows that it came from */
export const Gather: OpDefinition = {
  type: "Gather",
  domain: "",
  inferTypes(inputs) {
    const [data, indices] = [inputAt("Gather", inputs, 0), inputAt("Gather", inputs, 1)];
    return [{ dtype: data.dtype, shape: [...indices.shape, ...data.shape.slice(1)] }];
  },
  gradient(node, [dy]) {
    const [data, indices] = node.inputs as readonly Value[] as [Value, Value];
    return [scatterAdd(zeros(data.shape), indices, dy as Value), null];
  },
};

/** Rows added to a tensor at indices of the first axis; d data = dy, d rows = dy at the indices */
export const ScatterND: OpDefinition = {
  type: "ScatterND",
  domain: "",
  inferTypes: (inputs) => [inputAt("ScatterND", inputs, 0)],
  gradient(node, [dy]) {
    const indices = node.inputs[1] as Value;
    return [dy as Value, null, gather(dy as Value, reshape(indices, indices.shape.slice(0, -1)))];
  },
};

/** 0, 1, … as int64, from scalars start, limit and step */
export const Range: OpDefinition = {
  type: "Range",
  domain: "",
  inferTypes: (_inputs, _attributes, stated) => [{ dtype: "int64", shape: stated }],
  gradient: "none",
};

/** The integers 0 … length − 1, int64. */
export function range(length: Dim): Value {
  const limit = reshape(shapeVector([length]), []);
  const scalar = (value: number) => constant(BigInt64Array.of(BigInt(value)), []);
  return apply(Range, [scalar(0), limit, scalar(1)], {}, [length]);
}

/** Axes of x in the given order. */
export function transpose(x: Value, order: readonly number[]): Value {
  if (order.length !== x.rank)
    throw new ShapeError(`Transpose: order of ${order.length} axes for ${describeShape(x.shape)}`);
  return apply(Transpose, [x], { perm: order });
}

/** Values joined along an axis. */
export function concat(values: readonly Value[], axis: number): Value {
  const [first] = values;
  if (first && values.length === 1) return first;
  const [resolved] = normaliseAxes([axis], first?.rank ?? 0);
  return apply(Concat, values, { axis: resolved as number });
}

/** x cut along an axis into pieces of known lengths. */
export function split(x: Value, axis: number, lengths: readonly number[]): readonly Value[] {
  const [resolved] = normaliseAxes([axis], x.rank);
  return applyAll(Split, [x, integers(...lengths)], { axis: resolved as number });
}

/** Rows of the first axis at the indices. */
export function gather(data: Value, indices: Value): Value {
  return apply(Gather, [data, indices], { axis: 0 });
}

/** `data` with rows added at indices of its first axis; indices may repeat. */
export function scatterAdd(data: Value, indices: Value, rows: Value): Value {
  const columns = reshape(indices, [...indices.shape, 1]);
  return apply(ScatterND, [data, columns, rows], { reduction: "add" });
}

/** A tensor of float32 zeros. */
export function zeros(shape: Shape): Value {
  return expand(constant(0), shape);
}

function permutationOf(attributes: Attributes): readonly number[] {
  return attributes["perm"] as readonly number[];
}

function joinedShape(values: readonly Value[], axis: number): Shape {
  const first = values[0] as Value;
  for (const { shape } of values)
    if (
      shape.length !== first.rank ||
      shape.some((dim, i) => i !== axis && !sameDim(dim, dimAt(first.shape, i)))
    )
      throw new ShapeError(
        `Concat: shapes differ off axis ${axis}, ${describeShape(first.shape)} and ${describeShape(shape)}`,
      );
  const total = values.map(({ shape }) => dimAt(shape, axis)).reduce(addDims);
  return first.shape.map((dim, i) => (i === axis ? total : dim));
}
