/** @file Operations that ONNX Runtime fuses: RMS normalisation and rotary position embedding. */
import { apply, applyAll, inputAt, type OpDefinition, type Value } from "../value.js";
import { mul, neg, sub, sumTo } from "./basic.js";
import { reduceMean } from "./reduce.js";

/**
 * RMSNorm over the last axis (Zhang & Sennrich 2019, arXiv 1910.07467): y = w·x·r, r = 1/√(mean x² + ε), second output r.
 * With n = x·r and g = dy·w: dx = r·(g − n·mean(g·n)), dw = Σ dy·n.
 */
export const SimplifiedLayerNormalization: OpDefinition = {
  type: "SimplifiedLayerNormalization",
  domain: "",
  inferTypes(inputs) {
    const x = inputAt("rmsNorm", inputs, 0);
    return [x, { dtype: "float32", shape: [...x.shape.slice(0, -1), 1] }];
  },
  gradient(node, [dy]) {
    const [x, weight] = node.inputs as readonly Value[] as [Value, Value];
    const inverseRms = node.outputs[1] as Value;
    const normalised = mul(x, inverseRms);
    const g = mul(dy as Value, weight);
    const dx = mul(inverseRms, sub(g, mul(normalised, reduceMean(mul(g, normalised), [-1], true))));
    return [dx, sumTo(mul(dy as Value, normalised), weight.shape)];
  },
};

/**
 * Rotary position embedding (Su et al. 2021, arXiv 2104.09864), halves rotated as in Llama. Inputs: x [B,T,heads·K],
 * positions int64 [B,T], cos and sin [positions, K/2]. A rotation's transpose is the rotation back: dx = the same with −sin.
 */
export const RotaryEmbedding: OpDefinition = {
  type: "RotaryEmbedding",
  domain: "com.microsoft",
  inferTypes: (inputs) => [inputAt("RotaryEmbedding", inputs, 0)],
  gradient(node, [dy]) {
    const [, positions, cos, sin] = node.inputs as readonly Value[] as [Value, Value, Value, Value];
    return [
      apply(RotaryEmbedding, [dy as Value, positions, cos, neg(sin)], node.attributes),
      null,
      null,
      null,
    ];
  },
};

/** RMSNorm of x over its last axis, scaled by `weight`. */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  return applyAll(SimplifiedLayerNormalization, [x, weight], {
    axis: -1,
    epsilon: { float: epsilon },
    stash_type: 1,
  })[0] as Value;
}

/** Rotates pairs of each head of x [B,T,heads·K] by position; cos and sin are [positions, K/2]. */
export function rotaryEmbedding(x: Value, positions: Value, cos: Value, sin: Value): Value {
  return apply(RotaryEmbedding, [x, positions, cos, sin], { interleaved: 0 });
}
