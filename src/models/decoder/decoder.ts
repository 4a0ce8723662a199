/**
 * @file The Llama family's decoder as a graph: pre-normalised blocks of grouped-query attention with rotary positions and
 * a gated MLP (Touvron et al. 2023, arXiv 2302.13971), with the biases and norms of queries and keys that Qwen2 and Qwen3
 * add. What a configuration leaves out adds no operation. Shapes: B rows, T new tokens, N = B·T, D hidden, H = G·J heads of size K.
 * Heads of one group are stacked along the query axis, so that a group's keys are read once and never repeated.
 */
import { CheckpointError } from "../../core/errors.js";
import {
  add,
  addProduct,
  cast,
  constant,
  type Dim,
  external,
  gather,
  matmul,
  mul,
  multiplyDims,
  type QuantisedWeight,
  quantisedMatmul,
  reduceSum,
  reshape,
  rmsNorm,
  rotaryEmbedding,
  sigmoid,
  split,
  sub,
  transpose,
  type Value,
} from "../../engine/graph/ops.js";
import type { DecoderConfig, LinearLayer } from "../config.js";
import type { LoadedModel, QuantisedTensor, StoredTensor } from "../loaded-model.js";
import { type LoraInputs, TRAINED_HEAD } from "../lora/lora.js";
import { BLOCK_SIZE, ZERO_CODE } from "../weights/quantise.js";
import { linearShape, stackedName } from "./linear-layers.js";
import { rotaryFrequencies } from "./rope.js";

/** Queries [B,G,J·T,K] and this block's new keys and values [B,G,T,K] → attended values [B,G,J·T,K]. */
export type Attend = (query: Value, key: Value, value: Value, layer: number) => Value;

/** Tokens that enter the decoder. */
export interface DecoderInputs {
  /** int64 [B,T] */
  readonly inputIds: Value;
  /** int64 [B,T] */
  readonly positionIds: Value;
}

/** What leaves it. */
export interface DecoderOutputs {
  /** After the last normalisation, [N,D] */
  readonly hidden: Value;
  /** What enters the first block and what leaves each, before any last normalisation, [N,D] */
  readonly states: readonly Value[];
  /** New keys and values of each layer, [B,G,T,K] */
  readonly present: readonly { readonly key: Value; readonly value: Value }[];
}

/** Name of the class head in checkpoints of `…ForSequenceClassification`. */
export const CLASS_HEAD = "score.weight";

/** A checkpoint inside one graph: its tensors as initialisers in the checkpoint's own file. */
export class DecoderGraph {
  readonly config: DecoderConfig;
  private readonly model: LoadedModel;
  private readonly lora: LoraInputs | null;
  private readonly weights = new Map<string, Value>();
  /** Of each input of a quantised layer, since several layers share it. */
  private readonly blockSums = new Map<Value, Value>();

  constructor(model: LoadedModel, lora: LoraInputs | null) {
    this.model = model;
    this.config = model.config;
    this.lora = lora;
  }

  /** Runs the tokens through all blocks. */
  decoder({ inputIds, positionIds }: DecoderInputs, attend: Attend): DecoderOutputs {
    const rows = inputIds.shape as readonly [Dim, Dim];
    const rope = this.rotaryTables();
    const present: { key: Value; value: Value }[] = [];
    let x = reshape(this.embedding(inputIds), [multiplyDims(...rows), this.config.hiddenSize]);
    const states = [x];
    for (let layer = 0; layer < this.config.numHiddenLayers; layer++) {
      const name = `model.layers.${layer}`;
      const rotate = (y: Value) => rotaryEmbedding(y, positionIds, ...rope);
      const attended = this.attention(
        this.norm(x, `${name}.input_layernorm`),
        name,
        rows,
        rotate,
        (q, k, v) => {
          present.push({ key: k, value: v });
          return attend(q, k, v, layer);
        },
      );
      x = add(x, attended);
      x = add(x, this.mlp(this.norm(x, `${name}.post_attention_layernorm`), `${name}.mlp`));
      states.push(x);
    }
    return { hidden: this.norm(x, "model.norm"), states, present };
  }

