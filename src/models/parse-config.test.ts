import { expect, test } from "vitest";
import { parseConfig } from "./parse-config.js";
import { TINY_CONFIG, tinyConfig } from "./tiny-checkpoint.test-data.js";

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

test.each([
  ["another model type", { model_type: "qwen2", architectures: ["Qwen2ForCausalLM"] }, /llama.*qwen2/i],
  ["another head", { architectures: ["LlamaForSequenceClassification"] }, /SequenceClassification/],
  ["scaled rotary frequencies", { rope_scaling: { rope_type: "llama3", factor: 8 } }, /rope_scaling.*llama3/],
  ["scaled rotary frequencies, new place", { rope_parameters: { rope_type: "yarn" } }, /rope_parameters/],
  ["biases of attention", { attention_bias: true }, /attention_bias/],
  ["biases of the feed-forward layer", { mlp_bias: true }, /mlp_bias/],
  ["another activation", { hidden_act: "gelu" }, /hidden_act/],
  ["quantised weights", { quantization_config: { bits: 4 } }, /quantization_config/],
  ["a missing size", { hidden_size: undefined }, /hidden_size .*got nothing/],
  ["a size that is text", { vocab_size: "8" }, /vocab_size/],
  ["heads that do not divide", { num_key_value_heads: 3 }, /multiple/],
  ["an odd head size", { head_dim: 7 }, /even head_dim/],
])("refuses %s by name", (_, changes, message) => {
  expect(() => parseConfig({ ...TINY_CONFIG, ...changes }, "tiny")).toThrow(message);
});
