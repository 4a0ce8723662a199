/** A random model of a few thousand weights with a tokenizer of single letters, so that the examples need no download. */
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "safe-to-serve/core";
import { checkpointShapes, parseConfig, writeSafetensors } from "safe-to-serve/models";

const SPECIAL = ["<|im_start|>", "<|im_end|>"];
const LETTERS = [..."ĠĊabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?'-"];
const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
  vocab_size: SPECIAL.length + LETTERS.length,
  tie_word_embeddings: true,
  eos_token_id: 1,
};
const TEMPLATE =
  "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n" +
  "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/** Writes the model as Hugging Face lays it out, and returns a fresh folder with `model` and room for runs. */
export async function tinyModelFolder(): Promise<{ model: string; runs: string }> {
  const folder = await mkdtemp(join(tmpdir(), "safe-to-serve-example-"));
  const model = join(folder, "model");
  await mkdir(model);
  const random = new SeededRandom("tiny model");
  const tensors = Array.from(checkpointShapes(parseConfig(CONFIG, "tiny")), ([name, shape]) => {
    const length = shape.reduce((product, n) => product * n, 1);
    const data = Float32Array.from({ length }, () =>
      name.includes("norm") ? 1 : 0.6 * (random.next() - 0.5),
    );
    return [name, { shape, data }] as const;
  });
  await writeSafetensors(join(model, "model.safetensors"), new Map(tensors));
  const vocab = Object.fromEntries([...SPECIAL, ...LETTERS].map((token, id) => [token, id]));
  const tokenizer = {
    added_tokens: SPECIAL.map((content, id) => ({ id, content, special: true, normalized: false })),
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: "BPE", vocab, merges: [] },
  };
  const files = {
    "config.json": CONFIG,
    "tokenizer.json": tokenizer,
    "tokenizer_config.json": { bos_token: SPECIAL[0], eos_token: SPECIAL[1], chat_template: TEMPLATE },
  };
  for (const [name, content] of Object.entries(files))
    await writeFile(join(model, name), JSON.stringify(content));
  return { model, runs: join(folder, "runs") };
}
