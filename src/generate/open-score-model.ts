/** @file Opens any score model by path or name: a checkpoint with a head, or what `train reward` wrote. */
import { CheckpointError, ConfigError } from "../core/errors.js";
import { createEngine } from "../engine/engine.js";
import type { Engine } from "../engine/types.js";
import type { HeadedDecoder } from "../models/classifier/head-graph.js";
import { openClassifier } from "../models/classifier/open-classifier.js";
import { readScoreRecord, trainedHeadFolder } from "../models/classifier/score-record.js";
import type { OnProgress } from "../models/hub/progress.js";
import type { LoadedModel } from "../models/loaded-model.js";
import { readAdapter } from "../models/lora/adapter.js";
import type { OnMemory } from "../models/memory-plan.js";
import { openModel } from "../models/open.js";
import { DIALOGUE_FORMATS, type DialogueFormatName } from "../text/dialogue-format.js";
import type { ConversationEncoder } from "../text/encode.js";
import type { TemplateName } from "../text/messages.js";
import { ClassifierScoreModel } from "./classifier-score-model.js";
import { DecoderScoreModel } from "./decoder-score-model.js";
import { conversationEncoder } from "./open-local-chat-model.js";

/** A score model that is closed when it is done with. */
export type OpenedScoreModel = ClassifierScoreModel | DecoderScoreModel;

/** How a score model is opened. */
export interface OpenScoreModelOptions {
  /** GPT-2 and DeBERTa: how an exchange becomes text; default that of the published models of its architecture. */
  readonly format?: DialogueFormatName | undefined;
  /** Checkpoints of decoders: how an exchange becomes text; default the model's own template, or "none" (raw text) without one. */
  readonly template?: TemplateName | undefined;
  /** The base of a trained head, where it is already open or lies elsewhere now; default as its record names it. */
  readonly base?: string | LoadedModel | undefined;
  /** Threads of one operation; default the processor's cores. */
  readonly threads?: number | undefined;
  /** An engine to use; it stays open. Default: one of the model's own. */
  readonly engine?: Engine | undefined;
  /** Told of downloads and conversions. */
  readonly onProgress?: OnProgress | undefined;
  /** Told what a decoder with a head will hold, before it scores. */
  readonly onMemory?: OnMemory | undefined;
}

/**
 * Opens a model with a reward or class head for scoring; `close` it to give its memory back.
 * @param model folder of `train reward`; folder or hub id of a `…ForSequenceClassification`: GPT-2, DeBERTa-v2/v3, Llama,
 *   Mistral, Qwen2, Qwen3
 * @throws ConfigError, CheckpointError, FetchError as `openModel` and `openClassifier` do; CheckpointError when the base or
 *   its template is not the one that a head was trained on; TokenizerError for a tokenizer that is not read
 */
export async function openScoreModel(
  model: string,
  options: OpenScoreModelOptions = {},
): Promise<OpenedScoreModel> {
  const trained = trainedHeadFolder(model);
  if (trained !== null) return decoderModel(model, await openTrained(trained, options), options);
  const opened = await openClassifier(model, options.onProgress && { onProgress: options.onProgress });
  if ("model" in opened) {
    const isPlain = opened.model.text.chatTemplate === null;
    const template = options.template ?? (isPlain ? "none" : "chat");
    const encoder = conversationEncoder(opened.model, { template });
    return decoderModel(model, { decoder: opened, encoder }, options);
  }
  const format = DIALOGUE_FORMATS[options.format ?? opened.layout.dialogueFormat];
  return new ClassifierScoreModel({ ...(await engineOf(options)), classifier: opened, format });
}

interface EncodedDecoder {
  readonly decoder: HeadedDecoder;
  readonly encoder: ConversationEncoder;
}

async function decoderModel(
  id: string,
  opened: EncodedDecoder,
  options: OpenScoreModelOptions,
): Promise<DecoderScoreModel> {
  return new DecoderScoreModel({ ...(await engineOf(options)), ...opened, id, onMemory: options.onMemory });
}

async function engineOf({
  engine,
  threads,
}: OpenScoreModelOptions): Promise<{ engine: Engine; ownsEngine: boolean }> {
  if (engine !== undefined) return { engine, ownsEngine: false };
  return { engine: await createEngine(threads === undefined ? {} : { threads }), ownsEngine: true };
}

async function openTrained(folder: string, options: OpenScoreModelOptions): Promise<EncodedDecoder> {
  const record = readScoreRecord(folder);
  if (options.template !== undefined && options.template !== record.template)
    throw new ConfigError(`${folder}: expected template ${record.template}, got ${options.template}`);
  const base = options.base ?? record.base.id;
  const model =
    typeof base === "string"
      ? await openModel(base, options.onProgress && { onProgress: options.onProgress })
      : base;
  if (model.hash !== record.base.hash) throw notTheBase(folder, `base ${record.base.hash}`, model.hash);
  const { template, system } = record;
  const encoder = conversationEncoder(model, { template, system: system ?? undefined });
  if (encoder.hash !== record.encoder)
    throw notTheBase(folder, `template and tokenizer ${record.encoder}`, encoder.hash);
  const adapter = await readAdapter(folder, model.config, { head: true });
  if (adapter.config.labels !== record.labels.length)
    throw new CheckpointError(
      `${folder}: expected a head of ${record.labels.length} labels, got ${adapter.config.labels ?? "none"}`,
    );
  return { decoder: { model, labels: record.labels, adapter }, encoder };
}

function notTheBase(folder: string, expected: string, got: string): CheckpointError {
  return new CheckpointError(`${folder}: expected ${expected}, got ${got}`, {
    hint: "scores of a head on another base mean nothing; open it on the checkpoint that it was trained on",
  });
}
