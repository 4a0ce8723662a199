/** @file All operations by name. Tests loop over it, so none escapes the comparison with central differences. */
import { Add, Div, Expand, Mul, Neg, ReduceSum, Reshape, Shape, Sub } from "./ops/basic.js";
import {
  And,
  Cast,
  Equal,
  Erf,
  Exp,
  Floor,
  Greater,
  GreaterOrEqual,
  LessOrEqual,
  Log,
  Or,
  Relu,
  Sigmoid,
  Softplus,
  Sqrt,
  Tanh,
  Where,
} from "./ops/elementwise.js";
import { RotaryEmbedding, SimplifiedLayerNormalization } from "./ops/fused.js";
import { Concat, Gather, Range, ScatterND, Split, Transpose } from "./ops/layout.js";
import { FusedMatMul } from "./ops/matmul.js";
import { Gemm, MatMulNBits } from "./ops/quantised.js";
import { ReduceMax, Softmax } from "./ops/reduce.js";
import type { OpDefinition } from "./value.js";

/** Name of an operation. */
export type OpType =
  | "Add"
  | "And"
  | "Cast"
  | "Concat"
  | "Div"
  | "Equal"
  | "Erf"
  | "Exp"
  | "Expand"
  | "Floor"
  | "FusedMatMul"
  | "Gather"
  | "Gemm"
  | "Greater"
  | "GreaterOrEqual"
  | "LessOrEqual"
  | "Log"
  | "MatMulNBits"
  | "Mul"
  | "Neg"
  | "Or"
  | "Range"
  | "ReduceMax"
  | "ReduceSum"
  | "Relu"
  | "Reshape"
  | "RotaryEmbedding"
  | "ScatterND"
  | "Shape"
  | "Sigmoid"
  | "SimplifiedLayerNormalization"
  | "Softmax"
  | "Softplus"
  | "Split"
  | "Sqrt"
  | "Sub"
  | "Tanh"
  | "Transpose"
  | "Where";

/** Every operation that graphs may hold. */
export const operations: { readonly [K in OpType]: OpDefinition } = {
  Add,
  And,
  Cast,
  Concat,
  Div,
  Equal,
  Erf,
  Exp,
  Expand,
  Floor,
  FusedMatMul,
  Gather,
  Gemm,
  Greater,
  GreaterOrEqual,
  LessOrEqual,
  Log,
  MatMulNBits,
  Mul,
  Neg,
  Or,
  Range,
  ReduceMax,
  ReduceSum,
  Relu,
  Reshape,
  RotaryEmbedding,
  ScatterND,
  Shape,
  Sigmoid,
  SimplifiedLayerNormalization,
  Softmax,
  Softplus,
  Split,
  Sqrt,
  Sub,
  Tanh,
  Transpose,
  Where,
};
