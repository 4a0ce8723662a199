/** @file The judges that `evaluate --judge` names, opened before anything is drawn: what they are is part of what is asked. */
import { ConfigError } from "../../core/errors.js";
import type { TaskSelection } from "../../evaluate/tasks/suites.js";
import { REFUSAL_MATCHER } from "../../judges/refusal-matcher.js";
import type { Judge } from "../../text/judge.js";
import type { EvaluateCommandOptions } from "../command-options.js";
import { type OpenedJudge, openNamedJudge } from "./judge-models.js";

/** Judges beside the refusal matcher, in the order of the flags. */
export interface EvaluationJudges {
  readonly judges: readonly Judge[];
  /** Closes the judges that stand before this one. */
  closeBefore(judge: Judge): Promise<void>;
  close(): Promise<void>;
}

/** Whether answers are drawn, which judges can judge. */
export function isJudged(tasks: readonly TaskSelection[]): boolean {
  return tasks.some(({ task }) => !task.multipleChoice);
}

/**
 * Opens what the flags name; the refusal matcher takes part anyway.
 * @throws ConfigError for what is no judge, and where no answer would be judged
 */
export async function openJudges(
  options: Pick<EvaluateCommandOptions, "judge" | "threads" | "json">,
  tasks: readonly TaskSelection[],
): Promise<EvaluationJudges> {
  const names = (options.judge ?? []).filter((name) => name !== REFUSAL_MATCHER);
  if (names.length > 0 && !isJudged(tasks))
    throw new ConfigError("--judge: expected a task with answers to judge, got multiple choice alone");
  const open: OpenedJudge[] = [];
  const closeBefore = async (judge: Judge | null): Promise<void> => {
    while (open[0] !== undefined && open[0].judge !== judge) await open.shift()?.close();
  };
  try {
    for (const name of names) open.push(await openNamedJudge(name, options));
  } catch (error) {
    await closeBefore(null);
    throw error;
  }
  const judges = open.map(({ judge }) => judge);
  return { judges, closeBefore, close: () => closeBefore(null) };
}
