/** @file Elementwise functions of one argument, comparisons, selection and casts. */
import { DTypeError } from "../../../core/errors.js";
import { broadcastShapes } from "../dim.js";
import {
  type Attributes,
  apply,
  type DType,
  inputAt,
  isFloating,
  type OpDefinition,
  sameDType,
  type Value,
} from "../value.js";
import { div, mul, neg, type Operand, operand, sub, sumTo } from "./basic.js";

function unary(type: string, rule: (x: Value, y: Value, dy: Value) => Value): OpDefinition {
  return {
    type,
    domain: "",
    inferTypes: (inputs) => [inputAt(type, inputs, 0)],
    gradient: (node, [dy]) => [rule(node.inputs[0] as Value, node.outputs[0] as Value, dy as Value)],
  };
}

/** y = eˣ; dx = dy·y */
export const Exp: OpDefinition = unary("Exp", (_x, y, dy) => mul(dy, y));
/** y = ln x; dx = dy/x */
export const Log: OpDefinition = unary("Log", (x, _y, dy) => div(dy, x));
/** y = √x; dx = dy/(2y) */
export const Sqrt: OpDefinition = unary("Sqrt", (_x, y, dy) => div(mul(dy, 0.5), y));
/** y = σ(x); dx = dy·y·(1 − y) */
export const Sigmoid: OpDefinition = unary("Sigmoid", (_x, y, dy) => mul(dy, mul(y, sub(1, y))));
/** y = tanh x; dx = dy·(1 − y²) */
export const Tanh: OpDefinition = unary("Tanh", (_x, y, dy) => mul(dy, sub(1, mul(y, y))));
/** y = erf x, the error function; dx = dy·2/√π·exp(−x²) */
export const Erf: OpDefinition = unary("Erf", (x, _y, dy) =>
  mul(dy, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI))),
);
/** y = ln(1 + eˣ), stable for large |x|; dx = dy·σ(x) */
export const Softplus: OpDefinition = unary("Softplus", (x, _y, dy) => mul(dy, sigmoid(x)));
/** y = max(x, 0); dx = dy where x > 0 */
export const Relu: OpDefinition = unary("Relu", (x, _y, dy) => mul(dy, cast(greater(x, 0), dy.dtype)));
/** y = ⌊x⌋: piecewise constant. */
export const Floor: OpDefinition = {
  type: "Floor",
  domain: "",
  inferTypes: (inputs) => [inputAt("Floor", inputs, 0)],
  gradient: "none",
};

function comparison(type: string): OpDefinition {
  return {
    type,
    domain: "",
    inferTypes(inputs) {
      const [a, b] = [inputAt(type, inputs, 0), inputAt(type, inputs, 1)];
      sameDType(type, a, b);
      return [{ dtype: "bool", shape: broadcastShapes(type, a.shape, b.shape) }];
    },
    gradient: "none",
  };
}

/** a = b */
export const Equal: OpDefinition = comparison("Equal");
/** a > b */
export const Greater: OpDefinition = comparison("Greater");
/** a ≥ b */
export const GreaterOrEqual: OpDefinition = comparison("GreaterOrEqual");
/** a ≤ b */
export const LessOrEqual: OpDefinition = comparison("LessOrEqual");
/** a and b, of booleans */
export const And: OpDefinition = comparison("And");
/** a or b, of booleans */
export const Or: OpDefinition = comparison("Or");

/** y = a where the condition holds, else b; da = dy there, db = dy elsewhere */
export const Where: OpDefinition = {
  type: "Where",
  domain: "",
  inferTypes(inputs) {
    const [condition, a, b] = [
      inputAt("Where", inputs, 0),
      inputAt("Where", inputs, 1),
      inputAt("Where", inputs, 2),
    ];
    if (condition.dtype !== "bool")
      throw new DTypeError(`Where: expected a bool condition, got ${condition.dtype}`);
    const values = broadcastShapes("Where", a.shape, b.shape);
    return [{ dtype: sameDType("Where", a, b), shape: broadcastShapes("Where", condition.shape, values) }];
  },
  gradient(node, [dy]) {
    const [condition, a, b] = node.inputs as readonly Value[] as [Value, Value, Value];
    return [
      null,
      sumTo(where(condition, dy as Value, 0), a.shape),
      sumTo(where(condition, 0, dy as Value), b.shape),
    ];
  },
};

const CAST_CODES: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};

/** The same values in another element type; dx = dy cast back, between floating types. */
export const Cast: OpDefinition = {
  type: "Cast",
  domain: "",
  inferTypes: (inputs, attributes) => [
    { dtype: castType(attributes), shape: inputAt("Cast", inputs, 0).shape },
  ],
  gradient(node, [dy]) {
    const x = node.inputs[0] as Value;
    return [isFloating(x.dtype) && dy ? cast(dy, x.dtype) : null];
  },
};

/** eˣ */
export function exp(x: Value): Value {
  return apply(Exp, [x]);
}
/** ln x */
export function log(x: Value): Value {
  return apply(Log, [x]);
}
/** √x */
export function sqrt(x: Value): Value {
  return apply(Sqrt, [x]);
}
/** 1/(1 + e⁻ˣ) */
export function sigmoid(x: Value): Value {
  return apply(Sigmoid, [x]);
}
/** tanh x */
export function tanh(x: Value): Value {
  return apply(Tanh, [x]);
}
/** 2/√π ∫₀ˣ exp(−t²) dt */
export function erf(x: Value): Value {
  return apply(Erf, [x]);
}
/** ln(1 + eˣ); −ln σ(x) is softplus(−x) */
export function softplus(x: Value): Value {
  return apply(Softplus, [x]);
}
/** max(x, 0) */
export function relu(x: Value): Value {
  return apply(Relu, [x]);
}
/** ⌊x⌋ */
export function floor(x: Value): Value {
  return apply(Floor, [x]);
}
/** a = b, elementwise, bool */
export function equal(a: Operand, b: Operand): Value {
  return apply(Equal, [operand(a), operand(b)]);
}
/** a > b, elementwise, bool */
export function greater(a: Operand, b: Operand): Value {
  return apply(Greater, [operand(a), operand(b)]);
}
/** a ≥ b, elementwise, bool */
export function greaterOrEqual(a: Operand, b: Operand): Value {
  return apply(GreaterOrEqual, [operand(a), operand(b)]);
}
/** a ≤ b, elementwise, bool */
export function lessOrEqual(a: Operand, b: Operand): Value {
  return apply(LessOrEqual, [operand(a), operand(b)]);
}
/** a and b, bool */
export function and(a: Value, b: Value): Value {
  return apply(And, [a, b]);
}
/** a or b, bool */
export function or(a: Value, b: Value): Value {
  return apply(Or, [a, b]);
}
/** a where the condition holds, else b */
export function where(condition: Value, a: Operand, b: Operand): Value {
  return apply(Where, [condition, operand(a), operand(b)]);
}
/** x in another element type */
export function cast(x: Value, dtype: DType): Value {
  return x.dtype === dtype ? x : apply(Cast, [x], { to: CAST_CODES[dtype] });
}
/** x², as a product */
export function square(x: Value): Value {
  return mul(x, x);
}

function castType(attributes: Attributes): DType {
  const code = attributes["to"];
  const found = Object.entries(CAST_CODES).find(([, value]) => value === code);
  if (!found) throw new DTypeError(`Cast: expected a known element type, got code ${String(code)}`);
  return found[0] as DType;
}
