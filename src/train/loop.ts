/**
 * @file The training loop, one for all methods: sample rows, take the gradient, clip, update, log, evaluate, save.
 * Everything that a step depends on is a function of the recipe and the last checkpoint, so resuming is bit-equal.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { TrainingError } from "../core/errors.js";
import { type Journal, writeJsonDurably } from "../core/files.js";
import { readJsonFile } from "../core/read-back.js";
import { loadCheckpoint, type SaveAdapter, saveCheckpoint, type TrainingState } from "./checkpoint.js";
import { clipByGlobalNorm } from "./clip.js";
import { type StepGradient, type StepTask, scoreRows, stepGradient } from "./gradient.js";
import { type Metrics, type Sums, type TrainingMethod, type TrainingRow, tokenCount } from "./method.js";
import { AdamW, type AdamWState, type NamedArrays } from "./optimizer.js";
import { type MetricsLine, openMetrics } from "./run-folder.js";
import type { StepRunner } from "./runner.js";
import { rowsOfStep, type SamplerOptions, stepsPerEpoch, totalSteps } from "./sampler.js";
import { learningRateAt, type SchedulerName } from "./schedule.js";

/** How the loop trains. */
export interface LoopOptions {
  readonly sampler: SamplerOptions;
  readonly learningRate: number;
  readonly scheduler: SchedulerName;
  readonly warmupSteps: number;
  readonly weightDecay: number;
  /** 0 does not clip. */
  readonly maxGradNorm: number;
  /** Most row positions of one run; a micro-batch beyond it is split, which changes nothing but memory. */
  readonly tokenBudget: number;
  /** Equal pieces that the output projection is computed in. */
  readonly chunks: number;
  /** Steps between evaluations; 0: at the end of every epoch. */
  readonly evalSteps: number;
  /** Steps between checkpoints; 0: only the last. */
  readonly saveSteps: number;
}

/** A run for the loop. */
export interface LoopTask<Row extends TrainingRow> {
  readonly folder: string;
  readonly method: TrainingMethod<Row>;
  readonly rows: readonly Row[];
  /** Held-out rows; may be empty. */
  readonly evaluation: readonly Row[];
  /** Factors to start from, by PEFT name; not changed. */
  readonly start: NamedArrays;
  /** Optimiser to go on with; not changed. Default a fresh one. */
  readonly optimizer?: AdamWState;
  readonly runner: StepRunner;
  readonly saveAdapter: SaveAdapter;
  readonly options: LoopOptions;
  readonly hooks?: LoopHooks;
}

/** What a run tells and asks while it goes. */
export interface LoopHooks {
  /** After every step. */
  readonly onStep?: (progress: StepProgress) => void;
  /** Something the user should read now. */
  readonly onWarning?: (message: string) => void;
  /** The loop turns to the held-out prompts, or to its steps, with `step` of them done. */
  readonly onTurn?: (turn: "look" | "steps", step: number) => void;
  /** Looks at the model before the first step and at every evaluation; its metrics go into the step's line. */
  readonly watch?: TrainingWatch;
  readonly signal?: AbortSignal;
}

/** Where a run stands. */
export interface StepProgress {
  readonly step: number;
  readonly totalSteps: number;
  /** Steps that this process did not do itself. */
  readonly resumedFrom: number;
  /** Row positions computed in this step, padding included. */
  readonly computedTokens: number;
  readonly metrics: MetricsLine;
}

/** Looks for what the loss does not show. */
export interface TrainingWatch {
  look(view: WatchView): Promise<Metrics>;
  /** What went wrong between two looks, in words. */
  warnings(start: Metrics, now: Metrics): readonly string[];
}

/** What a watch sees. */
export interface WatchView {
  readonly factors: NamedArrays;
  /** Metrics of the held-out rows, `eval_` before each name; empty without such rows. */
  readonly evaluation: Metrics;
}

/** What a finished run gives. */
export interface LoopResult {
  readonly steps: number;
  readonly factors: NamedArrays;
  readonly numTokens: number;
  readonly lastMetrics: MetricsLine | null;
}

/**
 * Trains, or goes on from the folder's newest checkpoint, and writes `<run>/adapter`.
 * @throws NonFiniteLossError naming step and rows, before the update that would spoil the adapter
 * @throws TrainingError when the first step contradicts the method
 */
export async function trainLoop<Row extends TrainingRow>(task: LoopTask<Row>): Promise<LoopResult> {
  const run = new RunState(task, loadCheckpoint(task.folder, task.start));
  const journal = await openMetrics(task.folder, run.step);
  const total = totalSteps(task.options.sampler);
  try {
    const start = await startMetrics(task, run);
    task.hooks?.onTurn?.("steps", run.step);
    while (run.step < total) {
      task.hooks?.signal?.throwIfAborted();
      await trainStep(task, run, { journal, total, start });
      if (isDue(run.step, task.options.saveSteps, total)) {
        journal.flush();
        await saveCheckpoint(task.folder, run.snapshot(), task.saveAdapter);
      }
    }
  } finally {
    journal.close();
  }
  await task.saveAdapter(join(task.folder, "adapter"), run.factors);
  return {
    steps: total,
    factors: run.factors,
    numTokens: run.numTokens,
    lastMetrics: journal.rows.at(-1) ?? null,
  };
}

/** The mutable part of a run. */
class RunState {
  step: number;
  numTokens: number;
  readonly resumedFrom: number;
  readonly factors: ReadonlyMap<string, Float32Array>;
  readonly optimizer: AdamW;

