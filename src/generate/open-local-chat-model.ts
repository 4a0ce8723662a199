/** @file Opens a {@link LocalChatModel} by name: checkpoint, adapter, template and an engine of its own. */
import { createEngine } from "../engine/engine.js";
import type { OnProgress } from "../models/hub/progress.js";
import type { LoadedModel, WeightScheme } from "../models/loaded-model.js";
import { readAdapter } from "../models/lora/adapter.js";
import type { OnMemory } from "../models/memory-plan.js";
import { openModel } from "../models/open.js";
import { ConversationEncoder } from "../text/encode.js";
import type { TemplateName } from "../text/messages.js";
import { promptTemplate } from "../text/template.js";
import { Tokenizer } from "../text/tokenizer.js";
import { LocalChatModel } from "./local-chat-model.js";

/** What to open, and how. */
export interface OpenChatModelOptions {
  /** Registry name, folder, file or hub id. */
  readonly model: string;
  /** PEFT folder. */
  readonly adapter?: string | undefined;
  /** 0 is the base, 1 (default) the adapter as trained. */
  readonly adapterStrength?: number | undefined;
  /** Default "chat": the model's own. */
  readonly template?: TemplateName | undefined;
  /** Put before conversations that have no system message. */
  readonly system?: string | undefined;
  /** How the base's weights are held; default "f32". Others are faster for one sequence, and a little less exact. */
  readonly weights?: WeightScheme | undefined;
  /** Threads of one operation; default the processor's cores. */
  readonly threads?: number | undefined;
  /** Default "cpu". */
  readonly device?: string | undefined;
  /** Told of downloads and conversions. */
  readonly onProgress?: OnProgress | undefined;
  /** Told what sampling or scoring will hold in memory, before it starts. */
  readonly onMemory?: OnMemory | undefined;
}

/**
 * Opens a model for chat; `close` it to give its memory back.
 * @throws ConfigError     for an unknown model or device, or a template that the model lacks
 * @throws CheckpointError for a damaged or unsupported checkpoint or adapter
 * @throws FetchError      when it cannot be downloaded
 */
export async function openLocalChatModel(options: OpenChatModelOptions): Promise<LocalChatModel> {
  const {
    model,
    adapter,
    adapterStrength = 1,
    weights = "f32",
    threads,
    device,
    onProgress,
    onMemory,
  } = options;
  const loaded = await openModel(model, { weights, ...(onProgress && { onProgress }) });
  const encoder = conversationEncoder(loaded, options);
  const factors = adapter === undefined ? null : await readAdapter(adapter, loaded.config);
  const engine = await createEngine({
    ...(threads === undefined ? {} : { threads }),
    ...(device === undefined ? {} : { device }),
  });
  return new LocalChatModel({
    engine,
    loaded,
    encoder,
    adapter: factors,
    strength: adapterStrength,
    onMemory,
    ownsEngine: true,
  });
}

/** The encoder of a checkpoint under a template (default: its own) and a system prompt. */
export function conversationEncoder(
  loaded: LoadedModel,
  options: { readonly template?: TemplateName | undefined; readonly system?: string | undefined } = {},
): ConversationEncoder {
  return new ConversationEncoder({
    tokenizer: new Tokenizer(loaded.text),
    template: promptTemplate(options.template ?? "chat", loaded.text),
    system: options.system,
    eosTokenIds: loaded.text.eosTokenIds,
  });
}
