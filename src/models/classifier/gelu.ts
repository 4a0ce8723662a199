/** @file Gaussian error linear units (Hendrycks & Gimpel 2016, arXiv 1606.08415), exact and by tanh. */
import { add, erf, mul, tanh, type Value } from "../../engine/graph/ops.js";

/** x·Φ(x): transformers' `gelu`. */
export function gelu(x: Value): Value {
  return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
}

/** ½x·(1 + tanh(√(2/π)·(x + 0.044715x³))): transformers' `gelu_new`. */
export function geluTanh(x: Value): Value {
  const cubic = add(x, mul(mul(x, mul(x, x)), 0.044715));
  return mul(mul(x, 0.5), add(tanh(mul(cubic, Math.sqrt(2 / Math.PI))), 1));
}
