/** @file The models that judges of one command need: opened when a judge asks, closed together. */
import type { LocalChatModel } from "../../generate/local-chat-model.js";
import { openJudge } from "../../judges/registry.js";
import type { ScoreModel } from "../../text/chat-model.js";
import type { FeatureModel, FeatureSettings } from "../../text/feature-model.js";
import type { Judge } from "../../text/judge.js";
import { openProgress } from "../open-progress.js";
import { printMemory } from "../output.js";

/** Options of models that judge. */
export interface JudgeModelFlags {
  readonly threads?: number;
  readonly json?: boolean;
}

/** A judge, and what to do when it is no longer needed. A model behind it loads its weights when it is first asked. */
export interface OpenedJudge {
  readonly judge: Judge;
  close(): Promise<void>;
}

/** Opens the judge that a flag names, uses it and closes its models. */
export async function withJudge<Result>(
  reference: string,
  flags: JudgeModelFlags,
  use: (judge: Judge) => Promise<Result>,
): Promise<Result> {
  const { judge, close } = await openNamedJudge(reference, flags);
  try {
    return await use(judge);
  } finally {
    await close();
  }
}

/** Opens the judge that a flag names. @throws ConfigError for what is no judge; what its model throws */
export async function openNamedJudge(
  reference: string,
  { threads, json }: JudgeModelFlags,
): Promise<OpenedJudge> {
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const model of opened.splice(0)) await model.close();
  };
  const silent = json === true;
  const openModel = async (model: string): Promise<LocalChatModel> => {
    const report = openProgress(silent);
    try {
      // Judges made of rules need no engine, and need not wait for it to load.
      const { openLocalChatModel } = await import("../../generate/open-local-chat-model.js");
      const { onProgress } = report;
      // The judge writes its own prompts: no template.
      const local = await openLocalChatModel({
        model,
        template: "none",
        threads,
        onProgress,
        ...(!silent && { onMemory: printMemory }),
      });
      opened.push(local);
      return local;
    } finally {
      report.done();
    }
  };
  const openScored = async (model: string): Promise<ScoreModel> => {
    const report = openProgress(silent);
    try {
      const { openScoreModel } = await import("../../generate/open-score-model.js");
      const { onProgress } = report;
      const memory = silent ? {} : { onMemory: printMemory };
      const scored = await openScoreModel(model, { threads, onProgress, ...memory });
      opened.push(scored);
      return scored;
    } finally {
      report.done();
    }
  };
  const openFeatures = async (model: string, settings: FeatureSettings): Promise<FeatureModel> => {
    const report = openProgress(silent);
    try {
      const { openFeatureModel } = await import("../../generate/open-feature-model.js");
      const { onProgress } = report;
      const memory = silent ? {} : { onMemory: printMemory };
      const read = await openFeatureModel(model, settings, { threads, onProgress, ...memory });
      opened.push(read);
      return read;
    } finally {
      report.done();
    }
  };
  const context = { openModel, openScoreModel: openScored, openFeatureModel: openFeatures };
  try {
    return { judge: await openJudge(reference, context), close };
  } catch (error) {
    await close();
    throw error;
  }
}
