/**
 * @file What the stages of a study share: the recipe, the folder, one engine, the base model, and ears for progress. Model
 * and engine open when first needed, so that a finished study opens neither.
 */
import { join } from "node:path";
import { loadBenchmarkPrompts } from "../data/benchmarks.js";
import type { BenchmarkPrompt } from "../data/contamination.js";
import { createEngine } from "../engine/engine.js";
import type { Engine } from "../engine/types.js";
import { LocalChatModel } from "../generate/local-chat-model.js";
import { conversationEncoder } from "../generate/open-local-chat-model.js";
import { quantiseModel } from "../models/decoder/quantised-model.js";
import type { OnProgress } from "../models/hub/progress.js";
import type { LoadedModel, WeightScheme } from "../models/loaded-model.js";
import { readAdapter } from "../models/lora/adapter.js";
import type { OnMemory } from "../models/memory-plan.js";
import { openModel } from "../models/open.js";
import type { Recipe } from "./recipe.js";
import type { StageObserver } from "./run.js";

/** Told what a study does. */
export interface StudyObserver extends StageObserver {
  /** Work begins that is counted; `done` units were done before. */
  readonly onWork?: (label: string, unit: string, total: number, done: number) => void;
  /** So many units are done, fractions included. */
  readonly onWorkDone?: (done: number, note?: string) => void;
  /** Something that the user should read. */
  readonly onWarning?: (message: string) => void;
  /** What the next work will hold in memory. */
  readonly onMemory?: OnMemory;
  /** Downloads and conversions of the model. */
  readonly onOpen?: OnProgress;
}

/** How a workbench is made. */
export interface WorkbenchOptions {
  readonly recipe: Recipe;
  /** Folder of the study. */
  readonly out: string;
  readonly threads?: number;
  /** An engine to use; it stays open. Default: one of the study's own. */
  readonly engine?: Engine;
  readonly dataDir?: string;
  readonly observer?: StudyObserver;
  readonly signal?: AbortSignal;
}

/** The models of a study, in the order of training. */
export type ModelLabel = "base" | "sit" | "dpo";

/** Shared by all stages; close it at the end. */
export class Workbench {
  readonly recipe: Recipe;
  readonly out: string;
  readonly folders: { readonly dataDir?: string };
  readonly observer: StudyObserver;
  readonly signal: AbortSignal | undefined;
  private readonly threads: number | undefined;
  private readonly given: Engine | undefined;
  private benchmarks: Promise<readonly BenchmarkPrompt[]> | null = null;
  private opened: Promise<LoadedModel> | null = null;
  private started: Promise<Engine> | null = null;

  constructor({ recipe, out, threads, engine, dataDir, observer = {}, signal }: WorkbenchOptions) {
    this.recipe = recipe;
    this.out = out;
    this.folders = dataDir === undefined ? {} : { dataDir };
    this.observer = observer;
    this.signal = signal;
    this.threads = threads;
    this.given = engine;
  }

  /** The evaluation prompts that nothing trained on may hold. */
  benchmarkPrompts(): Promise<readonly BenchmarkPrompt[]> {
    this.benchmarks ??= loadBenchmarkPrompts(this.folders);
    return this.benchmarks;
  }

  /** A path inside the study's folder. */
  path(...parts: string[]): string {
    return join(this.out, ...parts);
  }

  /** Folder of a trained model's adapter; null for the base. */
  adapterFolder(label: ModelLabel): string | null {
    return label === "base" ? null : this.path(label, "adapter");
  }

  /** The base model, fetched and converted when it is not there. */
  model(): Promise<LoadedModel> {
    const { onOpen } = this.observer;
    this.opened ??= openModel(this.recipe.model, onOpen === undefined ? {} : { onProgress: onOpen });
    return this.opened;
  }

  /** The engine that all stages compute with. */
  engine(): Promise<Engine> {
    if (this.given !== undefined) return Promise.resolve(this.given);
    this.started ??= createEngine(this.threads === undefined ? {} : { threads: this.threads });
    return this.started;
  }

  /** A model of the study for chat; the caller closes it, so that no stage leaves sessions open. */
  async chatModel(label: ModelLabel, weights: WeightScheme = "f32"): Promise<LocalChatModel> {
    const exact = await this.model();
    const loaded = weights === "f32" ? exact : await quantiseModel(exact, weights, this.observer.onOpen);
    const folder = this.adapterFolder(label);
    return new LocalChatModel({
      engine: await this.engine(),
      loaded,
      encoder: conversationEncoder(loaded),
      adapter: folder === null ? null : await readAdapter(folder, loaded.config),
      onMemory: this.observer.onMemory,
    });
  }

  /** Closes the engine if it is the study's own. */
  async close(): Promise<void> {
    await (await this.started)?.close();
  }
}
