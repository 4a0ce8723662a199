/**
 * @file `trainReward`: a reward model, a cost model or a classifier, as LoRA factors and a head on a decoder. The folder that
 * it writes opens as a score model.
 */
import { ConfigError } from "../../core/errors.js";
import type { CostPair, LabelledAnswer, RewardPair } from "../../data/examples.js";
import { toCostPairs, toLabelledAnswers, toRewardPairs } from "../../data/label-columns.js";
import type { SourceRow } from "../../data/readers.js";
import { writeScoreRecord } from "../../models/classifier/score-record.js";
import { classHeadLoss, costHeadLoss, rewardHeadLoss } from "../head-losses.js";
import type { TrainingMethod, TrainingRow } from "../method.js";
import {
  type ClassifierOptions,
  type CostModelOptions,
  type RewardHead,
  type RewardModelOptions,
  type RewardOptions,
  resolveSettings,
  type TrainingSettings,
  type TrainOptions,
} from "../options.js";
import { type Preparation, type PrepareOptions, prepareLabelled, preparePairs } from "../prepare.js";
import { runTraining, type TrainResult } from "../run.js";
import type { Recipe } from "../run-folder.js";
import { openStart, type TrainingStart } from "../start.js";
import type { HeadLoss } from "../step-graph.js";
import { checkContamination, loadRows, NOT_CHECKED, type PromptedRow } from "../training-data.js";
import { type ClassRow, classMethod, classWeights } from "./class-method.js";
import { type CostRow, costMethod } from "./cost-method.js";
import { type RewardRow, rewardMethod } from "./reward-method.js";
import { folders } from "./sft.js";

/**
 * Trains a head and an adapter under it, and writes the run's folder.
 * @throws ConfigError for options and files, DatasetError for rows, TrainingError for what must not be trained
 */
export async function trainReward(options: RewardOptions): Promise<TrainResult> {
  if (options.head === "reward") return trainHead(options, rewardPlan(options));
  if (options.head === "cost") return trainHead(options, costPlan(options));
  return trainHead(options, classPlan(options));
}

/** What distinguishes the heads. */
interface HeadPlan<Source extends PromptedRow, Row extends TrainingRow> {
  readonly head: RewardHead;
  readonly labels: readonly string[];
  /** The head's part of the recipe. */
  readonly recipe: Recipe;
  readonly loss: HeadLoss;
  readonly read: (rows: readonly SourceRow[]) => Source[];
  readonly prepare: (
    rows: readonly Source[],
    encoder: TrainingStart["encoder"],
    options: PrepareOptions,
  ) => Preparation;
  /** A prepared row with what is learnt from it. */
  readonly bind: (row: TrainingRow, source: Source) => Row;
  readonly method: (rows: readonly Row[]) => TrainingMethod<Row>;
}

async function trainHead<Source extends PromptedRow, Row extends TrainingRow>(
  options: TrainOptions<Source>,
  plan: HeadPlan<Source, Row>,
): Promise<TrainResult> {
  const settings = headSettings(options);
  const load = (source: TrainOptions<Source>["data"]) =>
    loadRows(source, plan.read, folders(options), "judge");
  const data = await load(options.data);
  const contamination =
    options.checkContamination === false
      ? NOT_CHECKED
      : await checkContamination(data.rows, folders(options), (message) => options.onWarning?.(message));
  const evaluation = options.evalData === undefined ? null : await load(options.evalData);
  const start = await openStart(options, settings.seed, plan.labels.length);
  try {
    const result = await runTraining<Source, Row>({
      method: "reward",
      // A head answers no prompts: there is nothing to watch.
      options: { ...options, watch: false },
      settings,
      start,
      data,
      evaluation,
      contamination,
      recipe: { head: plan.head, labels: [...plan.labels], ...plan.recipe },
      prepare: (rows, prepareOptions) =>
        plan.prepare(rows, start.encoder, { ...prepareOptions, readsEnd: true }),
      preferred: () => "",
      loss: plan.loss,
      bind: async (rows, heldOut) => {
        const trained = bindRows(plan, rows, data.rows);
        return {
          method: plan.method(trained),
          rows: trained,
          evaluation: bindRows(plan, heldOut, evaluation?.rows ?? []),
        };
      },
    });
    await writeRecord(result.adapter, plan, options, start);
    return result;
  } finally {
    await start.close();
  }
}

