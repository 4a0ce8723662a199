/** @file `trainDpo`: Direct Preference Optimization of a LoRA adapter on preference pairs. */
import { ConfigError } from "../../core/errors.js";
import { toPreferencePairs } from "../../data/columns.js";
import type { PreferencePair } from "../../data/examples.js";
import { buildScoreGraph } from "../../models/decoder/score-graph.js";
import type { Adapter } from "../../models/loaded-model.js";
import { readAdapter } from "../../models/lora/adapter.js";
import { checkDpoOptions, type DpoLossOptions } from "../losses/dpo-options.js";
import type { TrainingRow } from "../method.js";
import { type DpoOptions, resolveSettings, type TrainingSettings } from "../options.js";
import { preparePairs } from "../prepare.js";
import { withReference } from "../reference.js";
import { type BoundMethod, runTraining, scoringLimits, type TrainResult } from "../run.js";
import { SessionRunner } from "../session-runner.js";
import { openStart, type TrainingStart } from "../start.js";
import { dpoStep } from "../step-graph.js";
import { checkContamination, loadRows, NOT_CHECKED } from "../training-data.js";
import { dpoMethod, type PairRow } from "./dpo-method.js";
import { folders } from "./sft.js";

/**
 * Trains an adapter on preference pairs against a frozen reference, and writes the run's folder.
 * @throws ConfigError for options and files, DatasetError for rows, TrainingError for what must not be trained
 */
export async function trainDpo(options: DpoOptions): Promise<TrainResult> {
  const settings = resolveSettings("dpo", options);
  const loss = lossOf(options);
  const data = await loadRows(options.data, toPreferencePairs, folders(options));
  const contamination =
    options.checkContamination === false
      ? NOT_CHECKED
      : await checkContamination(data.rows, folders(options), (message) => options.onWarning?.(message));
  const start = await openStart(options, settings.seed);
  try {
    const reference = await openReference(options.reference ?? "start", start);
    const { evalData } = options;
    return await runTraining<PreferencePair, PairRow>({
      method: "dpo",
      options,
      settings,
      start,
      data,
      evaluation:
        evalData === undefined ? null : await loadRows(evalData, toPreferencePairs, folders(options)),
      contamination,
      recipe: { ...loss, reference: { name: options.reference ?? "start", hash: reference.hash } },
      prepare: (rows, prepareOptions) => preparePairs(rows, start.encoder, prepareOptions),
      preferred: ({ chosen }) => chosen.at(-1)?.content ?? "",
      loss: dpoStep(loss),
      bind: (rows, evaluation) => bindPairs({ options, settings, start, reference, loss }, rows, evaluation),
    });
  } finally {
    await start.close();
  }
}

function lossOf(options: DpoOptions): DpoLossOptions {
  const { loss = "sigmoid", beta = 0.1, labelSmoothing = 0, nllWeight = 0 } = options;
  return checkDpoOptions({ loss, beta, labelSmoothing, nllWeight });
}

/** The frozen model that DPO compares with. */
interface Reference {
  /** Null: the base. */
  readonly adapter: Adapter | null;
  /** Of the adapter as it was read; "" for the base. */
  readonly hash: string;
}

async function openReference(name: string, start: TrainingStart): Promise<Reference> {
  if (name === "base") return { adapter: null, hash: "" };
  if (name === "start") return { adapter: start.given, hash: start.given?.hash ?? "" };
  if (name === "") throw new ConfigError("--reference: expected start, base or a PEFT folder, got nothing");
  const adapter = await readAdapter(name, start.model.config);
  return { adapter, hash: adapter.hash };
}

interface PairTask {
  readonly options: DpoOptions;
  readonly settings: TrainingSettings;
  readonly start: TrainingStart;
  readonly reference: Reference;
  readonly loss: DpoLossOptions;
}

async function bindPairs(
  task: PairTask,
  rows: readonly TrainingRow[],
  evaluation: readonly TrainingRow[],
): Promise<BoundMethod<PairRow>> {
  const { start, reference, loss } = task;
  const runner = referenceRunner(start, reference.adapter);
  try {
    const bound = {
      rows: await attach(task, rows, runner),
      evaluation: await attach(task, evaluation, runner),
    };
    const isSame = reference.hash === (start.given?.hash ?? "");
    // A fresh adapter adds nothing whatever is dropped.
    const isUndisturbed = start.given === null || start.adapter.config.dropout === 0;
    return { ...bound, method: dpoMethod(loss, isSame && isUndisturbed) };
  } finally {
    await runner.close();
  }
}

async function attach(
  task: PairTask,
  rows: readonly TrainingRow[],
  runner: SessionRunner,
): Promise<PairRow[]> {
  const { options, settings, start, reference } = task;
  if (rows.length === 0) return [];
  options.onPhase?.("reference log-probabilities", rows.length, "pairs", 0);
  const factors = new Map(Array.from(reference.adapter?.factors ?? [], ([name, { data }]) => [name, data]));
  return withReference(rows, {
    folder: options.out,
    key: { model: start.model.hash, adapter: reference.hash },
    runner,
    factors,
    limits: scoringLimits(settings),
    seed: settings.seed,
    ...(options.onPhaseProgress && { onProgress: options.onPhaseProgress }),
  });
}

/** Scores with the reference's own factors; its session is gone before training begins. */
function referenceRunner({ engine, model }: TrainingStart, adapter: Adapter | null): SessionRunner {
  return new SessionRunner({
    engine,
    stepGraph: null,
    scoreGraph: () => buildScoreGraph(model, adapter?.config ?? null),
    shapes: adapter?.factors ?? new Map(),
    noiseWidth: 0,
  });
}
