/** @file The files of a Hugging Face folder that make text of tokens: tokenizer, its config, chat template, end tokens. */
import { join } from "node:path";
import { CheckpointError } from "../core/errors.js";
import type { TokenizerFiles } from "./loaded-model.js";
import {
  isJsonObject,
  type JsonObject,
  readJsonObject,
  readOptionalJsonObject,
  readOptionalText,
} from "./weights/json-fields.js";

/** The two files that define a tokenizer; see {@link TokenizerFiles}. */
export type TokenizerSource = Pick<TokenizerFiles, "tokenizer" | "config">;

/**
 * Reads tokenizer.json and tokenizer_config.json.
 * @throws CheckpointError when tokenizer.json is missing or has ids that the model has no embedding for
 */
export function readTokenizerSource(folder: string): TokenizerSource {
  const tokenizer = readJsonObject(join(folder, "tokenizer.json"));
  checkIds(folder, tokenizer);
  return { tokenizer, config: readOptionalJsonObject(join(folder, "tokenizer_config.json")) ?? {} };
}

/**
 * Reads tokenizer.json and what belongs to it.
 * @throws CheckpointError when tokenizer.json is missing, has ids that the model has no embedding for, or no
 *   end-of-generation token is named anywhere
 */
export function readTokenizerFiles(folder: string): TokenizerFiles {
  const { tokenizer, config } = readTokenizerSource(folder);
  return {
    tokenizer,
    config,
    chatTemplate: chatTemplate(folder, config),
    eosTokenIds: endTokenIds(folder, tokenizer, config),
  };
}

/** Ids of the vocabulary are rows of the embeddings. Added tokens may lie beyond: a pad token often does, and is unused. */
function checkIds(folder: string, tokenizer: JsonObject): void {
  const rows = readOptionalJsonObject(join(folder, "config.json"))?.["vocab_size"];
  const model = tokenizer["model"];
  const vocab = isJsonObject(model) ? model["vocab"] : null;
  if (typeof rows !== "number") return;
  for (const id of vocabularyIds(vocab))
    if (typeof id === "number" && id >= rows)
      throw new CheckpointError(
        `${join(folder, "tokenizer.json")}: expected ids below ${rows} (vocab_size), got ${id}`,
        { hint: "tokenizer.json does not belong to these weights" },
      );
}

/** A mapping of tokens to ids, or, of Unigram tokenizers, a list. */
function vocabularyIds(vocab: unknown): Iterable<unknown> {
  if (Array.isArray(vocab)) return vocab.keys();
  return isJsonObject(vocab) ? Object.values(vocab) : [];
}

/** chat_template.jinja, else chat_template.json, else the member of tokenizer_config.json (one text or named ones). */
function chatTemplate(folder: string, config: JsonObject): string | null {
  const file = readOptionalText(join(folder, "chat_template.jinja"));
  if (file !== null) return file;
  const member = readOptionalJsonObject(join(folder, "chat_template.json"))?.["chat_template"];
  const template = member ?? config["chat_template"];
  if (typeof template === "string") return template;
  const named = Array.isArray(template) ? template.filter(isJsonObject) : [];
  const chosen = named.find((item) => item["name"] === "default")?.["template"];
  return typeof chosen === "string" ? chosen : null;
}

function endTokenIds(folder: string, tokenizer: JsonObject, config: JsonObject): readonly number[] {
  for (const name of ["generation_config.json", "config.json"]) {
    const value = readOptionalJsonObject(join(folder, name))?.["eos_token_id"];
    const ids = (Array.isArray(value) ? value : [value]).filter(isTokenId);
    if (ids.length > 0) return ids;
  }
  const id = addedTokenId(tokenizer, config["eos_token"]);
  if (id !== null) return [id];
  throw new CheckpointError(`${folder}: expected an end-of-sequence token, got none`, {
    hint: "set eos_token_id in generation_config.json",
  });
}

function addedTokenId(tokenizer: JsonObject, token: unknown): number | null {
  const content = isJsonObject(token) ? token["content"] : token;
  const added = tokenizer["added_tokens"];
  if (typeof content !== "string" || !Array.isArray(added)) return null;
  const id = added.filter(isJsonObject).find((item) => item["content"] === content)?.["id"];
  return isTokenId(id) ? id : null;
}

function isTokenId(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
