import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CheckpointError, ConfigError } from "../../core/errors.js";
import { inTemporaryFolder } from "../tiny-checkpoint.test-data.js";
import { readTokenizerSource } from "../tokenizer-files.js";
import type { JsonObject } from "../weights/json-fields.js";
import { classLabels } from "./class-labels.js";
import { debertaLayout } from "./deberta-config.js";
import { relativeRows } from "./deberta-positions.js";
import { gpt2Layout } from "./gpt2-config.js";
import { openClassifier } from "./open-classifier.js";

// DeBERTa-v3-large's config.json, as published.
const DEBERTA: JsonObject = {
  model_type: "deberta-v2",
  architectures: ["DebertaV2ForSequenceClassification"],
  hidden_act: "gelu",
  hidden_size: 1024,
  intermediate_size: 4096,
  max_position_embeddings: 512,
  relative_attention: true,
  position_buckets: 256,
  norm_rel_ebd: "layer_norm",
  share_att_key: true,
  pos_att_type: "p2c|c2p",
  layer_norm_eps: 1e-7,
  max_relative_positions: -1,
  position_biased_input: false,
  num_attention_heads: 16,
  num_hidden_layers: 24,
  type_vocab_size: 0,
  vocab_size: 128100,
  id2label: { 0: "LABEL_0" },
};
// GPT-2 large's, with one label.
const GPT2: JsonObject = {
  model_type: "gpt2",
  architectures: ["GPT2ForSequenceClassification"],
  n_embd: 1280,
  n_head: 20,
  n_layer: 36,
  id2label: { 0: "LABEL_0" },
};

const refusal = (read: (json: JsonObject, where: string) => unknown, json: JsonObject): string => {
  try {
    read(json, "config.json");
  } catch (error) {
    if (error instanceof CheckpointError) return error.message;
  }
  return "no CheckpointError";
};

test("the published sizes have the published number of parameters", () => {
  const parameters = (layout: { readonly shapes: ReadonlyMap<string, readonly number[]> }) =>
    [...layout.shapes.values()].reduce((sum, shape) => sum + shape.reduce((n, size) => n * size, 1), 0);
  // From transformers: sum(p.numel() for p in model.parameters()).
  expect(parameters(debertaLayout(DEBERTA, "x"))).toBe(435062785);
  expect(parameters(gpt2Layout(GPT2, "x"))).toBe(774031360);
});

describe("what changes the arithmetic and is not built is refused by name", () => {
  test.each([
    ["relative_attention", null],
    ["relative_attention", undefined],
    ["pos_att_type", null],
    ["position_biased_input", true],
    ["share_att_key", false],
    ["norm_rel_ebd", "none"],
    ["pos_att_type", ["c2p"]],
    ["hidden_act", "gelu_new"],
    ["pooler_hidden_act", "tanh"],
    ["type_vocab_size", 2],
    ["conv_kernel_size", 3],
    ["embedding_size", 128],
    ["pooler_hidden_size", 512],
    ["position_buckets", -1],
    ["max_relative_positions", 100],
  ])("DeBERTa: %s = %o", (field, value) => {
    expect(refusal(debertaLayout, { ...DEBERTA, [field]: value })).toContain(field);
  });

  test.each([
    ["activation_function", "relu"],
    ["scale_attn_weights", false],
    ["scale_attn_by_inverse_layer_idx", true],
    ["add_cross_attention", true],
    ["n_head", 7],
    ["n_layer", 100000],
  ])("GPT-2: %s = %o", (field, value) => {
    expect(refusal(gpt2Layout, { ...GPT2, [field]: value })).toContain(field);
  });
});

test("labels are named in the order of their ids", () => {
  expect(classLabels({ id2label: { 1: "unsafe", 0: "safe" } }, "x")).toEqual(["safe", "unsafe"]);
  expect(classLabels({ num_labels: 3 }, "x")).toEqual(["LABEL_0", "LABEL_1", "LABEL_2"]);
  expect(classLabels({}, "x")).toEqual(["LABEL_0", "LABEL_1"]);
  for (const id2label of [{}, { 1: "a" }, ["a"], { 0: 1 }])
    expect(refusal(classLabels, { id2label })).toContain("id2label");
});

test("distances beyond the table take its ends", () => {
  const rows = relativeRows(9, { positionBuckets: 4, maxRelativePositions: 4 });
  expect([rows[0], rows[8], rows[16]]).toEqual([0n, 4n, 7n]);
});

test("a language model's folder is not a classifier", async () => {
  await inTemporaryFolder(async (folder) => {
    writeFileSync(
      join(folder, "config.json"),
      JSON.stringify({ ...GPT2, architectures: ["GPT2LMHeadModel"] }),
    );
    await expect(openClassifier(folder)).rejects.toThrow(
      /GPT2ForSequenceClassification.*got \["GPT2LMHeadModel"\]/,
    );
  });
  await expect(openClassifier("no such thing")).rejects.toThrow(ConfigError);
});

test("ids of a Unigram vocabulary must be rows of the embeddings", async () => {
  await inTemporaryFolder(async (folder) => {
    const vocab = ["[CLS]", "[SEP]", "a"].map((piece) => [piece, 0]);
    writeFileSync(join(folder, "tokenizer.json"), JSON.stringify({ model: { type: "Unigram", vocab } }));
    writeFileSync(join(folder, "config.json"), JSON.stringify({ vocab_size: 3 }));
    expect(readTokenizerSource(folder).tokenizer["model"]).toEqual({ type: "Unigram", vocab });
    writeFileSync(join(folder, "config.json"), JSON.stringify({ vocab_size: 2 }));
    expect(() => readTokenizerSource(folder)).toThrow(/expected ids below 2 \(vocab_size\), got 2/);
  });
});
