/**
 * @file A run from options to adapter, the same for all methods: check data, prepare rows, fix the recipe, certify, train.
 * Methods supply how rows are prepared, the loss, and what they need of the model beforehand (DPO: its reference).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { memoryRoom } from "../core/available-memory.js";
import { emitModel } from "../engine/onnx/emit.js";
import { PREFILL_TOKENS } from "../generate/decoder.js";
import { LocalChatModel } from "../generate/local-chat-model.js";
import type { DecodingSize } from "../generate/memory-plan.js";
import { SAMPLING_DEFAULTS } from "../generate/sampling-options.js";
import { refusalMatcher } from "../judges/refusal-matcher.js";
import { LOGIT_CHUNKS } from "../models/decoder/token-log-probs.js";
import type { LoraConfig } from "../models/loaded-model.js";
import { makeAdapter, writeAdapter } from "../models/lora/adapter.js";
import type { Completion, GenerationRequest } from "../text/chat-model.js";
import { type AnswerKey, OpenAnswers } from "../text/open-answers.js";
import { type Certificate, certifiedRows, writeCertificate } from "./certificate.js";
import type { SaveAdapter } from "./checkpoint.js";
import {
  type LoopHooks,
  type LoopOptions,
  type LoopResult,
  type LoopTask,
  type TrainingWatch,
  trainLoop,
} from "./loop.js";
import type { Factor } from "./lora-init.js";
import { TrainingMemory } from "./memory-plan.js";
import type { TrainingMethod, TrainingRow } from "./method.js";
import type { NamedArrays } from "./optimizer.js";
import type { MethodName, TrainHooks, TrainingSettings, TrainOptions } from "./options.js";
import type { Preparation, PrepareOptions } from "./prepare.js";
import type { MetricsLine, Recipe } from "./run-folder.js";
import { openRunFolder } from "./run-folder.js";
import { totalSteps } from "./sampler.js";
import { SessionRunner } from "./session-runner.js";
import type { TrainingStart } from "./start.js";
import { buildStepGraph, forwardGraph, type HeadLoss, noiseWidth, type StepLoss } from "./step-graph.js";
import {
  type ContaminationCheck,
  contaminatedRows,
  type LoadedRows,
  type PromptedRow,
  trainedPrompts,
} from "./training-data.js";
import { chooseWatchPrompts, watchTraining } from "./watch.js";

/** What a method asks of the common run. */
export interface RunPlan<Source extends PromptedRow, Row extends TrainingRow> {
  readonly method: MethodName;
  readonly options: TrainOptions<Source>;
  readonly settings: TrainingSettings;
  readonly start: TrainingStart;
  readonly data: LoadedRows<Source>;
  readonly evaluation: LoadedRows<Source> | null;
  readonly contamination: ContaminationCheck;
  /** The method's part of the recipe. */
  readonly recipe: Recipe;
  readonly mix?: Certificate["mix"];
  readonly prepare: (rows: readonly Source[], options: PrepareOptions) => Preparation;
  /** Text of a row's preferred answer. */
  readonly preferred: (row: Source) => string;
  readonly loss: StepLoss | HeadLoss;
  /** Completes prepared rows, with the model open. */
  readonly bind: (
    rows: readonly TrainingRow[],
    evaluation: readonly TrainingRow[],
  ) => Promise<BoundMethod<Row>>;
}

/** A method with its rows. */
export interface BoundMethod<Row extends TrainingRow> {
  readonly method: TrainingMethod<Row>;
  readonly rows: readonly Row[];
  readonly evaluation: readonly Row[];
}

/** A finished run. */
export interface TrainResult {
  /** The run's folder, and the adapter's inside it. */
  readonly folder: string;
  readonly adapter: string;
  readonly steps: number;
  readonly numTokens: number;
  readonly lastMetrics: MetricsLine | null;
  readonly certificate: Certificate;
}

/** Tokens of a watched answer: enough for a refusal or a loop to show. */
const WATCH_TOKENS = 64;

