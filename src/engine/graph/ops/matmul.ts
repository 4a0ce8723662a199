/** @file Matrix products. ONNX Runtime's `FusedMatMul` takes transposed factors, so no weight is ever transposed. */
import { ShapeError } from "../../../core/errors.js";
import { broadcastShapes, describeShape, dimAt, type Shape, sameDim } from "../dim.js";
import { apply, inputAt, type OpDefinition, sameDType, type Value } from "../value.js";
import { sumTo } from "./basic.js";

/** How factors enter a product. */
export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Factor of the product; default 1. */
  readonly alpha?: number;
}

/**
 * y = α·op(a)·op(b) over the last two axes, batch axes broadcast. With op(x) = x or xᵀ, c = dy and primes for transposes:
 * plain: da = α·c·b′, db = α·a′·c; the other three follow by transposing both sides.
 */
export const FusedMatMul: OpDefinition = {
  type: "FusedMatMul",
  domain: "com.microsoft",
  inferTypes(inputs, attributes) {
    const [a, b] = [inputAt("matmul", inputs, 0), inputAt("matmul", inputs, 1)];
    return [
      {
        dtype: sameDType("matmul", a, b),
        shape: productShape(a, b, attributes["transA"] === 1, attributes["transB"] === 1),
      },
    ];
  },
  gradient(node, [dy]) {
    const [a, b] = node.inputs as readonly Value[] as [Value, Value];
    const alpha = (node.attributes["alpha"] as { float: number }).float;
    const [ta, tb] = [node.attributes["transA"] === 1, node.attributes["transB"] === 1];
    const c = dy as Value;
    const da = ta
      ? matmul(b, c, { alpha, transposeA: tb, transposeB: true })
      : matmul(c, b, { alpha, transposeB: !tb });
    const db = tb
      ? matmul(c, a, { alpha, transposeA: true, transposeB: ta })
      : matmul(a, c, { alpha, transposeA: !ta });
    return [sumTo(da, a.shape), sumTo(db, b.shape)];
  },
};

/** α·op(a)·op(b) over the last two axes; batch axes broadcast. @throws ShapeError when inner sizes differ */
export function matmul(a: Value, b: Value, options: MatmulOptions = {}): Value {
  return apply(FusedMatMul, [a, b], {
    transA: options.transposeA ? 1 : 0,
    transB: options.transposeB ? 1 : 0,
    alpha: { float: options.alpha ?? 1 },
  });
}

function productShape(a: Value, b: Value, transposeA: boolean, transposeB: boolean): Shape {
  if (a.rank < 2 || b.rank < 2)
    throw new ShapeError(
      `matmul: expected matrices, got ${describeShape(a.shape)} and ${describeShape(b.shape)}`,
    );
  const inner = [dimAt(a.shape, transposeA ? -2 : -1), dimAt(b.shape, transposeB ? -1 : -2)] as const;
  if (!sameDim(...inner))
    throw new ShapeError(
      `matmul: inner sizes differ, ${describeShape(a.shape)} x ${describeShape(b.shape)}`,
      {
        hint: "weights are stored [out, in]; set transposeB",
      },
    );
  const batch = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
  return [...batch, dimAt(a.shape, transposeA ? -1 : -2), dimAt(b.shape, transposeB ? -2 : -1)];
}
