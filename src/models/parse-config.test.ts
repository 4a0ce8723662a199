import fc from "fast-check";
import { expect, test } from "vitest";
import { CheckpointError } from "../core/errors.js";
import { checkpointShapes, parseConfig } from "./parse-config.js";
import { expectOnlyCheckpointErrors, TINY_CONFIG, tinyConfig } from "./tiny-checkpoint.test-data.js";

test("absent fields have transformers' defaults", () => {
  const { num_key_value_heads, head_dim, rms_norm_eps, rope_theta, ...rest } = TINY_CONFIG;
  expect([num_key_value_heads, head_dim, rms_norm_eps, rope_theta]).toEqual([2, 8, 1e-5, 10000]);
  const config = parseConfig({ ...rest, tie_word_embeddings: undefined }, "tiny");
  expect(config).toMatchObject({ numKeyValueHeads: 4, headDim: 8, rmsNormEps: 1e-6, ropeTheta: 10000 });
  expect(config.tieWordEmbeddings).toBe(false);
});

test("rope_theta is found where transformers 5 puts it", () => {
  const config = tinyConfig({ rope_theta: null, rope_parameters: { rope_theta: 5e5, rope_type: "default" } });
  expect(config.ropeTheta).toBe(5e5);
});

const linear = { rope_type: "linear", factor: 4 };
const llama3 = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 64,
};
const qwen2 = { model_type: "qwen2", architectures: ["Qwen2ForCausalLM"] };
const qwen3 = { model_type: "qwen3", architectures: ["Qwen3ForCausalLM"] };
const mistral = { model_type: "mistral", architectures: ["MistralForCausalLM"] };
const sliding = { use_sliding_window: true, sliding_window: 16 };

test("scaled rotary frequencies are read from old and new places", () => {
  const scaled = { type: "linear", factor: 4 };
  expect(tinyConfig({ rope_scaling: { type: "linear", factor: 4 } }).ropeScaling).toEqual(scaled);
  expect(tinyConfig({ rope_parameters: { ...linear, rope_theta: 7 } })).toMatchObject({
    ropeScaling: scaled,
    ropeTheta: 7,
  });
  const expected = {
    type: "llama3",
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositionEmbeddings: 64,
  };
  expect(tinyConfig({ rope_scaling: llama3 }).ropeScaling).toEqual(expected);
  expect(tinyConfig({ rope_parameters: { rope_type: "default" } }).ropeScaling).toBeNull();
});

test.each([
  ["llama, none by default", {}, []],
  ["llama, attention", { attention_bias: true }, ["q_proj", "k_proj", "v_proj", "o_proj"]],
  ["llama, feed-forward", { mlp_bias: true }, ["gate_proj", "up_proj", "down_proj"]],
  ["qwen2, always", qwen2, ["q_proj", "k_proj", "v_proj"]],
  ["qwen3, none by default", qwen3, []],
  ["qwen3, asked for", { ...qwen3, attention_bias: true }, ["q_proj", "k_proj", "v_proj", "o_proj"]],
])("biases: %s", (_, changes, biases) => {
  expect(tinyConfig(changes).biases).toEqual(biases);
});

test.each([
  ["llama has none", { sliding_window: 16 }, [null, null]],
  ["mistral slides in all layers", { ...mistral, sliding_window: 16 }, [16, 16]],
  ["mistral's may be off", { ...mistral, sliding_window: null }, [null, null]],
  ["mistral's default", { ...mistral, max_position_embeddings: 8192 }, [4096, 4096]],
  ["one that is never full is none", { ...mistral, sliding_window: 128 }, [null, null]],
  ["qwen's is off by default", { ...qwen2, sliding_window: 16 }, [null, null]],
  ["qwen's begins at max_window_layers", { ...qwen2, ...sliding, max_window_layers: 1 }, [null, 16]],
  ["qwen's begins at layer 28 by default", { ...qwen2, ...sliding }, [null, null]],
  ["from the first layer", { ...qwen3, ...sliding, max_window_layers: 0 }, [16, 16]],
  [
    "qwen's layers by name",
    { ...qwen3, ...sliding, layer_types: ["sliding_attention", "full_attention"] },
    [16, null],
  ],
])("sliding windows: %s", (_, changes, windows) => {
  expect(tinyConfig(changes).slidingWindows).toEqual(windows);
});

test("qwen3 normalises queries and keys, and its heads are of 128 unless it says so", () => {
  expect(tinyConfig(qwen3)).toMatchObject({ architecture: "qwen3", qkNorm: true, headDim: 8 });
  const { head_dim, ...rest } = TINY_CONFIG;
  expect([head_dim, parseConfig({ ...rest, ...qwen3 }, "tiny").headDim]).toEqual([8, 128]);
});

