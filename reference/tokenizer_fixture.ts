/**
 * @file Writes test/fixtures/smollm2-tokenizer.json.br: the embedded model's tokenizer without its weights, so that token
 * ids are checked against transformers on every run. The vocabulary is left out: it is the first tokens, then the merges.
 * Run: npx tsx reference/tokenizer_fixture.ts MODEL_FOLDER
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";

const folder = process.argv[2] ?? ".";
const read = (name: string): string => readFileSync(join(folder, name), "utf8");
const { model, ...rest } = JSON.parse(read("tokenizer.json"));
const vocab = Object.keys(model.vocab).sort((a, b) => model.vocab[a] - model.vocab[b]);
const first = vocab.slice(0, vocab.length - model.merges.length);
const rebuilt = [...first, ...model.merges.map((pair: string[]) => pair.join(""))];
if (rebuilt.join("\n") !== vocab.join("\n"))
  throw new Error("the vocabulary is not its first tokens and its merges");

const fixture = {
  tokenizer: rest,
  model: { ...model, vocab: undefined, merges: undefined },
  first,
  merges: model.merges.map((pair: string[]) => pair.join(" ")).join("\n"),
  config: JSON.parse(read("tokenizer_config.json")),
  chatTemplate: read("chat_template.jinja"),
};
writeFileSync("test/fixtures/smollm2-tokenizer.json.br", brotliCompressSync(JSON.stringify(fixture)));
