/** @file The linear layers of a decoder: their full names and their shapes. */
import { ConfigError } from "../../core/errors.js";
import type { DecoderConfig, LinearLayer } from "../config.js";

const FEED_FORWARD: readonly LinearLayer[] = ["gate_proj", "up_proj", "down_proj"];

/** Full name of a linear layer: `model.layers.0.mlp.up_proj`. */
export function linearModule(layer: number, name: LinearLayer): string {
  return `model.layers.${layer}.${FEED_FORWARD.includes(name) ? "mlp" : "self_attn"}.${name}`;
}

/**
 * Output and input width of a linear layer.
 * @throws ConfigError when a block has no layer of that name
 */
export function linearShape(config: DecoderConfig, module: string): readonly [out: number, in_: number] {
  const { hiddenSize: d, intermediateSize: f, numAttentionHeads, numKeyValueHeads, headDim } = config;
  const shapes: Record<string, readonly [number, number]> = {
    q_proj: [numAttentionHeads * headDim, d],
    k_proj: [numKeyValueHeads * headDim, d],
    v_proj: [numKeyValueHeads * headDim, d],
    o_proj: [d, numAttentionHeads * headDim],
    gate_proj: [f, d],
    up_proj: [f, d],
    down_proj: [d, f],
  };
  const shape = shapes[module.slice(module.lastIndexOf(".") + 1)];
  if (!shape) throw new ConfigError(`LoRA: no linear layer is named ${module}`);
  return shape;
}

/** The name under which matrices that read one input lie stacked: q, k and v as `qkv_proj`, gate and up as `gate_up_proj`. */
export function stackedName(weight: string): string {
  return weight
    .replace(/\.self_attn\.[qkv]_proj\.weight$/, ".self_attn.qkv_proj.weight")
    .replace(/\.mlp\.(gate|up)_proj\.weight$/, ".mlp.gate_up_proj.weight");
}