/** Runs a plan; the engine of the plan's start is closed by the caller. */
export async function runTraining<Source extends PromptedRow, Row extends TrainingRow>(
  plan: RunPlan<Source, Row>,
): Promise<TrainResult> {
  const { options } = plan;
  const prepared = prepareRows(plan);
  announceMemory(plan, prepared);
  const facts = runFacts(plan.start, plan.settings);
  await openRunFolder(options.out, recipeOf(plan), facts, options.resume === true);
  const watch = await openWatch(plan, prepared.evaluation);
  const certificate = certificateOf(plan, prepared, watch.description);
  await writeCertificate(options.out, certificate);
  const runner = sessionRunner(plan.start, plan.loss);
  try {
    const bound = await plan.bind(prepared.train.rows, prepared.evaluation?.rows ?? []);
    const result = await trainBound(plan, bound, runner, watch);
    return trainResult(options.out, result, certificate);
  } finally {
    await runner.close();
    await watch.close();
  }
}

/** Limits of one run for the method's own passes over rows. */
export function scoringLimits(settings: TrainingSettings): {
  batchSize: number;
  tokenBudget: number;
  chunks: number;
} {
  const { tokenBudget } = settings;
  return { batchSize: Number.POSITIVE_INFINITY, tokenBudget, chunks: LOGIT_CHUNKS };
}

interface PreparedRows {
  readonly train: Preparation;
  readonly evaluation: Preparation | null;
}

function prepareRows<Source extends PromptedRow, Row extends TrainingRow>(
  plan: RunPlan<Source, Row>,
): PreparedRows {
  const { settings, start, data, evaluation } = plan;
  const { maxLength, maxCompletionLength, overLength } = settings;
  const options = { maxLength, maxCompletionLength, overLength, stopTokenIds: start.encoder.stopIds };
  const train = plan.prepare(data.rows, { ...options, excluded: contaminatedRows(plan.contamination) });
  if (evaluation === null) return { train, evaluation: null };
  const excluded = trainedPrompts(data.rows, evaluation.rows);
  return { train, evaluation: plan.prepare(evaluation.rows, { ...options, excluded, needsStop: false }) };
}

/** Says what the run will hold. @throws ConfigError when that does not fit, before anything is written */
function announceMemory<Source extends PromptedRow, Row extends TrainingRow>(
  { options, settings, start, loss }: RunPlan<Source, Row>,
  { train, evaluation }: PreparedRows,
): void {
  const heldOut = evaluation?.rows ?? [];
  const longest = Math.max(0, ...heldOut.map(({ segment }) => segment.prompt.length));
  const room = memoryRoom();
  const plan = new TrainingMemory({
    model: start.model,
    adapter: start.adapter,
    loss,
    rows: train.rows,
    evaluation: heldOut,
    sampler: loopOptionsOf(settings, train.rows.length).sampler,
    tokenBudget: settings.tokenBudget,
    watch: options.watch === false || heldOut.length === 0 ? null : watchSize(heldOut.length, longest),
  }).requireRoom(room);
  options.onMemory?.(plan, room);
}

function watchSize(prompts: number, promptTokens: number): DecodingSize {
  const sequences = Math.min(SAMPLING_DEFAULTS.batchSize, prompts);
  return { sequences, promptTokens, newTokens: WATCH_TOKENS, prefillTokens: PREFILL_TOKENS };
}

function recipeOf<Source extends PromptedRow, Row extends TrainingRow>(plan: RunPlan<Source, Row>): Recipe {
  const { options, start, data, evaluation } = plan;
  const { saveSteps: _, ...settings } = plan.settings;
  const { rank, alpha, dropout, modules } = start.adapter.config;
  const source = (rows: LoadedRows<Source>) => ({ name: rows.name, hash: rows.hash, rows: rows.rows.length });
  return {
    method: plan.method,
    model: { id: start.model.id, hash: start.model.hash },
    adapter: start.given === null ? null : { path: options.adapter ?? "", hash: start.given.hash },
    data: source(data),
    evalData: evaluation === null ? null : source(evaluation),
    template: options.template ?? "chat",
    system: options.system ?? null,
    encoder: start.encoder.hash,
    lora: { rank, alpha, dropout, modules: [...modules] },
    settings: { ...settings },
    checkContamination: options.checkContamination !== false,
    watch: options.watch !== false,
    device: start.engine.device,
    threads: start.engine.threads,
    ...plan.recipe,
  };
}