/** Prepared rows with what is learnt from them; ids are unique within their own file. */
function bindRows<Source extends PromptedRow, Row extends TrainingRow>(
  plan: Pick<HeadPlan<Source, Row>, "bind">,
  rows: readonly TrainingRow[],
  sources: readonly Source[],
): Row[] {
  const byId = new Map(sources.map((source) => [source.id, source]));
  return rows.map((row) => plan.bind(row, byId.get(row.id) as Source));
}

/** A text that is cut has another last token, and means another thing. */
function headSettings(options: TrainOptions<PromptedRow>): TrainingSettings {
  const settings = resolveSettings("reward", options);
  if (settings.overLength === "truncate")
    throw new ConfigError("--over-length: expected drop or refuse for a reward model, got truncate");
  if (settings.maxCompletionLength > 0)
    throw new ConfigError(
      `--max-completion-length: expected 0 for a reward model, which reads an answer's end, got ${settings.maxCompletionLength}`,
    );
  return settings;
}

function rewardPlan({ centerRewardsCoefficient = 0 }: RewardModelOptions): HeadPlan<RewardPair, RewardRow> {
  requireWeight("--center-rewards-coefficient", centerRewardsCoefficient);
  return {
    head: "reward",
    labels: ["reward"],
    recipe: { centerRewardsCoefficient },
    loss: rewardHeadLoss(centerRewardsCoefficient),
    read: toRewardPairs,
    prepare: preparePairs,
    bind: (row, { margin = 0 }) => ({ ...row, margin }),
    method: () => rewardMethod(centerRewardsCoefficient),
  };
}

function costPlan({ costRegularization = 0.001 }: CostModelOptions): HeadPlan<CostPair, CostRow> {
  requireWeight("--cost-regularization", costRegularization);
  return {
    head: "cost",
    labels: ["cost"],
    recipe: { costRegularization },
    loss: costHeadLoss(costRegularization),
    read: toCostPairs,
    prepare: preparePairs,
    bind: (row, { isChosenSafe, isRejectedSafe }) => ({
      ...row,
      saferSign: isChosenSafe ? -1 : 1,
      unsaferSign: isRejectedSafe ? -1 : 1,
    }),
    method: () => costMethod(costRegularization),
  };
}

function classPlan(options: ClassifierOptions): HeadPlan<LabelledAnswer, ClassRow> {
  const { labels = ["safe", "unsafe"], labelField = "label", classWeights: asked } = options;
  if (labels.length < 2 || new Set(labels).size < labels.length)
    throw new ConfigError(`--labels: expected at least two names, all different, got ${labels.join(",")}`);
  if (asked !== undefined && asked !== "balanced") requireWeights(asked, labels);
  return {
    head: "classifier",
    labels,
    recipe: {
      labelField,
      classWeights: asked === undefined || asked === "balanced" ? (asked ?? null) : [...asked],
    },
    loss: classHeadLoss,
    read: (rows) => toLabelledAnswers(rows, labels, labelField),
    prepare: prepareLabelled,
    bind: (row, { label }) => ({ ...row, label }),
    method: (rows) => classMethod(classWeights(rows, labels, asked)),
  };
}

function requireWeight(flag: string, got: number): void {
  if (!(got >= 0) || !Number.isFinite(got))
    throw new ConfigError(`${flag}: expected a number of at least 0, got ${got}`);
}

function requireWeights(weights: readonly number[], labels: readonly string[]): void {
  if (weights.length === labels.length && weights.every((weight) => weight > 0 && Number.isFinite(weight)))
    return;
  throw new ConfigError(
    `--class-weights: expected balanced, or ${labels.length} numbers above 0 for ${labels.join(", ")}, got ${weights.join(",")}`,
  );
}

/** What the folder needs to be opened again. */
function writeRecord(
  adapter: string,
  { head, labels }: Pick<HeadPlan<never, never>, "head" | "labels">,
  { template = "chat", system }: TrainOptions<PromptedRow>,
  { model, encoder }: TrainingStart,
): Promise<void> {
  const base = { id: model.id, hash: model.hash };
  const text = { template, system: system ?? null, encoder: encoder.hash };
  return writeScoreRecord(adapter, { schemaVersion: 1, head, labels, base, ...text });
}