  /** The output projection [V,D]: the embedding matrix where they are tied. Quantised ones are dequantised. */
  head(): Value {
    const quantised = this.quantised(this.headName());
    if (!quantised) return this.weight(this.headName());
    return reshape(this.dequantised(quantised, null), [this.config.vocabSize, this.config.hiddenSize]);
  }

  /** The class head [labels,D]: the one trained with the adapter, or the checkpoint's own. */
  classHead(): Value {
    return this.lora?.factors.get(TRAINED_HEAD) ?? this.weight(CLASS_HEAD);
  }

  /** Logits [N,V] of hidden states [N,D]. */
  logits(hidden: Value): Value {
    return this.product(hidden, this.headName());
  }

  private headName(): string {
    return this.config.tieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  }

  /** Rows of the embedding matrix, [B,T,D] or, out of blocks, [B,T,D/32,32]. */
  private embedding(inputIds: Value): Value {
    const name = "model.embed_tokens.weight";
    const quantised = this.quantised(name);
    return quantised ? this.dequantised(quantised, inputIds) : gather(this.weight(name), inputIds);
  }

  private attention(
    x: Value,
    name: string,
    [b, t]: readonly [Dim, Dim],
    rotate: (y: Value) => Value,
    attend: (q: Value, k: Value, v: Value) => Value,
  ): Value {
    const { numKeyValueHeads: g, numAttentionHeads: h, headDim: k } = this.config;
    const j = h / g;
    const [q, keys, values] = this.linears(x, `${name}.self_attn`, ["q_proj", "k_proj", "v_proj"]) as [
      Value,
      Value,
      Value,
    ];
    const byRow = (y: Value, heads: number) => reshape(y, [b, t, heads * k]);
    const normalised = (x: Value, norm: string, heads: number) => {
      if (!this.config.qkNorm) return x;
      const byHead = this.norm(reshape(x, [b, t, heads, k]), `${name}.self_attn.${norm}`);
      return reshape(byHead, [b, t, heads * k]);
    };
    const rotated = (y: Value, norm: string, heads: number) =>
      rotate(normalised(byRow(y, heads), norm, heads));
    const query = transpose(reshape(rotated(q, "q_norm", h), [b, t, g, j, k]), [0, 2, 3, 1, 4]);
    const key = transpose(reshape(rotated(keys, "k_norm", g), [b, t, g, k]), [0, 2, 1, 3]);
    const value = transpose(reshape(byRow(values, g), [b, t, g, k]), [0, 2, 1, 3]);
    const attended = attend(reshape(query, [b, g, multiplyDims(j, t), k]), key, value);
    const heads = transpose(reshape(attended, [b, g, j, t, k]), [0, 3, 1, 2, 4]);
    return this.linear(reshape(heads, [multiplyDims(b, t), h * k]), `${name}.self_attn`, "o_proj");
  }

  /** down(SiLU(gate) · up) */
  private mlp(x: Value, name: string): Value {
    const [gate, up] = this.linears(x, name, ["gate_proj", "up_proj"]) as [Value, Value];
    return this.linear(mul(mul(gate, sigmoid(gate)), up), name, "down_proj");
  }

  private linear(x: Value, parent: string, layer: LinearLayer): Value {
    return this.linears(x, parent, [layer])[0] as Value;
  }

  /** Of layers that read one input: x·Wᵀ, plus the layer's bias, plus the adapter's part, [N, out] each. */
  private linears(x: Value, parent: string, layers: readonly LinearLayer[]): Value[] {
    const products = this.products(x, parent, layers);
    return layers.map((layer, i) => {
      const [module, product] = [`${parent}.${layer}`, products[i] as Value];
      const hasBias = this.config.biases.includes(layer);
      const y = hasBias ? add(product, this.weight(`${module}.bias`)) : product;
      const delta = this.lora?.delta(x, module);
      return delta ? add(y, delta) : y;
    });
  }

