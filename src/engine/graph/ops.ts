/** @file The functions that graphs are written with. */

export { addDims, type Dim, multiplyDims, type Shape, type SymbolicDim, symbol } from "./dim.js";
export { gradients } from "./gradients.js";
export { input } from "./input.js";
export {
  add,
  div,
  expand,
  mul,
  neg,
  type Operand,
  reduceSum,
  reshape,
  shapeVector,
  sub,
} from "./ops/basic.js";
export {
  and,
  cast,
  equal,
  erf,
  exp,
  floor,
  greater,
  greaterOrEqual,
  lessOrEqual,
  log,
  or,
  relu,
  sigmoid,
  softplus,
  sqrt,
  square,
  tanh,
  where,
} from "./ops/elementwise.js";
export { rmsNorm, rotaryEmbedding } from "./ops/fused.js";
export { concat, gather, range, scatterAdd, split, transpose, zeros } from "./ops/layout.js";
export { matmul } from "./ops/matmul.js";
export { type Activations, addProduct, type QuantisedWeight, quantisedMatmul } from "./ops/quantised.js";
export { reduceMax, reduceMean, softmax } from "./ops/reduce.js";
export { constant, type DType, external, integers, type Value } from "./value.js";