  constructor(
    {
      start,
      optimizer,
      options: { weightDecay },
    }: Pick<LoopTask<TrainingRow>, "start" | "optimizer" | "options">,
    checkpoint: TrainingState | null,
  ) {
    this.step = checkpoint?.step ?? 0;
    this.resumedFrom = this.step;
    this.numTokens = checkpoint?.numTokens ?? 0;
    this.factors = new Map(Array.from(checkpoint?.factors ?? start, ([name, data]) => [name, data.slice()]));
    this.optimizer = new AdamW(this.factors, { weightDecay }, checkpoint?.optimizer ?? optimizer);
  }

  snapshot(): TrainingState {
    const { step, numTokens, factors } = this;
    return { step, numTokens, factors, optimizer: this.optimizer.state };
  }
}

interface StepContext {
  readonly journal: Journal<MetricsLine>;
  readonly total: number;
  /** Metrics before the first step. */
  readonly start: Metrics;
}

async function trainStep<Row extends TrainingRow>(
  task: LoopTask<Row>,
  run: RunState,
  { journal, total, start }: StepContext,
): Promise<void> {
  const { options, method, hooks } = task;
  const { rows: indices, epoch } = rowsOfStep(run.step, options.sampler);
  const rows = indices.map((index) => task.rows[index] as Row);
  const gradient = await stepGradient(stepTask(task, run), rows, run.step);
  const metrics = { ...method.summarise(gradient.sums), loss: gradient.loss };
  if (run.step === 0) requireGoodStart(method.checkFirstStep?.(metrics) ?? null);
  const update = applyUpdate(run, gradient, options, total);
  run.step += 1;
  run.numTokens += rows.reduce((sum, row) => sum + tokenCount(row), 0);
  const isEvaluation = isDue(run.step, options.evalSteps || stepsPerEpoch(options.sampler), total);
  const line = {
    global_step: run.step,
    epoch,
    ...metrics,
    ...update,
    num_tokens: run.numTokens,
    ...(isEvaluation && (await lookNow(task, run, start))),
  };
  journal.append(line);
  const { computedTokens } = gradient;
  hooks?.onStep?.({
    step: run.step,
    totalSteps: total,
    resumedFrom: run.resumedFrom,
    computedTokens,
    metrics: line,
  });
}

function applyUpdate(
  run: RunState,
  { gradients }: StepGradient,
  options: LoopOptions,
  total: number,
): { readonly grad_norm: number; readonly learning_rate: number } {
  const learningRate = learningRateAt(run.step, { ...options, totalSteps: total });
  const norm = clipByGlobalNorm(gradients, options.maxGradNorm);
  run.optimizer.update(gradients, learningRate);
  return { grad_norm: norm, learning_rate: learningRate };
}

/** Metrics of the held-out rows and of the watch, and the warnings that they give. */
async function lookNow<Row extends TrainingRow>(
  task: LoopTask<Row>,
  run: RunState,
  start: Metrics,
): Promise<Record<string, number | readonly string[]>> {
  const now = await look(task, run);
  task.hooks?.onTurn?.("steps", run.step);
  const warnings = task.hooks?.watch?.warnings(start, now) ?? [];
  for (const warning of warnings) task.hooks?.onWarning?.(`step ${run.step}: ${warning}`);
  return warnings.length > 0 ? { ...now, warnings } : now;
}

async function look<Row extends TrainingRow>(task: LoopTask<Row>, run: RunState): Promise<Metrics> {
  task.hooks?.onTurn?.("look", run.step);
  const evaluation = await evaluateHeldOut(task, run);
  const watched = await task.hooks?.watch?.look({ factors: run.factors, evaluation });
  return { ...evaluation, ...watched };
}

async function evaluateHeldOut<Row extends TrainingRow>(
  task: LoopTask<Row>,
  run: RunState,
): Promise<Metrics> {
  if (task.evaluation.length === 0) return {};
  const step = stepTask(task, run);
  const limits = { ...step.limits, batchSize: task.evaluation.length };
  const sums: Sums = await scoreRows({ ...step, limits }, task.evaluation);
  const metrics = Object.entries(task.method.summarise(sums));
  return Object.fromEntries(metrics.map(([name, value]) => [`eval_${name}`, value]));
}

/** What the watch compares with: measured once, before the first step, and kept in `start.json`. */
async function startMetrics<Row extends TrainingRow>(task: LoopTask<Row>, run: RunState): Promise<Metrics> {
  const path = join(task.folder, "start.json");
  if (run.step > 0 && existsSync(path)) return readJsonFile<Metrics>(path, "metrics of the start");
  if (run.step > 0) return {};
  const start = await look(task, run);
  if (Object.keys(start).length > 0) await writeJsonDurably(path, start);
  return start;
}

function stepTask<Row extends TrainingRow>(
  { method, runner, options }: LoopTask<Row>,
  run: RunState,
): StepTask<Row> {
  const { tokenBudget, chunks, sampler } = options;
  const limits = { batchSize: sampler.batchSize, tokenBudget, chunks };
  return { method, runner, factors: run.factors, limits, seed: sampler.seed };
}

function requireGoodStart(problem: string | null): void {
  if (problem === null) return;
  throw new TrainingError(`step 1: ${problem}`, {
    hint: "the reference log-probabilities belong to another model or data; remove the run's reference-*.jsonl",
  });
}

function isDue(step: number, every: number, total: number): boolean {
  return step === total || (every > 0 && step % every === 0);
}
