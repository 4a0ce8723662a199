/** @file Opens a {@link ClassifierScoreModel} by name, with an engine of its own. */
import { createEngine } from "../engine/engine.js";
import { openClassifier } from "../models/open-classifier.js";
import type { OnProgress } from "../models/progress.js";
import { DIALOGUE_FORMATS, type DialogueFormatName } from "../text/dialogue-format.js";
import { ClassifierScoreModel } from "./classifier-score-model.js";

/** What to open, and how. */
export interface OpenClassifierOptions {
  /** Folder or hub id. */
  readonly model: string;
  /** How an exchange becomes text; default that of the published models of its architecture. */
  readonly format?: DialogueFormatName | undefined;
  /** Threads of one operation; default the processor's cores. */
  readonly threads?: number | undefined;
  /** Told of downloads and conversions. */
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Opens a classifier for scoring; `close` it to give its memory back.
 * @throws ConfigError, CheckpointError, FetchError as `openClassifier` does; TokenizerError for a tokenizer that is not read
 */
export async function openClassifierScoreModel(
  options: OpenClassifierOptions,
): Promise<ClassifierScoreModel> {
  const { model, format, threads, onProgress } = options;
  const classifier = await openClassifier(model, onProgress && { onProgress });
  const engine = await createEngine(threads === undefined ? {} : { threads });
  return new ClassifierScoreModel({
    engine,
    classifier,
    format: DIALOGUE_FORMATS[format ?? classifier.layout.dialogueFormat],
    ownsEngine: true,
  });
}
