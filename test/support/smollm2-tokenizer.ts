/** @file The embedded model's tokenizer files without the model, for tests. See test/fixtures/README.md. */
import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import type { TokenizerFiles } from "../../src/models/loaded-model.js";

interface Fixture {
  readonly tokenizer: Record<string, unknown>;
  readonly model: Record<string, unknown>;
  readonly first: readonly string[];
  readonly merges: string;
  readonly config: Record<string, unknown>;
  readonly chatTemplate: string;
}

/** tokenizer.json, tokenizer_config.json and chat template of SmolLM2-135M-Instruct. */
export function smolLm2TokenizerFiles(): TokenizerFiles {
  const packed = readFileSync(new URL("../fixtures/smollm2-tokenizer.json.br", import.meta.url));
  const fixture = JSON.parse(brotliDecompressSync(packed).toString("utf8")) as Fixture;
  const merges = fixture.merges.split("\n").map((line) => line.split(" "));
  const tokens = [...fixture.first, ...merges.map((pair) => pair.join(""))];
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  return {
    tokenizer: { ...fixture.tokenizer, model: { ...fixture.model, vocab, merges } },
    config: fixture.config,
    chatTemplate: fixture.chatTemplate,
    eosTokenIds: [2],
  };
}
