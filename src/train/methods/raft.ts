/**
 * @file `trainRaft`: Reward rAnked FineTuning (Dong et al. 2023, arXiv 2304.06767). In every stage the policy answers a
 * batch of prompts several times, the answers with the greatest reward are kept, and the policy is fine-tuned on them.
 * Departs: LoRA; samples can be vetoed by a harm judge and are filtered; early stop on held-out prompts is built in.
 */
import { join } from "node:path";
import { readJsonFile } from "../../core/read-back.js";
import { toPromptRows } from "../../data/columns.js";
import type { PromptRow } from "../../data/examples.js";
import { LocalChatModel } from "../../generate/local-chat-model.js";
import { readAdapter } from "../../models/lora/adapter.js";
import type { ScoreModel } from "../../text/chat-model.js";
import type { Certificate } from "../certificate.js";
import type { NamedArrays } from "../optimizer.js";
import { DropCounter } from "../preparation-report.js";
import { bestStage } from "../raft/convergence.js";
import { announceRaftMemory } from "../raft/memory.js";
import { checkScorers, type RaftOptions, type ResolvedRaft, resolveRaft } from "../raft/options.js";
import type { RaftContext } from "../raft/policy-samples.js";
import { type RaftPrompt, requirePrompts, splitHeldOut, usablePrompts } from "../raft/prompts.js";
import { stageFolder, stageSize } from "../raft/stage.js";
import { heldOutRewards, runStages } from "../raft/stages.js";
import { adapterSaver, dataOf, runFacts, sessionRunner } from "../run.js";
import { type MetricsLine, openRunFolder, type Recipe } from "../run-folder.js";
import { openStart, type TrainingStart } from "../start.js";
import { sftStep } from "../step-graph.js";
import {
  type ContaminationCheck,
  checkContamination,
  contaminatedRows,
  type LoadedRows,
  loadRows,
  NOT_CHECKED,
  trainedPrompts,
} from "../training-data.js";
import { folders } from "./sft.js";

/** A finished run. */
export interface RaftResult {
  readonly folder: string;
  /** The adapter of {@link RaftResult.bestStage}. */
  readonly adapter: string;
  /** Stages that were run. */
  readonly stages: number;
  /** The stage with the greatest held-out reward; 0 is the start. Without held-out prompts the last. */
  readonly bestStage: number;
  /** A line for the start and one for every stage, as `metrics.jsonl` has them. */
  readonly history: readonly MetricsLine[];
  readonly certificate: Certificate;
}

/**
 * Trains an adapter on the policy's own best answers, and writes the run's folder.
 * @throws ConfigError for options and files, DatasetError for rows, JudgeError for a reward model that fails,
 *         TrainingError when a stage leaves nothing to train on
 */
export async function trainRaft(options: RaftOptions): Promise<RaftResult> {
  const settings = resolveRaft(options);
  checkScorers(options);
  const rows = await loadRows(options.prompts, toPromptRows, folders(options));
  const evaluation =
    options.evalPrompts === undefined
      ? null
      : await loadRows(options.evalPrompts, toPromptRows, folders(options));
  const contamination = await contaminationOf(rows.rows, options);
  const start = await openStart(options, settings.training.seed);
  try {
    const chosen = choosePrompts({ rows, evaluation, contamination }, start, settings);
    const { engine, model: loaded, encoder, adapter } = start;
    const runner = sessionRunner(start, sftStep);
    const chat = new LocalChatModel({ engine, loaded, encoder, adapter });
    const context = { options, settings, start, ...chosen, runner, chat, contamination };
    try {
      announceRaftMemory(context);
      const recipe = recipeOf(context, rows, evaluation);
      const facts = { ...runFacts(start, settings.training), prompts: chosen.counts };
      await openRunFolder(options.out, recipe, facts, options.resume === true);
      return await finish(context, await runStages(context));
    } finally {
      await runner.close();
      await chat.close();
    }
  } finally {
    await start.close();
  }
}

interface PromptData {
  readonly rows: LoadedRows<PromptRow>;
  readonly evaluation: LoadedRows<PromptRow> | null;
  readonly contamination: ContaminationCheck;
}

interface ChosenPrompts extends Pick<RaftContext, "prompts" | "heldOut"> {
  /** For `run.json`. */
  readonly counts: Recipe;
}

