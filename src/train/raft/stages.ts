/**
 * @file The stages of a RAFT run, one after the other, until there are enough or held-out reward no longer rises. A line of
 * `metrics.jsonl` says that a stage is finished; the first line is the start.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { InternalError } from "../../core/errors.js";
import { Journal, writeJsonDurably } from "../../core/files.js";
import { hashKey } from "../../core/random.js";
import { readJsonFile } from "../../core/read-back.js";
import { type Certificate, certifiedRows, writeCertificate } from "../certificate.js";
import { loadCheckpoint } from "../checkpoint.js";
import type { Metrics } from "../method.js";
import type { NamedArrays } from "../optimizer.js";
import { type PreparationReport, sumReports } from "../preparation-report.js";
import { dataOf } from "../run.js";
import type { MetricsLine } from "../run-folder.js";
import { hasConverged } from "./convergence.js";
import { heldOutFigures } from "./figures.js";
import type { RaftOptions } from "./options.js";
import { drawAndScore, type RaftContext } from "./policy-samples.js";
import type { ScoredSample } from "./sample.js";
import {
  fineTune,
  rankingRules,
  type SelectedRows,
  type StageStart,
  selectSamples,
  stageFolder,
} from "./stage.js";
import { stageWarnings } from "./warnings.js";

/** Runs all stages, or goes on with them. @returns a line for the start and one for every stage */
export async function runStages(context: RaftContext): Promise<readonly MetricsLine[]> {
  const { options, settings, start } = context;
  const journal = new Journal<MetricsLine>(join(options.out, "metrics.jsonl"));
  try {
    const { factors } = start.adapter;
    if (journal.rows.length === 0) {
      const figures = await lookAtHeldOut(context, dataOf(factors), 0);
      journal.append({ global_step: 0, stage: 0, num_tokens: 0, ...figures });
    }
    let from = goOnFrom(context, journal.rows.length - 1);
    while (journal.rows.length <= settings.raft.stages && !isConverged(journal.rows, context)) {
      const stage = journal.rows.length;
      // Only the last stage's checkpoint is gone on from; its adapter keeps every stage.
      if (stage > 2)
        rmSync(join(stageFolder(options.out, stage - 2), "checkpoints"), { recursive: true, force: true });
      journal.append(await runStage(context, from, stage, journal.rows));
      from = goOnFrom(context, stage);
    }
    return journal.rows;
  } finally {
    journal.close();
  }
}

/** The held-out figures that decide when to stop, by stage. */
export function heldOutRewards(
  history: readonly MetricsLine[],
  { secondReward }: Pick<RaftOptions, "secondReward">,
): (number | null)[] {
  const name = secondReward === undefined ? "held_out/reward" : "held_out/second_reward";
  return history.map((line) => (typeof line[name] === "number" ? line[name] : null));
}

function isConverged(history: readonly MetricsLine[], { options, settings }: RaftContext): boolean {
  return hasConverged(heldOutRewards(history, options), settings.raft.patience);
}

/** Factors and optimiser after stage `done`. @throws InternalError when its checkpoint is gone */
function goOnFrom({ options, start }: RaftContext, done: number): StageStart {
  const factors = dataOf(start.adapter.factors);
  if (done === 0) return { factors, optimizer: undefined };
  const folder = stageFolder(options.out, done);
  const state = loadCheckpoint(folder, factors);
  if (state !== null) return state;
  throw new InternalError(`${folder}: expected the checkpoint of a finished stage, got none`);
}

/** One stage, and the line that says so. */
async function runStage(
  context: RaftContext,
  from: StageStart,
  stage: number,
  history: readonly MetricsLine[],
): Promise<MetricsLine> {
  const selected = await selectSamples(context, from.factors, stage);
  await certify(context, selected, stage);
  const trained = await fineTune(context, from, selected.rows, stage);
  const before = history.at(-1);
  const line = {
    global_step: Number(before?.global_step) + trained.steps,
    stage,
    num_tokens: Number(before?.["num_tokens"]) + trained.numTokens,
    ...selected.figures,
    loss: Number(trained.lastMetrics?.["loss"]),
    ...(await lookAtHeldOut(context, trained.factors, stage)),
  };
  const warnings = stageWarnings(history[1] ?? line, line);
  for (const warning of warnings) context.options.onWarning?.(`stage ${stage}: ${warning}`);
  return warnings.length > 0 ? { ...line, warnings } : line;
}

/** Fresh answers to the held-out prompts, with the same random numbers at every look. */
async function lookAtHeldOut(context: RaftContext, factors: NamedArrays, stage: number): Promise<Metrics> {
  if (context.heldOut.length === 0) return {};
  const look = (at: number): Promise<ScoredSample[]> =>
    drawAndScore(context, {
      path: join(stageFolder(context.options.out, at), "held-out.jsonl"),
      label: at === 0 ? "start, held-out" : `stage ${at}, held-out`,
      prompts: context.heldOut,
      samples: 1,
      seed: hashKey(["raft held-out", context.settings.training.seed]),
      factors,
      isHeldOut: true,
    });
  const now = await look(stage);
  // The start's answers are in their file by now.
  return heldOutFigures(now, stage === 0 ? now : await look(0), rankingRules(context));
}

/** Says what is trained, in this stage and so far, before it is. */
async function certify(context: RaftContext, { rows, report }: SelectedRows, stage: number): Promise<void> {
  const { out } = context.options;
  const reportOf = (at: number) => join(stageFolder(out, at), "preparation.json");
  await writeJsonDurably(reportOf(stage), report);
  const reports = Array.from({ length: stage }, (_, i) => readReport(reportOf(i + 1)));
  await writeCertificate(out, certificateOf(context, sumReports(reports), rows));
}

function certificateOf(
  { contamination, start, heldOut }: RaftContext,
  train: PreparationReport,
  rows: SelectedRows["rows"],
): Certificate {
  const { checkedAgainst, absent, report } = contamination;
  const { tokenizer } = start.encoder;
  return {
    schemaVersion: 1,
    method: "raft",
    train,
    evaluation: null,
    mix: null,
    contamination: { checkedAgainst, absent, report },
    watch: `rewards of fresh answers to ${heldOut.length} held-out prompts, after every stage`,
    examples: certifiedRows(rows, (id) => tokenizer.decode([id], { skipSpecialTokens: false })),
  };
}

function readReport(path: string): PreparationReport {
  return readJsonFile<PreparationReport>(path, "what a stage was trained on");
}
