/** @file The models that judges of one command need: opened when a judge asks, closed together. */
import type { OpenFeatureModelOptions } from "../../generate/open-feature-model.js";
import { type JudgeContext, openJudge } from "../../judges/registry.js";
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

interface Closable {
  close(): Promise<void>;
}

/** What every kind of model is opened with. */
type OpeningOptions = Pick<OpenFeatureModelOptions, "threads" | "onProgress" | "onMemory">;

/** Opens the judge that a flag names. @throws ConfigError for what is no judge; what its model throws */
export async function openNamedJudge(
  reference: string,
  { threads, json }: JudgeModelFlags,
): Promise<OpenedJudge> {
  const opened: Closable[] = [];
  const close = async (): Promise<void> => {
    for (const model of opened.splice(0)) await model.close();
  };
  const opening = async <Model extends Closable>(
    open: (options: OpeningOptions) => Promise<Model>,
  ): Promise<Model> => {
    const report = openProgress(json === true);
    try {
      const memory = json === true ? {} : { onMemory: printMemory };
      const model = await open({ threads, onProgress: report.onProgress, ...memory });
      opened.push(model);
      return model;
    } finally {
      report.done();
    }
  };
  // Imported when a judge asks for them: judges made of rules need no engine, and need not wait for it to load.
  const context: JudgeContext = {
    // The judge writes its own prompts: no template.
    openModel: (model) =>
      opening(async (options) => {
        const { openLocalChatModel } = await import("../../generate/open-local-chat-model.js");
        return openLocalChatModel({ model, template: "none", ...options });
      }),
    openScoreModel: (model) =>
      opening(async (options) => {
        const { openScoreModel } = await import("../../generate/open-score-model.js");
        return openScoreModel(model, options);
      }),
    openFeatureModel: (model, settings) =>
      opening(async (options) => {
        const { openFeatureModel } = await import("../../generate/open-feature-model.js");
        return openFeatureModel(model, settings, options);
      }),
  };
  try {
    return { judge: await openJudge(reference, context), close };
  } catch (error) {
    await close();
    throw error;
  }
}
