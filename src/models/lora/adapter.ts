/**
 * @file LoRA adapters as PEFT writes them: `adapter_config.json` and `adapter_model.safetensors`. Read and written here so
 * that PEFT's own tools and ours can exchange them; what we cannot compute (DoRA, rsLoRA, biases, an adapted head, …) is
 * refused by name. Beside the factors an adapter may hold one whole module: a class head (`modules_to_save: ["score"]`).
 */
import { join } from "node:path";
import { CheckpointError } from "../../core/errors.js";
import { writeJsonDurably } from "../../core/files.js";
import { hashJson, sha256 } from "../../core/hash.js";
import { type DecoderConfig, LINEAR_LAYERS } from "../config.js";
import type { Adapter, LoraConfig } from "../loaded-model.js";
import { checkpointShapes } from "../parse-config.js";
import { type ByteSource, openFile } from "../weights/byte-source.js";
import {
  type JsonObject,
  positiveInteger,
  positiveNumber,
  readJsonObject,
  shown,
} from "../weights/json-fields.js";
import {
  type FloatTensor,
  parseSafetensors,
  readTensor,
  type SafetensorsEntry,
  writeSafetensors,
} from "../weights/safetensors.js";
import { factorName, TRAINED_HEAD } from "./lora.js";

const CONFIG_FILE = "adapter_config.json";
const WEIGHTS_FILE = "adapter_model.safetensors";

const MERGE_HINT =
  "only plain LoRA adapters are supported; merge this one into its base with PEFT and open the result";

/** What is recorded beside the factors. */
export interface AdapterOrigin {
  /** Name or path of the model that the adapter belongs to (`base_model_name_or_path`). */
  readonly baseModelId: string;
  readonly baseConfig: DecoderConfig;
}

/** What an adapter may hold beside its factors. */
export interface AdapterContent {
  /** A class head; default false: language models have no use for one. */
  readonly head?: boolean;
}

/**
 * Reads a PEFT LoRA adapter and checks it against the model it is meant for.
 * @throws CheckpointError for other kinds of adapters, for damaged files, and when it was made for another model
 */
export async function readAdapter(
  folder: string,
  baseConfig: DecoderConfig,
  { head = false }: AdapterContent = {},
): Promise<Adapter> {
  const where = join(folder, CONFIG_FILE);
  const json = readJsonObject(where);
  refuseVariants(json, where, head);
  const source = openFile(join(folder, WEIGHTS_FILE));
  try {
    const entries = parseSafetensors(source).entries;
    const classHead = head ? readHead(source, entries.get(TRAINED_HEAD), baseConfig) : null;
    const found = factorEntries(source, entries, classHead === null ? [] : [TRAINED_HEAD]);
    const rank = positiveInteger(json, "r", where);
    checkFactors(source.name, found, rank, baseConfig, json);
    const config: LoraConfig = {
      rank,
      alpha: positiveNumber(json, "lora_alpha", where),
      dropout: dropoutOf(json, where),
      modules: modulesOf(found, baseConfig),
    };
    checkTargets(json, where, config.modules, baseConfig);
    const adapter = makeAdapter(config, readFactors(source, found, config.modules));
    return classHead === null ? adapter : withHead(adapter, classHead);
  } finally {
    source.close();
  }
}

/** An adapter with a class head [labels, D] beside its factors. */
export function withHead({ config, factors }: Adapter, head: FloatTensor): Adapter {
  return makeAdapter(
    { ...config, labels: head.shape[0] as number },
    new Map([...factors, [TRAINED_HEAD, head]]),
  );
}

/** Writes an adapter as PEFT does; PEFT, vLLM and others load it from there. */
export async function writeAdapter(folder: string, adapter: Adapter, origin: AdapterOrigin): Promise<void> {
  await writeSafetensors(join(folder, WEIGHTS_FILE), adapter.factors, { format: "pt" });
  const { rank, alpha, dropout, modules, labels } = adapter.config;
  await writeJsonDurably(join(folder, CONFIG_FILE), {
    peft_type: "LORA",
    task_type: labels === undefined ? "CAUSAL_LM" : "SEQ_CLS",
    base_model_name_or_path: origin.baseModelId,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: dropout,
    target_modules: targetModules(modules, origin.baseConfig),
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    modules_to_save: labels === undefined ? null : ["score"],
    use_dora: false,
    use_rslora: false,
  });
}

