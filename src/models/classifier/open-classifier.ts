/**
 * @file Opens a checkpoint with the head of `…ForSequenceClassification`: GPT-2, DeBERTa-v2/v3, or a decoder of the Llama
 * family.
 */
import { existsSync } from "node:fs";
import { CheckpointError, ConfigError } from "../../core/errors.js";
import { isArchitecture } from "../architectures.js";
import { isHubId } from "../hub/hub.js";
import { hubFolder, type OpenOptions } from "../open.js";
import { openCheckpoint } from "../open-folder.js";
import { className } from "../parse-config.js";
import { readTokenizerFiles, readTokenizerSource } from "../tokenizer-files.js";
import { type JsonObject, shown } from "../weights/json-fields.js";
import type { Classifier, ClassifierLayout } from "./classifier.js";
import { debertaLayout } from "./deberta-config.js";
import { gpt2Layout } from "./gpt2-config.js";
import type { HeadedDecoder } from "./head-graph.js";
import { type HeadedLayout, headedLayout } from "./headed-layout.js";

/** By `model_type`: the class that `architectures` names, and how its config.json is read. */
const CLASSIFIERS: Readonly<
  Record<string, { className: string; read: (json: JsonObject, where: string) => ClassifierLayout }>
> = {
  gpt2: { className: "GPT2ForSequenceClassification", read: gpt2Layout },
  "deberta-v2": { className: "DebertaV2ForSequenceClassification", read: debertaLayout },
};

/**
 * Opens a classifier.
 * @param id path of a folder, or hub id `org/name`
 * @throws ConfigError when nothing of that name is known
 * @throws FetchError when it must be downloaded and cannot be
 * @throws CheckpointError for other architectures, and for incomplete, damaged or unsupported checkpoints
 */
export async function openClassifier(
  id: string,
  options: Omit<OpenOptions, "weights"> = {},
): Promise<Classifier | HeadedDecoder> {
  const path = existsSync(id) ? id : await hubFolder(requireHubId(id), options);
  const opened = await openCheckpoint(id, path, layoutOf, { onProgress: options.onProgress });
  const { layout, hash, folder, tensors, textFolder } = opened;
  if (!("config" in layout))
    return { id, hash, layout, folder, tensors, text: readTokenizerSource(textFolder) };
  const { config, labels, padTokenId } = layout;
  const model = { id, hash, config, folder, tensors, text: readTokenizerFiles(textFolder) };
  return { model, labels, adapter: null, padTokenId };
}

function requireHubId(id: string): string {
  if (isHubId(id)) return id;
  throw new ConfigError(`score model ${id}: expected a folder or a hub id, got neither`, {
    hint: "a hub id reads org/name",
  });
}

function layoutOf(json: JsonObject, where: string): ClassifierLayout | HeadedLayout {
  const [type, architectures] = [json["model_type"], json["architectures"]];
  const names = (name: string) => Array.isArray(architectures) && architectures.includes(name);
  const known = typeof type === "string" ? CLASSIFIERS[type] : undefined;
  if (known && names(known.className)) return known.read(json, where);
  if (isArchitecture(type) && names(className(type, "SequenceClassification")))
    return headedLayout(json, where);
  const expected = Object.values(CLASSIFIERS).map(({ className }) => className);
  throw new CheckpointError(
    `${where}: expected architecture ${expected.join(" or ")} or a Llama-like …ForSequenceClassification, got ${shown(architectures)} (model_type ${shown(type)})`,
  );
}
