/**
 * @file Low-rank adaptation (Hu et al. 2021, arXiv 2106.09685): y = W·x + strength·(alpha/rank)·B·A·x. Factors are graph
 * inputs, so one session serves any adapter of a shape, and strength 0 is the base model.
 */
import { ConfigError } from "../../core/errors.js";
import {
  add,
  cast,
  floor,
  greaterOrEqual,
  input,
  matmul,
  mul,
  split,
  sub,
  type Value,
} from "../../engine/graph/ops.js";
import { type DecoderConfig, LINEAR_LAYERS } from "../config.js";
import { linearModule, linearShape } from "../decoder/linear-layers.js";
import type { LoraConfig } from "../loaded-model.js";

/** PEFT's name of a class head that is trained beside the factors (`modules_to_save: ["score"]`). */
export const TRAINED_HEAD = "base_model.model.score.weight";

/** Name and shape of one factor. */
export interface LoraFactor {
  /** PEFT's parameter name. */
  readonly name: string;
  /** A: [R, in]; B: [out, R]; a class head: [labels, D] */
  readonly shape: readonly [number, number];
}

/**
 * Full module names that targets stand for: `all-linear`, or names of linear layers.
 * @throws ConfigError naming the first unknown target
 */
export function loraModules(config: DecoderConfig, targets: readonly string[]): string[] {
  const wanted = new Set(targets.flatMap((target) => (target === "all-linear" ? LINEAR_LAYERS : [target])));
  for (const target of wanted)
    if (!LINEAR_LAYERS.some((layer) => layer === target))
      throw new ConfigError(
        `--lora-targets: expected all-linear or some of ${LINEAR_LAYERS.join(", ")}, got ${target}`,
      );
  return Array.from({ length: config.numHiddenLayers }, (_, layer) =>
    LINEAR_LAYERS.filter((name) => wanted.has(name)).map((name) => linearModule(layer, name)),
  ).flat();
}

/** The factors of an adapter, A before B, in module order; its class head last. */
export function loraFactors(config: DecoderConfig, lora: LoraConfig): LoraFactor[] {
  const factors = lora.modules.flatMap((module): LoraFactor[] => {
    const [out, width] = linearShape(config, module);
    return [
      { name: factorName(module, "A"), shape: [lora.rank, width] },
      { name: factorName(module, "B"), shape: [out, lora.rank] },
    ];
  });
  if (lora.labels === undefined) return factors;
  return [...factors, { name: TRAINED_HEAD, shape: [lora.labels, config.hiddenSize] }];
}

/** PEFT's name of a factor. */
export function factorName(module: string, side: "A" | "B"): string {
  return `base_model.model.${module}.lora_${side}.weight`;
}

/** An adapter inside a graph. */
export class LoraInputs {
  readonly factors: ReadonlyMap<string, Value>;
  private readonly config: LoraConfig;
  private readonly strength: Value | null;
  private readonly noise: DropoutNoise | null;

  /**
   * @param strength [1], or null for 1
   * @param noise needed when dropout is to be applied (training), otherwise null
   */
  constructor(model: DecoderConfig, config: LoraConfig, strength: Value | null, noise: DropoutNoise | null) {
    this.config = config;
    this.strength = strength;
    this.noise = config.dropout > 0 ? noise : null;
    this.factors = new Map(
      loraFactors(model, config).map(({ name, shape }) => [name, input(name, "float32", shape)]),
    );
  }

  /** What the adapter adds to a layer's output: [N, out] for x [N, in]; null when the layer has no factors. */
  delta(x: Value, module: string): Value | null {
    const [a, b] = [this.factors.get(factorName(module, "A")), this.factors.get(factorName(module, "B"))];
    if (!a || !b) return null;
    const dropped = this.noise
      ? this.noise.drop(x, this.config.dropout, this.config.modules.indexOf(module))
      : x;
    const low = mul(matmul(dropped, a, { transposeB: true }), this.config.alpha / this.config.rank);
    return matmul(this.strength ? mul(low, this.strength) : low, b, { transposeB: true });
  }
}

/**
 * Dropout masks of all layers from two uniform fields a, b in [0, 1) of shape [N, W]: layer k uses frac(a + k·b), which is
 * uniform, and pairwise independent between layers; so masks are drawn on the host once a step, seeded.
 */
export class DropoutNoise {
  private readonly a: Value;
  private readonly b: Value;

  constructor(a: Value, b: Value) {
    this.a = a;
    this.b = b;
  }

  /** x [N, in] with elements zeroed with probability p and the others scaled by 1/(1 − p). */
  drop(x: Value, p: number, layer: number): Value {
    const sum = add(columns(this.a, x), mul(columns(this.b, x), layer + 1));
    const uniform = sub(sum, floor(sum));
    return mul(x, mul(cast(greaterOrEqual(uniform, p), "float32"), 1 / (1 - p)));
  }
}

function columns(field: Value, x: Value): Value {
  const [width, wanted] = [field.shape[1] as number, x.shape[1] as number];
  return width === wanted ? field : (split(field, 1, [wanted, width - wanted])[0] as Value);
}