/** An adapter with its hash, from factors by PEFT parameter name, A before B in module order. */
export function makeAdapter(config: LoraConfig, factors: ReadonlyMap<string, FloatTensor>): Adapter {
  const parts: Record<string, string> = {};
  for (const [name, { shape, data }] of factors)
    parts[name] = `${shape.join()}:${sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))}`;
  const { rank, alpha, dropout, modules } = config;
  return { config, factors, hash: hashJson({ rank, alpha, dropout, modules, factors: parts }) };
}

/** Every linear layer of a model by module name, [out, in], in checkpoint order. */
function linearShapes(config: DecoderConfig): ReadonlyMap<string, readonly [number, number]> {
  const shapes = new Map<string, readonly [number, number]>();
  for (const [name, shape] of checkpointShapes(config))
    if (name.endsWith("_proj.weight")) shapes.set(moduleOf(name), shape as readonly [number, number]);
  return shapes;
}

function moduleOf(parameter: string): string {
  return parameter.slice(0, -".weight".length);
}

/** Settings of PEFT that change what an adapter computes, and that are not built. */
const UNSUPPORTED_SETTINGS: readonly string[] = [
  "use_dora",
  "use_rslora",
  "use_qalora",
  "use_bdlora",
  "lora_bias",
  "fan_in_fan_out",
  "modules_to_save",
  "rank_pattern",
  "alpha_pattern",
  "layer_replication",
  "target_parameters",
  "trainable_token_indices",
  "alora_invocation_tokens",
  "arrow_config",
  "kasa_config",
  "velora_config",
  "monteclora_config",
];

/** Ways to begin training that change the base weights too, so that the factors alone are not the adapter. */
const BASE_CHANGING_INITS: readonly string[] = ["pissa", "olora", "loftq", "corda", "lora_ga"];

/** Modules that PEFT adapts, and of which it keeps whole copies; no graph here adapts or replaces them. */
const UNADAPTED: readonly string[] = ["lm_head", "embed_tokens"];

/** Names under which PEFT looks for class heads; a decoder has only the first. */
const HEAD_MODULES: readonly unknown[] = ["score", "classifier"];

function refuseVariants(json: JsonObject, where: string, head: boolean): void {
  const refuse = (field: string, expected: string): CheckpointError =>
    new CheckpointError(`${where}: expected ${field} to be ${expected}, got ${shown(json[field])}`, {
      hint: MERGE_HINT,
    });
  if (json["peft_type"] !== "LORA") throw refuse("peft_type", '"LORA"');
  if ((json["bias"] ?? "none") !== "none") throw refuse("bias", '"none"');
  const whole = json["modules_to_save"];
  const isHead = head && Array.isArray(whole) && whole.every((module) => HEAD_MODULES.includes(module));
  for (const field of UNSUPPORTED_SETTINGS)
    if (!isOff(json[field]) && !(isHead && field === "modules_to_save")) throw refuse(field, "off");
  const init = json["init_lora_weights"];
  if (typeof init === "string" && BASE_CHANGING_INITS.some((name) => init.startsWith(name)))
    throw refuse("init_lora_weights", "one that leaves the base as it is");
  const targets: readonly unknown[] = [json["target_modules"]].flat();
  if (targets.some((target) => UNADAPTED.some((module) => `.${target}`.endsWith(`.${module}`))))
    throw refuse("target_modules", `some of ${LINEAR_LAYERS.join(", ")}`);
}

