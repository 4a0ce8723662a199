/** @file Opens a checkpoint as an encoder: DeBERTa-v2/v3, with whatever head or none. */
import { existsSync } from "node:fs";
import { CheckpointError, ConfigError } from "../../core/errors.js";
import { isHubId } from "../hub/hub.js";
import { hubFolder, type OpenOptions } from "../open.js";
import { openCheckpoint } from "../open-folder.js";
import { readTokenizerSource } from "../tokenizer-files.js";
import { type JsonObject, shown } from "../weights/json-fields.js";
import { debertaEncoderLayout } from "./deberta-config.js";
import type { Encoder, EncoderLayout } from "./encoder.js";

/**
 * Opens an encoder.
 * @param id path of a folder, or hub id `org/name`
 * @throws ConfigError when nothing of that name is known
 * @throws FetchError when it must be downloaded and cannot be
 * @throws CheckpointError for other architectures, and for incomplete, damaged or unsupported checkpoints
 */
export async function openEncoder(id: string, options: Omit<OpenOptions, "weights"> = {}): Promise<Encoder> {
  if (!existsSync(id) && !isHubId(id))
    throw new ConfigError(`encoder ${id}: expected a folder or a hub id, got neither`, {
      hint: "a hub id reads org/name",
    });
  const path = existsSync(id) ? id : await hubFolder(id, options);
  const opened = await openCheckpoint(id, path, layoutOf, { onProgress: options.onProgress });
  const { hash, layout, folder, tensors, textFolder } = opened;
  return { id, hash, layout, folder, tensors, text: readTokenizerSource(textFolder) };
}

function layoutOf(json: JsonObject, where: string): EncoderLayout {
  if (json["model_type"] === "deberta-v2") return debertaEncoderLayout(json, where);
  throw new CheckpointError(
    `${where}: expected model_type deberta-v2, the encoder that is built, got ${shown(json["model_type"])}`,
  );
}
