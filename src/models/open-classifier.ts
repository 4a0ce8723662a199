/** @file Opens the folder of a classifier: GPT-2 or DeBERTa-v2/v3 with the head of `…ForSequenceClassification`. */
import { CheckpointError } from "../core/errors.js";
import type { Classifier, ClassifierLayout } from "./classifier.js";
import { debertaLayout } from "./deberta-config.js";
import { gpt2Layout } from "./gpt2-config.js";
import { type JsonObject, shown } from "./json-fields.js";
import { type OpenFolderOptions, openCheckpoint } from "./open-folder.js";
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
 * @throws CheckpointError for other architectures, and for incomplete, damaged or unsupported checkpoints
 */
export async function openClassifier(
  id: string,
  folder: string,
  options: OpenFolderOptions = {},
): Promise<Classifier> {
  const opened = await openCheckpoint(id, folder, classifierLayout, options);
  const text = readTokenizerSource(opened.textFolder);
  return {
    id,
    hash: opened.hash,
    layout: opened.layout,
    folder: opened.folder,
    tensors: opened.tensors,
    text,
  };
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
