/** @file Where a run starts: the opened model, its encoder, and the adapter that is trained on. */
import { ConfigError } from "../core/errors.js";
import { createEngine } from "../engine/engine.js";
import type { Engine } from "../engine/types.js";
import type { Adapter, LoadedModel, LoraConfig } from "../models/loaded-model.js";
import { makeAdapter, readAdapter, withHead } from "../models/lora/adapter.js";
import { loraModules } from "../models/lora/lora.js";
import { openModel } from "../models/open.js";
import { ConversationEncoder } from "../text/encode.js";
import { promptTemplate } from "../text/template.js";
import { Tokenizer } from "../text/tokenizer.js";
import { freshFactors } from "./lora-init.js";
import { LORA_DEFAULTS, type LoraSettings, type TrainOptions } from "./options.js";

/** What a run is made of before data. */
export interface TrainingStart {
  readonly engine: Engine;
  /** Closes the engine if it is the run's own. */
  readonly close: () => Promise<void>;
  readonly model: LoadedModel;
  readonly encoder: ConversationEncoder;
  /** The adapter to train; its config holds the dropout of this run. */
  readonly adapter: Adapter;
  /** The adapter as it was read: its hash is what the run names; null for a fresh one. */
  readonly given: Adapter | null;
}

/** What a start is opened by. */
export type StartOptions = Pick<
  TrainOptions<unknown>,
  "model" | "adapter" | "template" | "system" | "engine" | "threads" | keyof LoraSettings
>;

/**
 * Opens model, engine and adapter.
 * @param labels of a class head that is trained with the adapter; none by default. A fresh head is zero, so that training
 *   starts from equal scores; an adapter without a head gets one.
 * @throws ConfigError when LoRA options contradict a given adapter
 */
export async function openStart(
  options: StartOptions,
  seed: number,
  labels?: number,
): Promise<TrainingStart> {
  const model = typeof options.model === "string" ? await openModel(options.model) : options.model;
  const { text } = model;
  const encoder = new ConversationEncoder({
    tokenizer: new Tokenizer(text),
    template: promptTemplate(options.template ?? "chat", text),
    system: options.system,
    eosTokenIds: text.eosTokenIds,
  });
  const given =
    options.adapter === undefined
      ? null
      : await readAdapter(options.adapter, model.config, { head: labels !== undefined });
  const body = given === null ? freshAdapter(model, options, seed) : continued(given, model, options);
  const adapter = labels === undefined ? body : headed(body, labels, model);
  const own = options.engine === undefined;
  const engine =
    options.engine ?? (await createEngine(options.threads === undefined ? {} : { threads: options.threads }));
  return { engine, close: () => (own ? engine.close() : Promise.resolve()), model, encoder, adapter, given };
}

function freshAdapter(model: LoadedModel, options: Partial<LoraSettings>, seed: number): Adapter {
  const settings = { ...LORA_DEFAULTS, ...defined(options) };
  const config: LoraConfig = {
    rank: settings.loraRank,
    alpha: settings.loraAlpha,
    dropout: settings.loraDropout,
    modules: loraModules(model.config, settings.loraTargets),
  };
  if (!Number.isInteger(config.rank) || config.rank < 1)
    refuse("--lora-rank", "a whole number of at least 1", config.rank);
  if (!(config.alpha > 0)) refuse("--lora-alpha", "a number above 0", config.alpha);
  checkDropout(config.dropout);
  return makeAdapter(config, freshFactors(model.config, config, seed));
}

/** A given adapter with this run's dropout. */
function continued(given: Adapter, model: LoadedModel, options: Partial<LoraSettings>): Adapter {
  const { loraRank, loraAlpha, loraDropout, loraTargets } = options;
  const { rank, alpha, modules } = given.config;
  if (loraRank !== undefined && loraRank !== rank) refuse("--lora-rank", `${rank}, the adapter's`, loraRank);
  if (loraAlpha !== undefined && loraAlpha !== alpha)
    refuse("--lora-alpha", `${alpha}, the adapter's`, loraAlpha);
  if (loraTargets !== undefined && loraModules(model.config, loraTargets).join() !== modules.join()) {
    refuse("--lora-targets", `the adapter's ${modules.length} modules`, loraTargets.join(","));
  }
  const dropout = loraDropout ?? LORA_DEFAULTS.loraDropout;
  checkDropout(dropout);
  return makeAdapter({ ...given.config, dropout }, given.factors);
}

/** The adapter with a head of so many labels: its own, or one of zeros. */
function headed(adapter: Adapter, labels: number, { config }: LoadedModel): Adapter {
  const known = adapter.config.labels;
  if (known !== undefined && known !== labels)
    throw new ConfigError(`--adapter: expected a head of ${labels} labels, got one of ${known}`);
  if (known !== undefined) return adapter;
  const head = { shape: [labels, config.hiddenSize], data: new Float32Array(labels * config.hiddenSize) };
  return withHead(adapter, head);
}

function checkDropout(dropout: number): void {
  if (!(dropout >= 0 && dropout < 1)) refuse("--lora-dropout", "a number in [0, 1)", dropout);
}

function refuse(flag: string, expected: string, got: number | string): never {
  throw new ConfigError(`${flag}: expected ${expected}, got ${got}`, {
    hint: "an adapter given by --adapter fixes rank, alpha and layers; leave these options out",
  });
}

function defined(options: Partial<LoraSettings>): Partial<LoraSettings> {
  const { loraRank, loraAlpha, loraDropout, loraTargets } = options;
  return {
    ...(loraRank !== undefined && { loraRank }),
    ...(loraAlpha !== undefined && { loraAlpha }),
    ...(loraDropout !== undefined && { loraDropout }),
    ...(loraTargets !== undefined && { loraTargets }),
  };
}
