/** @file Reductions beside the sum, and softmax. */
import { GraphError } from "../../../core/errors.js";
import { apply, inputAt, integers, type OpDefinition, type Value } from "../value.js";
import { axesOf, div, mul, normaliseAxes, reducedShape, reduceSum, reshape, sub } from "./basic.js";
import { cast, equal } from "./elementwise.js";

/** y = max over axes; dx = dy shared equally by the elements that attain it */
export const ReduceMax: OpDefinition = {
  type: "ReduceMax",
  domain: "",
  inferTypes(inputs, attributes) {
    const x = inputAt("ReduceMax", inputs, 0);
    const axes = axesOf(inputAt("ReduceMax", inputs, 1));
    return [{ dtype: x.dtype, shape: reducedShape(x.shape, axes, attributes["keepdims"] === 1) }];
  },
  gradient(node, [dy]) {
    const x = node.inputs[0] as Value;
    const axes = axesOf(node.inputs[1] as Value);
    const kept = reducedShape(x.shape, axes, true);
    const attained = cast(equal(x, reshape(node.outputs[0] as Value, kept)), x.dtype);
    return [mul(div(attained, reduceSum(attained, axes, true)), reshape(dy as Value, kept)), null];
  },
};

/** y = softmax over the last axis; dx = y·(dy − Σ dy·y) */
export const Softmax: OpDefinition = {
  type: "Softmax",
  domain: "",
  inferTypes: (inputs) => [inputAt("Softmax", inputs, 0)],
  gradient(node, [dy]) {
    const y = node.outputs[0] as Value;
    const weighted = mul(dy as Value, y);
    return [sub(weighted, mul(y, reduceSum(weighted, [-1], true)))];
  },
};

/** Mean over axes: a sum divided by a known number of elements. */
export function reduceMean(x: Value, axes: readonly number[], keepDims = false): Value {
  const lengths = normaliseAxes(axes, x.rank).map((axis) => x.shape[axis]);
  return mul(
    reduceSum(x, axes, keepDims),
    1 / lengths.reduce((n: number, length) => n * knownLength(length), 1),
  );
}

/** Maximum over axes. */
export function reduceMax(x: Value, axes: readonly number[], keepDims = false): Value {
  return apply(ReduceMax, [x, integers(...normaliseAxes(axes, x.rank))], { keepdims: keepDims ? 1 : 0 });
}

/** Softmax over the last axis. */
export function softmax(x: Value): Value {
  return apply(Softmax, [x], { axis: -1 });
}

function knownLength(length: unknown): number {
  if (typeof length !== "number")
    throw new GraphError("reduceMean: expected axes of known length; divide a sum instead");
  return length;
}