function isOff(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function dropoutOf(json: JsonObject, where: string): number {
  const dropout = json["lora_dropout"] ?? 0;
  if (typeof dropout === "number" && dropout >= 0 && dropout < 1) return dropout;
  throw new CheckpointError(`${where}: expected lora_dropout in [0, 1), got ${shown(dropout)}`);
}

function readHead(
  source: ByteSource,
  entry: SafetensorsEntry | undefined,
  { hiddenSize }: DecoderConfig,
): FloatTensor | null {
  if (entry === undefined) return null;
  const [labels, width] = entry.shape;
  if (entry.shape.length === 2 && labels !== 0 && width === hiddenSize)
    return { shape: entry.shape, data: readTensor(source, entry) };
  throw new CheckpointError(
    `${source.name}: expected a head [labels, ${hiddenSize}], got [${entry.shape}] in ${TRAINED_HEAD}`,
  );
}

/** An adapter's other tensors, all of which must be factors: what is not applied is not ignored. */
function factorEntries(
  source: ByteSource,
  all: ReadonlyMap<string, SafetensorsEntry>,
  read: readonly string[],
): ReadonlyMap<string, SafetensorsEntry> {
  const entries = new Map(Array.from(all).filter(([name]) => !read.includes(name)));
  for (const name of entries.keys())
    if (!/\.lora_[AB]\.weight$/.test(name) || UNADAPTED.some((module) => name.includes(`.${module}.`)))
      throw new CheckpointError(
        `${source.name}: expected LoRA factors of ${LINEAR_LAYERS.join(", ")} alone, got ${name}`,
        { hint: MERGE_HINT },
      );
  if (entries.size > 0) return entries;
  throw new CheckpointError(`${source.name}: expected LoRA factors, got none`);
}

function checkFactors(
  where: string,
  found: ReadonlyMap<string, SafetensorsEntry>,
  rank: number,
  baseConfig: DecoderConfig,
  json: JsonObject,
): void {
  const linear = linearShapes(baseConfig);
  for (const [name, entry] of found) {
    const [, module, side] = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/.exec(name) ?? [];
    const shape = module === undefined ? undefined : linear.get(module);
    if (module === undefined || shape === undefined)
      throw otherModel(where, json, `${name} belongs to no linear layer of the model`);
    const expected = side === "A" ? [rank, shape[1]] : [shape[0], rank];
    if (entry.shape.join() !== expected.join())
      throw otherModel(where, json, `${name} is [${entry.shape}], expected [${expected}] for rank ${rank}`);
    const partner = factorName(module, side === "A" ? "B" : "A");
    if (!found.has(partner)) throw new CheckpointError(`${where}: ${partner} is missing`);
  }
}

function otherModel(where: string, json: JsonObject, reason: string): CheckpointError {
  return new CheckpointError(`${where}: the adapter does not fit the model: ${reason}`, {
    hint: `it was made for ${shown(json["base_model_name_or_path"])}`,
  });
}

/** Modules with factors, in checkpoint order. */
function modulesOf(found: ReadonlyMap<string, SafetensorsEntry>, baseConfig: DecoderConfig): string[] {
  return [...linearShapes(baseConfig).keys()].filter((module) => found.has(factorName(module, "A")));
}

/** Refuses an adapter that lacks factors of layers which its config says it has; a cut file would pass otherwise. */
function checkTargets(
  json: JsonObject,
  where: string,
  modules: readonly string[],
  baseConfig: DecoderConfig,
): void {
  const targets = json["target_modules"];
  if (!Array.isArray(targets) || !isOff(json["exclude_modules"])) return;
  const layers = isOff(json["layers_to_transform"]) ? null : [json["layers_to_transform"]].flat();
  const isTarget = (module: string): boolean =>
    targets.some((target) => module === target || module.endsWith(`.${target}`)) &&
    (layers === null || layers.includes(Number(/\.(\d+)\./.exec(module)?.[1])));
  const missing = [...linearShapes(baseConfig).keys()].filter(
    (module) => isTarget(module) && !modules.includes(module),
  );
  if (missing.length > 0)
    throw new CheckpointError(
      `${where}: target_modules ${shown(targets)} stands for ${missing[0]} too, which has no factors (${missing.length} missing)`,
    );
}

function readFactors(
  source: ByteSource,
  found: ReadonlyMap<string, SafetensorsEntry>,
  modules: readonly string[],
): ReadonlyMap<string, FloatTensor> {
  const factors = new Map<string, FloatTensor>();
  for (const module of modules) {
    for (const side of ["A", "B"] as const) {
      const name = factorName(module, side);
      const entry = found.get(name);
      if (entry !== undefined) factors.set(name, { shape: entry.shape, data: readTensor(source, entry) });
    }
  }
  return factors;
}

/** Short layer names (`q_proj`) where they mean exactly these modules, full names otherwise. */
function targetModules(modules: readonly string[], baseConfig: DecoderConfig): string[] {
  const short = [...new Set(modules.map((module) => module.slice(module.lastIndexOf(".") + 1)))];
  const meant = [...linearShapes(baseConfig).keys()].filter((module) =>
    short.some((name) => module === name || module.endsWith(`.${name}`)),
  );
  return meant.length === modules.length ? short : [...modules];
}
