/** @file The work of `models list | fetch | inspect`. */
import type { LoadedModel } from "../../models/loaded-model.js";
import { isOnThisMachine, openModel } from "../../models/open.js";
import { MODEL_REGISTRY } from "../../models/registry.js";
import { elementCount } from "../../models/weights/safetensors.js";
import type { ModelsOptions } from "../command-options.js";
import { openProgress } from "../open-progress.js";
import { printJson, printLine, printTable } from "../output.js";

/** Prints the models that are known by name. */
export function runModelsList(options: ModelsOptions): void {
  const models = MODEL_REGISTRY.map((entry) => ({
    name: entry.name,
    sizeBytes: entry.file.sizeBytes,
    licence: entry.licence,
    isHere: isOnThisMachine(entry),
    description: entry.description,
  }));
  if (options.json) {
    printJson({ models });
    return;
  }
  const rows = models.map((model) => [
    model.name,
    megabytes(model.sizeBytes),
    model.licence,
    model.isHere ? "here" : "to be fetched",
    model.description,
  ]);
  printTable(["model", "download", "licence", "state", "description"], rows);
  printLine();
  printLine(
    "Folders, .safetensors and .gguf files, and hub ids (org/name) of Llama, Mistral, Qwen2 and Qwen3 models open as well.",
  );
}

/** Fetches and converts a model. */
export async function runModelsFetch(id: string, options: ModelsOptions): Promise<void> {
  const model = await openWithProgress(id, options, false);
  if (options.json) printJson({ id: model.id, hash: model.hash, folder: model.folder });
  else printLine(`${model.id} is ready: ${model.folder}`);
}

/** Prints what a model is. */
export async function runModelsInspect(id: string, options: ModelsOptions): Promise<void> {
  const model = await openWithProgress(id, options, true);
  const description = describe(model);
  if (options.json) {
    printJson(description);
    return;
  }
  const rows = Object.entries({ ...description, config: undefined, ...description.config });
  printTable(
    ["property", "value"],
    rows.filter(([, value]) => value !== undefined).map(([name, value]) => [name, String(value)]),
  );
}

async function openWithProgress(id: string, options: ModelsOptions, offline: boolean): Promise<LoadedModel> {
  const report = openProgress(options.json === true);
  try {
    return await openModel(id, { onProgress: report.onProgress, offline });
  } finally {
    report.done();
  }
}

/** What `models inspect` says of a model. */
function describe(model: LoadedModel): {
  readonly config: LoadedModel["config"];
  readonly [property: string]: unknown;
} {
  const sizes = Array.from(model.tensors.values(), (tensor) => elementCount(tensor.shape));
  return {
    id: model.id,
    hash: model.hash,
    folder: model.folder,
    parameters: sizes.reduce((sum, size) => sum + size, 0),
    tensors: model.tensors.size,
    chatTemplate: model.text.chatTemplate === null ? "none" : `${model.text.chatTemplate.length} characters`,
    endTokenIds: model.text.eosTokenIds,
    config: model.config,
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