function choosePrompts(
  { rows, evaluation, contamination }: PromptData,
  { encoder }: TrainingStart,
  { raft, training: { maxLength, seed } }: ResolvedRaft,
): ChosenPrompts {
  const rules = { encoder, maxPromptTokens: maxLength - raft.maxNewTokens };
  const counter = new DropCounter(rows.rows.length);
  const usable = usablePrompts(rows.rows, { ...rules, excluded: contaminatedRows(contamination) }, counter);
  const others = evaluation === null ? usable : heldOutOf(rows, evaluation, rules);
  const { heldOut, rest } = splitHeldOut(others, raft.heldOut, seed);
  const prompts = evaluation === null ? rest : usable;
  requirePrompts(prompts, stageSize(raft).prompts);
  const dropped = Object.entries(counter.report([]).dropped).map(([reason, { count }]) => [reason, count]);
  const counts = {
    read: rows.rows.length,
    used: prompts.length,
    heldOut: heldOut.length,
    dropped: Object.fromEntries(dropped) as Recipe,
  };
  return { prompts, heldOut, counts };
}

/** Held-out prompts of a file of their own, none of which is trained on. */
function heldOutOf(
  rows: LoadedRows<PromptRow>,
  evaluation: LoadedRows<PromptRow>,
  rules: Pick<Parameters<typeof usablePrompts>[1], "encoder" | "maxPromptTokens">,
): RaftPrompt[] {
  const excluded = trainedPrompts(rows.rows.map(promptedRow), evaluation.rows.map(promptedRow));
  return usablePrompts(evaluation.rows, { ...rules, excluded }, new DropCounter(evaluation.rows.length));
}

async function contaminationOf(
  rows: readonly PromptRow[],
  options: RaftOptions,
): Promise<ContaminationCheck> {
  if (options.checkContamination === false) return NOT_CHECKED;
  return checkContamination(rows.map(promptedRow), folders(options), (message) =>
    options.onWarning?.(message),
  );
}

function promptedRow({ id, messages }: PromptRow): {
  readonly id: string;
  readonly prompt: PromptRow["messages"];
} {
  return { id, prompt: messages };
}

/** Everything that the samples, the selection and the adapter of a stage depend on; how many stages there are does not. */
function recipeOf(
  { options, settings, start }: RaftContext,
  rows: LoadedRows<PromptRow>,
  evaluation: LoadedRows<PromptRow> | null,
): Recipe {
  const { saveSteps: _saveSteps, ...training } = settings.training;
  const { stages: _stages, patience: _patience, sampleBatchSize: _size, ...raft } = settings.raft;
  const { rank, alpha, dropout, modules } = start.adapter.config;
  const source = (data: LoadedRows<PromptRow>) => ({
    name: data.name,
    hash: data.hash,
    rows: data.rows.length,
  });
  const scorer = ({ id, hash }: ScoreModel) => ({ id, hash });
  return {
    method: "raft",
    model: { id: start.model.id, hash: start.model.hash },
    adapter: start.given === null ? null : { path: options.adapter ?? "", hash: start.given.hash },
    prompts: source(rows),
    evalPrompts: evaluation === null ? null : source(evaluation),
    rewards: options.rewards.map(({ model, weight }) => ({ ...scorer(model), weight })),
    vetoes: (options.vetoes ?? []).map(({ model, threshold }) => ({ ...scorer(model), threshold })),
    secondReward: options.secondReward === undefined ? null : scorer(options.secondReward),
    template: options.template ?? "chat",
    system: options.system ?? null,
    encoder: start.encoder.hash,
    lora: { rank, alpha, dropout, modules: [...modules] },
    raft: { ...raft },
    settings: { ...training },
    checkContamination: options.checkContamination !== false,
    device: start.engine.device,
    threads: start.engine.threads,
  };
}

/** Writes the adapter of the best stage. */
async function finish(context: RaftContext, history: readonly MetricsLine[]): Promise<RaftResult> {
  const { options, start } = context;
  const folder = options.out;
  const last = history.length - 1;
  const found = bestStage(heldOutRewards(history, options));
  const best = found < 0 ? last : found;
  if (best === 0)
    options.onWarning?.(
      "no stage was better than the start on the held-out prompts: the adapter is the start's",
    );
  await adapterSaver(start)(join(folder, "adapter"), await factorsOf(context, best));
  const certificate = readJsonFile<Certificate>(join(folder, "certificate.json"), "the certificate of a run");
  return { folder, adapter: join(folder, "adapter"), stages: last, bestStage: best, history, certificate };
}

async function factorsOf({ options, start }: RaftContext, stage: number): Promise<NamedArrays> {
  if (stage === 0) return dataOf(start.adapter.factors);
  const path = join(stageFolder(options.out, stage), "adapter");
  return dataOf((await readAdapter(path, start.model.config)).factors);
}
