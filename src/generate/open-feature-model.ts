/** @file Opens a frozen decoder whose hidden states are read, by name. */
import { createEngine } from "../engine/engine.js";
import { openModel } from "../models/open.js";
import type { FeatureSettings } from "../text/feature-model.js";
import { HiddenFeatureModel } from "./hidden-feature-model.js";
import { conversationEncoder } from "./open-local-chat-model.js";
import type { OpenScoreModelOptions } from "./open-score-model.js";

/** How a feature model is opened. */
export type OpenFeatureModelOptions = Pick<
  OpenScoreModelOptions,
  "threads" | "engine" | "onProgress" | "onMemory"
>;

/**
 * Opens a model by its own chat template; `close` it to give its memory back.
 * @param model registry name, folder, file or hub id
 * @throws what `openModel` throws, and ConfigError for layers that it does not have
 */
export async function openFeatureModel(
  model: string,
  settings: FeatureSettings,
  options: OpenFeatureModelOptions = {},
): Promise<HiddenFeatureModel> {
  const { threads, onProgress, onMemory } = options;
  const loaded = await openModel(model, onProgress && { onProgress });
  const encoder = conversationEncoder(loaded);
  const engine = options.engine ?? (await createEngine(threads === undefined ? {} : { threads }));
  const ownsEngine = options.engine === undefined;
  return new HiddenFeatureModel({ engine, model: loaded, encoder, settings, onMemory, ownsEngine });
}
