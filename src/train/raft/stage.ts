/**
 * @file One stage of RAFT: draw from the policy as it is, score, select, fine-tune on what was selected. Everything lies
 * in the stage's folder, and each step takes what it finds there, so that a killed stage goes on where it stopped.
 */
import { join } from "node:path";
import { TrainingError } from "../../core/errors.js";
import { writeFileDurably } from "../../core/files.js";
import { type LoopResult, trainLoop } from "../loop.js";
import type { Metrics, TrainingRow } from "../method.js";
import { sftMethod } from "../methods/sft-method.js";
import type { AdamWState, NamedArrays } from "../optimizer.js";
import { DropCounter, type PreparationReport } from "../preparation-report.js";
import { adapterSaver, loopOptionsOf } from "../run.js";
import { totalSteps } from "../sampler.js";
import { stageFigures } from "./figures.js";
import type { ResolvedRaft } from "./options.js";
import { drawAndScore, type RaftContext } from "./policy-samples.js";
import { promptsOfStage, type RaftPrompt, seedOfStage } from "./prompts.js";
import { type RankedSample, type RankingRules, rankSample, selectGlobal, selectLocal } from "./ranking.js";

/** Where a stage starts. */
export interface StageStart {
  readonly factors: NamedArrays;
  /** The optimiser of the stage before; none in the first. */
  readonly optimizer: AdamWState | undefined;
}

/** What a stage trains on. */
export interface SelectedRows {
  readonly rows: readonly TrainingRow[];
  /** What became of every sample. */
  readonly report: PreparationReport;
  readonly figures: Metrics;
}

/** Folder of a stage; 0 holds the held-out answers of the start. */
export function stageFolder(run: string, stage: number): string {
  return join(run, "stages", String(stage).padStart(4, "0"));
}

/** What ranks the samples of a run. */
export function rankingRules(context: Pick<RaftContext, "options" | "settings">): RankingRules {
  const { options, settings } = context;
  const { klWeight, minAnswerTokens } = settings.raft;
  return {
    weights: options.rewards.map(({ weight }) => weight),
    thresholds: (options.vetoes ?? []).map(({ threshold }) => threshold),
    klWeight,
    minAnswerTokens,
  };
}

/** Prompts and samples of each that a stage draws. */
export function stageSize({ ranking, stagePrompts, samples }: ResolvedRaft["raft"]): {
  readonly prompts: number;
  readonly samples: number;
} {
  if (ranking === "local") return { prompts: stagePrompts, samples };
  return { prompts: stagePrompts * samples, samples: 1 };
}

/**
 * Draws, scores and selects the samples of stage 1, 2, …; `samples.jsonl` and `selected.jsonl` are for reading, too.
 * @throws TrainingError when no sample can be selected, saying why each was rejected
 */
export async function selectSamples(
  context: RaftContext,
  factors: NamedArrays,
  stage: number,
): Promise<SelectedRows> {
  const { raft, training } = context.settings;
  const folder = stageFolder(context.options.out, stage);
  const size = stageSize(raft);
  const prompts = promptsOfStage(context.prompts, size.prompts, stage, training.seed);
  const samples = await drawAndScore(context, {
    path: join(folder, "samples.jsonl"),
    label: `stage ${stage}`,
    prompts,
    samples: size.samples,
    seed: seedOfStage(training.seed, stage),
    factors,
    isHeldOut: false,
  });
  const rules = rankingRules(context);
  const ranked = samples.map((sample) => rankSample(sample, rules));
  const selected = raft.ranking === "local" ? selectLocal(ranked) : selectGlobal(ranked, raft.stagePrompts);
  await writeSelected(folder, selected, prompts);
  const rows = trainingRows(selected, prompts);
  const report = reportOf(ranked, selected, rows);
  requireSelected(report, stage);
  return { rows, report, figures: stageFigures(ranked, selected) };
}

/** Supervised fine-tuning on the tokens as they were drawn, with the optimiser of the stage before. */
export async function fineTune(
  { options, settings, start, runner }: RaftContext,
  { factors, optimizer }: StageStart,
  rows: readonly TrainingRow[],
  stage: number,
): Promise<LoopResult> {
  const seed = seedOfStage(settings.training.seed, stage);
  const loopOptions = loopOptionsOf({ ...settings.training, seed }, rows.length);
  const total = totalSteps(loopOptions.sampler);
  const { onPhase, onStep, signal } = options;
  return trainLoop({
    folder: stageFolder(options.out, stage),
    method: sftMethod("sft"),
    rows,
    evaluation: [],
    start: factors,
    ...(optimizer && { optimizer }),
    runner,
    saveAdapter: adapterSaver(start),
    options: loopOptions,
    hooks: {
      onTurn: (turn, step) => turn === "steps" && onPhase?.(`stage ${stage}: training`, total, "steps", step),
      ...(onStep && { onStep }),
      ...(signal && { signal }),
    },
  });
}

async function writeSelected(
  folder: string,
  selected: readonly RankedSample[],
  prompts: readonly RaftPrompt[],
): Promise<void> {
  const messages = new Map(prompts.map((prompt) => [prompt.id, prompt.messages]));
  const lines = selected.map(({ sample: { token_ids: _, ...sample }, reward, key }) =>
    JSON.stringify({ prompt: messages.get(sample.id), ...sample, reward, ranked_by: key }),
  );
  await writeFileDurably(join(folder, "selected.jsonl"), lines.map((line) => `${line}\n`).join(""));
}

function trainingRows(selected: readonly RankedSample[], prompts: readonly RaftPrompt[]): TrainingRow[] {
  const ids = new Map(prompts.map(({ id, promptIds }) => [id, promptIds]));
  return selected.map(({ sample }) => ({
    id: rowId(sample),
    segment: { id: rowId(sample), prompt: ids.get(sample.id) ?? [], branches: [sample.token_ids] },
  }));
}

/** What became of every sample; every selected one ends in its stop token, or it would be cut off. */
function reportOf(
  ranked: readonly RankedSample[],
  selected: readonly RankedSample[],
  rows: readonly TrainingRow[],
): PreparationReport {
  const counter = new DropCounter(ranked.length);
  const taken = new Set(selected);
  for (const each of ranked) {
    if (taken.has(each)) counter.answer(false, { isTrained: true, isStop: true });
    else counter.drop(rowId(each.sample), each.rejection ?? "not the best");
  }
  return counter.report(rows);
}

function requireSelected({ rowsRead, rowsTrained, dropped }: PreparationReport, stage: number): void {
  if (rowsTrained > 0) return;
  const reasons = Object.entries(dropped).map(([reason, { count }]) => `${count} ${reason}`);
  throw new TrainingError(
    `stage ${stage}: expected at least one sample to train on, got none of ${rowsRead}: ${reasons.join(", ")}`,
    {
      hint: "read the stage's samples.jsonl; raise --max-new-tokens or a threshold of --veto, or lower --temperature",
    },
  );
}

function rowId({ id, sample }: { readonly id: string; readonly sample: number }): string {
  return `${id}#${sample}`;
}
