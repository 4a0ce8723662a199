/** @file Opens the folder of a classifier: GPT-2 or DeBERTa-v2/v3 with the head of `…ForSequenceClassification`. */
import { existsSync } from "node:fs";
import { CheckpointError, ConfigError } from "../core/errors.js";
import type { Classifier, ClassifierLayout } from "./classifier.js";
import { debertaLayout } from "./deberta-config.js";
import { gpt2Layout } from "./gpt2-config.js";
import { isHubId } from "./hub.js";
import { type JsonObject, shown } from "./json-fields.js";
import { hubFolder, type OpenOptions } from "./open.js";
import { openCheckpoint } from "./open-folder.js";
import { readTokenizerSource } from "./tokenizer-files.js";

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
): Promise<Classifier> {
  const path = existsSync(id) ? id : await hubFolder(requireHubId(id), options);
  const opened = await openCheckpoint(id, path, classifierLayout, { onProgress: options.onProgress });
  const { layout, hash, folder, tensors, textFolder } = opened;
  return { id, hash, layout, folder, tensors, text: readTokenizerSource(textFolder) };
}

function requireHubId(id: string): string {
  if (isHubId(id)) return id;
  throw new ConfigError(`classifier ${id}: expected a folder or a hub id, got neither`, {
    hint: "a hub id reads org/name",
  });
}

function classifierLayout(json: JsonObject, where: string): ClassifierLayout {
  const [type, architectures] = [json["model_type"], json["architectures"]];
  const known = typeof type === "string" ? CLASSIFIERS[type] : undefined;
  if (known && Array.isArray(architectures) && architectures.includes(known.className))
    return known.read(json, where);
  const names = Object.values(CLASSIFIERS).map(({ className }) => className);
  throw new CheckpointError(
    `${where}: expected architecture ${names.join(" or ")}, got ${shown(architectures)} (model_type ${shown(type)})`,
  );
}
