/** @file What a `…ForSequenceClassification` folder of a decoder holds: the decoder's tensors without an output projection, and a head. */

import type { DecoderConfig } from "../config.js";
import { CLASS_HEAD } from "../decoder/decoder.js";
import type { CheckpointLayout } from "../open-folder.js";
import { checkpointShapes, parseConfig } from "../parse-config.js";
import type { JsonObject } from "../weights/json-fields.js";
import { classLabels } from "./class-labels.js";

/** A decoder with a class head instead of an output projection. */
export interface HeadedLayout extends CheckpointLayout {
  readonly config: DecoderConfig;
  readonly labels: readonly string[];
  /** `pad_token_id`; null where there is none. */
  readonly padTokenId: number | null;
}

/** The layout of `…ForSequenceClassification` on a decoder. @throws CheckpointError as `parseConfig` does */
export function headedLayout(json: JsonObject, where: string): HeadedLayout {
  // No output projection, so nothing of its own to look for.
  const config = { ...parseConfig(json, where, "SequenceClassification"), tieWordEmbeddings: true };
  const labels = classLabels(json, where);
  const head: [string, readonly number[]] = [CLASS_HEAD, [labels.length, config.hiddenSize]];
  return {
    config,
    labels,
    padTokenId: typeof json["pad_token_id"] === "number" ? json["pad_token_id"] : null,
    kind: `${config.architecture} classifier`,
    shapes: new Map([...checkpointShapes(config), head]),
    isIgnorable: (tensor) => tensor.endsWith(".rotary_emb.inv_freq"),
  };
}