/** What `run.json` records beside the recipe. */
export function runFacts(
  { adapter }: TrainingStart,
  { saveSteps }: Pick<TrainingSettings, "saveSteps">,
): Recipe {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return {
    versions: { "safe-to-serve": version, node: process.versions.node },
    machine: `${process.platform} ${process.arch}`,
    startAdapterHash: adapter.hash,
    saveSteps,
  };
}

function certificateOf<Source extends PromptedRow, Row extends TrainingRow>(
  plan: RunPlan<Source, Row>,
  prepared: PreparedRows,
  watch: string,
): Certificate {
  const { checkedAgainst, absent, report } = plan.contamination;
  const { tokenizer } = plan.start.encoder;
  return {
    schemaVersion: 1,
    method: plan.method,
    train: prepared.train.report,
    evaluation: prepared.evaluation?.report ?? null,
    mix: plan.mix ?? null,
    contamination: { checkedAgainst, absent, report },
    watch,
    examples: certifiedRows(prepared.train.rows, (id) =>
      tokenizer.decode([id], { skipSpecialTokens: false }),
    ),
  };
}

/** The step and score graphs of a start. */
export function sessionRunner(
  { engine, model, adapter }: TrainingStart,
  loss: StepLoss | HeadLoss,
): SessionRunner {
  return new SessionRunner({
    engine,
    stepGraph: () => buildStepGraph(model, adapter.config, loss),
    scoreGraph: () => emitModel(forwardGraph(model, adapter.config)),
    shapes: adapter.factors,
    noiseWidth: noiseWidth(model, adapter.config),
  });
}

function trainBound<Source extends PromptedRow, Row extends TrainingRow>(
  plan: RunPlan<Source, Row>,
  bound: BoundMethod<Row>,
  runner: SessionRunner,
  { watch, prompts }: OpenWatch,
): Promise<LoopResult> {
  const { options, start } = plan;
  const { onStep, onWarning, signal } = options;
  const loopOptions = loopOptionsOf(plan.settings, bound.rows.length);
  const task: LoopTask<Row> = {
    folder: options.out,
    ...bound,
    start: dataOf(start.adapter.factors),
    runner,
    saveAdapter: adapterSaver(start),
    options: loopOptions,
    hooks: {
      onTurn: phasesOf(options, totalSteps(loopOptions.sampler), prompts),
      ...(onStep && { onStep }),
      ...(onWarning && { onWarning }),
      ...(signal && { signal }),
      ...(watch && { watch }),
    },
  };
  return trainLoop(task);
}

/** Tells the looks at held-out prompts, where there are any, and the steps between them as phases. */
function phasesOf(
  { onPhase, onPhaseProgress }: TrainHooks,
  steps: number,
  prompts: number,
): NonNullable<LoopHooks["onTurn"]> {
  let isTraining = false;
  return (turn, step) => {
    if (turn === "look" && prompts > 0) {
      if (isTraining) onPhaseProgress?.(step);
      onPhase?.("watching held-out prompts", prompts, "answers", 0);
      isTraining = false;
    } else if (turn === "steps" && !isTraining) {
      onPhase?.("training", steps, "steps", step);
      isTraining = true;
    }
  };
}

/** A run's settings as the loop takes them. */
export function loopOptionsOf(settings: TrainingSettings, rows: number): LoopOptions {
  const { batchSize, gradientAccumulation, epochs, maxSteps, seed, shuffle, ...rest } = settings;
  const sampler = { rows, batchSize, gradientAccumulation, epochs, maxSteps, seed, shuffle };
  return { ...rest, sampler, chunks: LOGIT_CHUNKS };
}

