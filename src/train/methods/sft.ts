/** @file `trainSft`: supervised fine-tuning of a LoRA adapter on prompts with an answer. */
import { toPromptCompletions } from "../../data/columns.js";
import type { PromptCompletion } from "../../data/examples.js";
import type { TrainingRow } from "../method.js";
import { type MethodName, resolveSettings, type SftOptions } from "../options.js";
import { prepareCompletions } from "../prepare.js";
import { type RunPlan, runTraining, type TrainResult } from "../run.js";
import { openStart, type TrainingStart } from "../start.js";
import { sftStep } from "../step-graph.js";
import {
  type ContaminationCheck,
  checkContamination,
  type LoadedRows,
  loadRows,
  NOT_CHECKED,
} from "../training-data.js";
import { sftMethod } from "./sft-method.js";

/**
 * Trains an adapter by token-mean cross-entropy on answers, and writes the run's folder.
 * @throws ConfigError for options and files, DatasetError for rows, TrainingError for what must not be trained
 */
export async function trainSft(options: SftOptions): Promise<TrainResult> {
  const settings = resolveSettings("sft", options);
  const data = await loadRows(options.data, toPromptCompletions, folders(options));
  const contamination = await contaminationOf(data.rows, options);
  const start = await openStart(options, settings.seed);
  try {
    const evaluation = await loadHeldOut(options);
    const common = { options, settings, start, data, evaluation, contamination, recipe: {} };
    return await runTraining(completionPlan("sft", common));
  } finally {
    await start.close();
  }
}

type CompletionPlan = RunPlan<PromptCompletion, TrainingRow>;

/** The plan of a method that trains on answers. */
export function completionPlan(
  method: Extract<MethodName, "sft" | "sit">,
  common: Omit<CompletionPlan, "method" | "prepare" | "preferred" | "loss" | "bind">,
): CompletionPlan {
  const { encoder }: TrainingStart = common.start;
  return {
    ...common,
    method,
    prepare: (rows, options) => prepareCompletions(rows, encoder, options),
    preferred: ({ completion }) => completion.at(-1)?.content ?? "",
    loss: sftStep,
    bind: async (rows, evaluation) => ({ method: sftMethod(method), rows, evaluation }),
  };
}

/** Held-out rows, if any were given. */
export async function loadHeldOut(options: SftOptions): Promise<LoadedRows<PromptCompletion> | null> {
  if (options.evalData === undefined) return null;
  return loadRows(options.evalData, toPromptCompletions, folders(options));
}

/** The check against evaluation prompts, unless switched off. */
export async function contaminationOf(
  rows: readonly PromptCompletion[],
  options: SftOptions,
): Promise<ContaminationCheck> {
  if (options.checkContamination === false) return NOT_CHECKED;
  return checkContamination(rows, folders(options), (message) => options.onWarning?.(message));
}

/** Where data sets that are not bundled lie. */
export function folders({ dataDir }: { readonly dataDir?: string }): { readonly dataDir?: string } {
  return dataDir === undefined ? {} : { dataDir };
}
