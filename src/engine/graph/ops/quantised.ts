/**
 * @file Products with frozen weights of 4 or 8 bits: ONNX Runtime's `MatMulNBits`. For inference only: a trained model's
 * base is float32, so no gradient is defined. `Gemm` adds the part of weights that are not centred on a code.
 */
import { MissingGradientError, ShapeError } from "../../../core/errors.js";
import { describeShape, dimAt, sameShape } from "../dim.js";
import { apply, inputAt, type OpDefinition, type Value } from "../value.js";
import { sumTo } from "./basic.js";
import { matmul } from "./matmul.js";

/** Weights [out, in] in blocks along the input axis; value = scale · (code − 2^(bits − 1)). */
export interface QuantisedWeight {
  readonly bits: 4 | 8;
  readonly blockSize: number;
  /** uint8 [out, in/blockSize, blockSize·bits/8], low bits first */
  readonly codes: Value;
  /** [out, in/blockSize] */
  readonly scales: Value;
}

/** What the rows of x are rounded to inside the product: 8 bits a block (fast), or not at all. */
export type Activations = "int8" | "float32";

/** y = x·Wᵀ for x [N, in] and quantised W: [N, out]. */
export const MatMulNBits: OpDefinition = {
  type: "MatMulNBits",
  domain: "com.microsoft",
  inferTypes(inputs, attributes) {
    const x = inputAt("MatMulNBits", inputs, 0);
    if (x.rank !== 2 || dimAt(x.shape, 1) !== attributes["K"])
      throw new ShapeError(
        `MatMulNBits: expected [N,${String(attributes["K"])}], got ${describeShape(x.shape)}`,
      );
    return [{ dtype: x.dtype, shape: [dimAt(x.shape, 0), Number(attributes["N"])] }];
  },
  gradient() {
    throw new MissingGradientError("MatMulNBits: quantised weights have no gradient", {
      hint: "train with weights in float32",
    });
  },
};

/** y = a·bᵀ + c for matrices of known kind; da = dy·b, db = dyᵀ·a, dc = dy. */
export const Gemm: OpDefinition = {
  type: "Gemm",
  domain: "",
  inferTypes(inputs) {
    const [a, b, c] = [0, 1, 2].map((i) => inputAt("Gemm", inputs, i)) as [Value, Value, Value];
    const shape = [dimAt(a.shape, 0), dimAt(b.shape, 0)];
    if (!sameShape(c.shape, shape))
      throw new ShapeError(`Gemm: expected ${describeShape(shape)} to add to, got ${describeShape(c.shape)}`);
    return [{ dtype: a.dtype, shape }];
  },
  gradient(node, [dy]) {
    const [a, b, c] = node.inputs as readonly Value[] as [Value, Value, Value];
    const cotangent = dy as Value;
    return [matmul(cotangent, b), matmul(cotangent, a, { transposeA: true }), sumTo(cotangent, c.shape)];
  },
};

/** x·Wᵀ for x [N, in]: [N, out]. */
export function quantisedMatmul(x: Value, weight: QuantisedWeight, activations: Activations): Value {
  const [out, blocks] = weight.scales.shape as readonly [number, number];
  return apply(MatMulNBits, [x, weight.codes, weight.scales], {
    K: blocks * weight.blockSize,
    N: out,
    bits: weight.bits,
    block_size: weight.blockSize,
    accuracy_level: activations === "int8" ? 4 : 0,
  });
}

/** c + a·bᵀ in one operation, for a [N, K], b [M, K], c [N, M]. */
export function addProduct(c: Value, a: Value, b: Value): Value {
  return apply(Gemm, [a, b, c], { transB: 1 });
}