test("checkpoints hold the biases and norms that the configuration asks for", () => {
  const names = (changes: Record<string, unknown>) => [...checkpointShapes(tinyConfig(changes))];
  expect(names(qwen2)).toContainEqual(["model.layers.1.self_attn.k_proj.bias", [16]]);
  expect(names(qwen3)).toContainEqual(["model.layers.0.self_attn.q_norm.weight", [8]]);
  expect(names({}).some(([name]) => /bias|[qk]_norm/.test(name))).toBe(false);
});

test.each([
  ["another model type", { model_type: "gemma2", architectures: ["Gemma2ForCausalLM"] }, /llama.*gemma2/i],
  ["another head", { architectures: ["LlamaForSequenceClassification"] }, /SequenceClassification/],
  ["the head of another type", { ...qwen2, ...{ architectures: ["LlamaForCausalLM"] } }, /Qwen2ForCausalLM/],
  ["other rotary frequencies", { rope_scaling: { rope_type: "yarn", factor: 8 } }, /rope_scaling.*yarn/],
  ["other rotary frequencies, new place", { rope_parameters: { type: "dynamic" } }, /rope_parameters/],
  ["rotary options by layer type", { rope_parameters: { full_attention: linear } }, /rope_parameters/],
  ["rotary options that disagree", { rope_scaling: linear, rope_parameters: llama3 }, /different/],
  ["rotary scaling without a factor", { rope_scaling: { rope_type: "linear" } }, /rope_scaling.*factor/],
  ["bounds that cross", { rope_scaling: { ...llama3, low_freq_factor: 5 } }, /high_freq_factor above/],
  ["part of a head rotated", { rope_parameters: { partial_rotary_factor: 0.5 } }, /partial_rotary_factor/],
  ["part of a head rotated, old place", { partial_rotary_factor: 0.5 }, /partial_rotary_factor/],
  ["biases that a type does not have", { ...mistral, attention_bias: true }, /attention_bias/],
  ["biases of the feed-forward layer", { ...qwen3, mlp_bias: true }, /mlp_bias/],
  ["norms that a type does not have", { use_qk_norm: true }, /use_qk_norm/],
  ["attention in both directions", { is_causal: false }, /is_causal/],
  [
    "windows without a size",
    { ...qwen2, layer_types: ["sliding_attention", "full_attention"] },
    /sliding_window/,
  ],
  ["windows that a type does not choose", { ...mistral, layer_types: ["full_attention"] }, /layer_types/],
  ["other layers", { ...qwen3, layer_types: ["full_attention", "chunked_attention"] }, /chunked_attention/],
  ["a switch that is a number", { ...qwen2, use_sliding_window: 1 }, /use_sliding_window/],
  ["another activation", { hidden_act: "gelu" }, /hidden_act/],
  ["quantised weights", { quantization_config: { bits: 4 } }, /quantization_config/],
  ["a billion layers", { num_hidden_layers: 1e9 }, /num_hidden_layers .*at most/],
  ["a billion positions", { max_position_embeddings: 1e9 }, /max_position_embeddings .*at most/],
  ["a missing size", { hidden_size: undefined }, /hidden_size .*got nothing/],
  ["a size that is text", { vocab_size: "8" }, /vocab_size/],
  ["heads that do not divide", { num_key_value_heads: 3 }, /multiple/],
  ["an odd head size", { head_dim: 7 }, /even head_dim/],
])("refuses %s by name", (_, changes, message) => {
  expect(() => parseConfig({ ...TINY_CONFIG, ...changes }, "tiny")).toThrow(message);
});

test("what is refused comes with what is supported", () => {
  const hint = (changes: Record<string, unknown>): string | undefined => {
    try {
      tinyConfig(changes);
    } catch (error) {
      return error instanceof CheckpointError ? error.hint : undefined;
    }
    return undefined;
  };
  expect(hint({ model_type: "gemma2" })).toContain("llama, mistral, qwen2, qwen3");
  expect(hint({ rope_scaling: { rope_type: "yarn" } })).toContain("default, linear, llama3");
});

test("any value of any field is read, or refused with a CheckpointError", () => {
  const fields = [
    ...Object.keys(TINY_CONFIG),
    "rope_scaling",
    "rope_parameters",
    "layer_types",
    "sliding_window",
  ];
  const more = ["use_sliding_window", "max_window_layers", "attention_bias", "mlp_bias", "is_causal"];
  const options = ["rope_type", "factor", "low_freq_factor", "high_freq_factor", "rope_theta"];
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.integer(),
    fc.constantFrom(
      "mistral",
      "qwen2",
      "qwen3",
      "MistralForCausalLM",
      "Qwen2ForCausalLM",
      "Qwen3ForCausalLM",
    ),
    fc.dictionary(fc.constantFrom(...options), fc.oneof(fc.double(), fc.constantFrom("linear", "llama3"))),
  );
  const changes = fc.dictionary(fc.constantFrom(...fields, ...more), value, { maxKeys: 4 });
  fc.assert(
    fc.property(changes, (changed) =>
      expectOnlyCheckpointErrors(() => checkpointShapes(tinyConfig(changed))),
    ),
    { numRuns: 2000 },
  );
});
