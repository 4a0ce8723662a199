/** @file Opens a frozen decoder whose hidden states are read, by name. */
import { createEngine } from "../engine/engine.js";
import type { Engine } from "../engine/types.js";
import type { OnProgress } from "../models/hub/progress.js";
import type { OnMemory } from "../models/memory-plan.js";
import { openModel } from "../models/open.js";
import type { FeatureSettings } from "../text/feature-model.js";
import { HiddenFeatureModel } from "./hidden-feature-model.js";
import { conversationEncoder } from "./open-local-chat-model.js";

/** How a feature model is opened. */
export interface OpenFeatureModelOptions {
  /** Threads of one operation; default the processor's cores. */
  readonly threads?: number | undefined;
  /** An engine to use; it stays open. Default: one of the model's own. */
  readonly engine?: Engine | undefined;
  /** Told of downloads and conversions. */
  readonly onProgress?: OnProgress | undefined;
  /** Told what reading will hold, before it starts. */
  readonly onMemory?: OnMemory | undefined;
}

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
