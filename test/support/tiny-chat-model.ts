/** @file A tiny random Llama with the real tokenizer and chat template, for tests that train and chat. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TINY_CONFIG, tinyConfig, tinyTensors } from "../../src/models/tiny-checkpoint.test-data.js";
import { writeSafetensors } from "../../src/models/weights/safetensors.js";
import { smolLm2TokenizerFiles } from "./smollm2-tokenizer.js";

/** Writes its folder. */
export async function writeTinyChatModel(folder: string, maxPositions: number): Promise<void> {
  const { tokenizer, config: tokenizerConfig, chatTemplate } = smolLm2TokenizerFiles();
  const config = {
    ...TINY_CONFIG,
    vocab_size: 49152,
    max_position_embeddings: maxPositions,
    eos_token_id: 2,
  };
  mkdirSync(folder, { recursive: true });
  await writeSafetensors(join(folder, "model.safetensors"), tinyTensors(tinyConfig(config)), {
    format: "pt",
  });
  const files = {
    "config.json": config,
    "tokenizer.json": tokenizer,
    "tokenizer_config.json": { ...tokenizerConfig, chat_template: chatTemplate },
  };
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, name), JSON.stringify(content));
}