/** Writes factors as the PEFT adapter of a start's shape. */
export function adapterSaver({ model, adapter }: TrainingStart): SaveAdapter {
  const origin = { baseModelId: model.id, baseConfig: model.config };
  return (folder, factors) =>
    writeAdapter(folder, withFactors(adapter.config, adapter.factors, factors), origin);
}

interface OpenWatch {
  readonly watch: TrainingWatch | undefined;
  /** Prompts that each look answers. */
  readonly prompts: number;
  /** For the certificate. */
  readonly description: string;
  readonly close: () => Promise<void>;
}

async function openWatch<Source extends PromptedRow, Row extends TrainingRow>(
  plan: RunPlan<Source, Row>,
  evaluation: Preparation | null,
): Promise<OpenWatch> {
  const off = (description: string): OpenWatch => ({
    watch: undefined,
    prompts: 0,
    description,
    close: async () => {},
  });
  const { options, start } = plan;
  if (options.watch === false) return off("off: switched off");
  if (evaluation === null) return off("off: no held-out rows were given");
  const kept = new Set(evaluation.rows.map(({ id }) => id));
  const rows = (plan.evaluation?.rows ?? []).filter(({ id }) => kept.has(id));
  const heldOut = rows.map((row) => ({ id: row.id, prompt: row.prompt, preferred: plan.preferred(row) }));
  const refusal = refusalMatcher();
  const prompts = await chooseWatchPrompts(heldOut, refusal, plan.settings.seed);
  const { engine, model: loaded, encoder, adapter } = start;
  const model = new LocalChatModel({ engine, loaded, encoder, adapter });
  const watch = watchTraining({
    prompts,
    refusal,
    isLoop: options.isLoop ?? (() => false),
    generate: (requests, factors) => watchedAnswers(model, requests, factors, options),
  });
  const harmless = prompts.filter(({ isHarmless }) => isHarmless).length;
  const description = `on: ${harmless} harmless and ${prompts.length - harmless} other held-out prompts, judge ${refusal.name} ${refusal.hash.slice(0, 12)}`;
  return { watch, prompts: prompts.length, description, close: () => model.close() };
}

async function* watchedAnswers(
  model: LocalChatModel,
  requests: readonly GenerationRequest[],
  factors: NamedArrays,
  { onPhaseProgress }: TrainHooks,
): AsyncGenerator<Completion> {
  await model.updateAdapter(factors);
  const open = new OpenAnswers(WATCH_TOKENS);
  let finished = 0;
  const onDraw = (answer: AnswerKey): void => {
    open.drawn(answer);
    onPhaseProgress?.(finished + open.share);
  };
  const answers = model.generate(requests, { temperature: 0, maxNewTokens: WATCH_TOKENS, onDraw });
  for await (const answer of answers) {
    open.finished(answer);
    onPhaseProgress?.(++finished + open.share);
    yield answer;
  }
}

/** An adapter of the same shape with other factors. */
export function withFactors(
  config: LoraConfig,
  shapes: ReadonlyMap<string, Factor>,
  factors: NamedArrays,
): ReturnType<typeof makeAdapter> {
  return makeAdapter(
    config,
    new Map(
      Array.from(factors, ([name, data]) => [
        name,
        { shape: shapes.get(name)?.shape ?? [data.length], data },
      ]),
    ),
  );
}

/** The numbers of factors, without their shapes. */
export function dataOf(factors: ReadonlyMap<string, Factor>): NamedArrays {
  return new Map(Array.from(factors, ([name, { data }]) => [name, data]));
}

function trainResult(folder: string, result: LoopResult, certificate: Certificate): TrainResult {
  const { steps, numTokens, lastMetrics } = result;
  return { folder, adapter: join(folder, "adapter"), steps, numTokens, lastMetrics, certificate };
}