  /** Quantised matrices of layers that read one input are stacked: one product, then cut. */
  private products(x: Value, parent: string, layers: readonly LinearLayer[]): readonly Value[] {
    const modules = layers.map((layer) => `${parent}.${layer}`);
    const stack = stackedName(`${modules[0]}.weight`);
    if (layers.length === 1 || !this.quantised(stack))
      return modules.map((module) => this.product(x, `${module}.weight`));
    return split(
      this.product(x, stack),
      1,
      modules.map((module) => linearShape(this.config, module)[0]),
    );
  }

  /**
   * x·Wᵀ: [N, out]. Quantised, W = scale·code + offset by blocks, so that its product is that of the codes plus
   * Σ over blocks of offset · Σ x: the second one is a 32nd of the work and keeps offsets unrounded.
   */
  private product(x: Value, name: string): Value {
    const quantised = this.quantised(name);
    if (!quantised) return matmul(x, this.weight(name), { transposeB: true });
    const y = quantisedMatmul(x, this.blocks(quantised), this.model.quantised?.activations ?? "int8");
    if (!quantised.offsets) return y;
    return addProduct(y, this.sumsOfBlocks(x), this.stored(quantised.offsets, "float32"));
  }

  /** [N, in] → [N, in/32] */
  private sumsOfBlocks(x: Value): Value {
    const known = this.blockSums.get(x);
    if (known) return known;
    const [n, width] = x.shape as readonly [Dim, number];
    const sums = reduceSum(reshape(x, [n, width / BLOCK_SIZE, BLOCK_SIZE]), [-1]);
    this.blockSums.set(x, sums);
    return sums;
  }

  /** The float32 values of a matrix of 8 bits, or of its rows at `indices`: […, in/32, 32] */
  private dequantised(quantised: QuantisedTensor, indices: Value | null): Value {
    const { codes, scales } = this.blocks(quantised);
    const rows = (values: Value) => (indices ? gather(values, indices) : values);
    const centred = sub(cast(rows(codes), "float32"), ZERO_CODE[8]);
    const blockScales = rows(scales);
    return mul(centred, reshape(blockScales, [...blockScales.shape, 1]));
  }

  private quantised(name: string): QuantisedTensor | undefined {
    return this.model.quantised?.tensors.get(name);
  }

  private blocks({ bits, codes, scales }: QuantisedTensor): QuantisedWeight {
    return {
      bits,
      blockSize: BLOCK_SIZE,
      codes: this.stored(codes, "uint8"),
      scales: this.stored(scales, "float32"),
    };
  }

  private norm(x: Value, module: string): Value {
    return rmsNorm(x, this.weight(`${module}.weight`), this.config.rmsNormEps);
  }

  private weight(name: string): Value {
    const tensor = this.model.tensors.get(name);
    if (!tensor) throw new CheckpointError(`${this.model.id}: tensor ${name} is missing`);
    return this.stored(tensor, "float32");
  }

  private stored(tensor: StoredTensor, dtype: "float32" | "uint8"): Value {
    const known = this.weights.get(tensor.name);
    if (known) return known;
    const value = external(tensor.name, dtype, tensor.shape, tensor);
    this.weights.set(tensor.name, value);
    return value;
  }

  /** cos and sin of position times frequency, each [positions, K/2] */
  private rotaryTables(): [Value, Value] {
    const { maxPositionEmbeddings } = this.config;
    const frequencies = rotaryFrequencies(this.config);
    const shape = [maxPositionEmbeddings, frequencies.length] as const;
    const [cos, sin] = [new Float32Array(shape[0] * shape[1]), new Float32Array(shape[0] * shape[1])];
    for (let position = 0, i = 0; position < maxPositionEmbeddings; position++)
      for (const frequency of frequencies) {
        cos[i] = Math.cos(position * frequency);
        sin[i++] = Math.sin(position * frequency);
      }
    return [constant(cos, shape), constant(sin, shape)];
  }
}
