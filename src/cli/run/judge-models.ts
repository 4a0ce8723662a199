/** @file The models that judges of one command need: opened when a judge asks, closed together. */
import type { LocalChatModel } from "../../generate/local-chat-model.js";
import { openJudge } from "../../judges/registry.js";
import type { ScoreModel } from "../../text/chat-model.js";
import type { Judge } from "../../text/judge.js";
import { openProgress } from "../open-progress.js";
import { printMemory } from "../output.js";

/** Options of models that judge. */
export interface JudgeModelFlags {
  readonly threads?: number;
  readonly json?: boolean;
}

/** Opens the judge that a flag names, uses it and closes its models. */
export async function withJudge<Result>(
  reference: string,
  { threads, json }: JudgeModelFlags,
  use: (judge: Judge) => Promise<Result>,
): Promise<Result> {
  const opened: { close(): Promise<void> }[] = [];
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
  try {
    return await use(await openJudge(reference, { openModel, openScoreModel: openScored }));
  } finally {
    for (const model of opened) await model.close();
  }
}
