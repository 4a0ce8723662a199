/**
 * @file What a training run will hold in memory at most: the step graph at its largest micro-batch, which is known since rows
 * and their order are, and beside it the sessions that evaluate and watch.
 */

import type { DimValues } from "../engine/graph/dim.js";
import type { GraphDefinition } from "../engine/onnx/emit.js";
import { type DecodingSize, decodingMemory } from "../generate/memory-plan.js";
import { decodeGraph } from "../models/decoder/decode-graph.js";
import { LOGIT_CHUNKS } from "../models/decoder/token-log-probs.js";
import type { Adapter, LoadedModel } from "../models/loaded-model.js";
import { type MemoryPlan, memoryPlan, requireRoom, sessionMemory } from "../models/memory-plan.js";
import { type BatchLimits, microBatches, packRows } from "./gradient.js";
import type { TrainingRow } from "./method.js";
import { rowsOfStep, type SamplerOptions, totalSteps } from "./sampler.js";
import { forwardGraph, type HeadLoss, type StepLoss, stepGraph } from "./step-graph.js";

/** What a plan is made from. */
export interface TrainingMemoryTask {
  readonly model: LoadedModel;
  readonly adapter: Adapter;
  readonly loss: StepLoss | HeadLoss;
  readonly rows: readonly TrainingRow[];
  readonly evaluation: readonly TrainingRow[];
  readonly sampler: SamplerOptions;
  readonly tokenBudget: number;
  /** Answers of a look at held-out prompts; null without looks. */
  readonly watch: DecodingSize | null;
}

/** Plans for one run under other limits: graphs are built once. */
export class TrainingMemory {
  private readonly task: TrainingMemoryTask;
  private readonly step: GraphDefinition;
  /** Bytes of what does not depend on the step's rows. */
  private readonly beside: Readonly<Record<string, number>>;

  constructor(task: TrainingMemoryTask) {
    this.task = task;
    const { model, adapter, loss } = task;
    this.step = stepGraph(model, adapter.config, loss);
    const factors = [...adapter.factors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    this.beside = { "adapter and optimiser": FACTOR_COPIES * factors, ...besideStep(task) };
  }

  /** The plan under a token budget. */
  underBudget(tokenBudget: number): MemoryPlan {
    return this.planOf(stepDims(this.task, tokenBudget));
  }

  /** The plan for rows of at most so many positions, one at a time. */
  ofLength(length: number): MemoryPlan {
    return this.planOf([{ B: 1, T: length, C: Math.ceil(length / LOGIT_CHUNKS), P: 1 }]);
  }

  /** @throws ConfigError naming the largest token budget, or length, that fits */
  requireRoom(room: number): MemoryPlan {
    const { tokenBudget } = this.task;
    const plan = this.underBudget(tokenBudget);
    requireRoom("training", plan, room, () => this.whatFits(room));
    return plan;
  }

  private whatFits(room: number): string {
    const { tokenBudget, rows } = this.task;
    const smaller = HALVED.filter((budget) => budget < tokenBudget);
    const budget = smaller.find((each) => this.underBudget(each).bytes <= room);
    if (budget !== undefined) return `--token-budget ${budget} fits, and changes memory only`;
    const longest = Math.max(...rows.map((row) => packRows([row], { chunks: 1 }).length));
    const length = HALVED.find((each) => each < longest && this.ofLength(each).bytes <= room);
    if (length !== undefined) return `--max-length ${length} with --token-budget ${length} fits`;
    return "no length of rows fits: train a smaller model, or fewer layers by --lora-targets";
  }

  private planOf(dims: readonly DimValues[]): MemoryPlan {
    const { weights, activations } = sessionMemory(this.step, dims);
    return memoryPlan({ weights, activations, ...this.beside });
  }
}

/** Factors at the start and now, gradient, its sum and two moments, and a copy on its way to the engine. */
const FACTOR_COPIES = 7;

/** Budgets and lengths that are looked at for advice. */
const HALVED = [8192, 4096, 2048, 1024, 512, 256, 128, 64];

/** Steps whose micro-batches are packed for the plan. */
const STEPS_LOOKED_AT = 1000;

/** Sessions that stay open while training. */
function besideStep({
  model,
  adapter,
  evaluation,
  tokenBudget,
  watch,
}: TrainingMemoryTask): Record<string, number> {
  const sessions: Record<string, number> = {};
  if (evaluation.length > 0) {
    const limits = { batchSize: evaluation.length, tokenBudget, chunks: LOGIT_CHUNKS };
    const dims = largest(microBatches(evaluation, limits).map((part) => dimsOf(part)));
    const { weights, activations } = sessionMemory(forwardGraph(model, adapter.config), dims);
    sessions["evaluation"] = weights + activations;
  }
  if (watch !== null) {
    const { weights, activations, cache } = decodingMemory(model, decodeGraph(model, adapter.config), watch);
    sessions["watch"] = weights + activations + cache;
  }
  return sessions;
}

/** Dimensions of the largest micro-batches. */
function stepDims({ rows, sampler }: TrainingMemoryTask, tokenBudget: number): DimValues[] {
  const limits: BatchLimits = { batchSize: sampler.batchSize, tokenBudget, chunks: LOGIT_CHUNKS };
  const steps = Math.min(totalSteps(sampler), STEPS_LOOKED_AT);
  const all: Dims[] = [];
  for (let step = 0; step < steps; step++) {
    const picked = rowsOfStep(step, sampler).rows.map((index) => rows[index] as TrainingRow);
    for (const part of microBatches(picked, limits)) all.push(dimsOf(part));
  }
  return largest(all);
}

interface Dims extends Record<string, number> {
  readonly B: number;
  readonly T: number;
  readonly C: number;
  readonly P: number;
}

function dimsOf(rows: readonly TrainingRow[]): Dims {
  const { rows: b, length, labels } = packRows(rows, { chunks: LOGIT_CHUNKS });
  return { B: b, T: length, C: labels.length / LOGIT_CHUNKS, P: rows.length };
}

/** Those that may need most: the most positions, the widest attention, the most labels. */
function largest(all: readonly Dims[]): Dims[] {
  const measures: ((dims: Dims) => number)[] = [({ B, T }) => B * T, ({ B, T }) => B * T * T, ({ C }) => C];
  const found = measures.map((measure) =>
    all.reduce<Dims | null>(
      (most, dims) => (most === null || measure(dims) > measure(most) ? dims : most),
      null,
    ),
  );
  return [...new Set(found.filter((dims) => dims !== null))];
}
