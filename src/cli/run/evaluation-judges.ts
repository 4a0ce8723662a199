/** @file The judges that `evaluate --judge` names, opened before anything is drawn: what they are is part of what is asked. */
import { ConfigError } from "../../core/errors.js";
import type { TaskSelection } from "../../evaluate/tasks/suites.js";
import { REFUSAL_MATCHER, refusalMatcher } from "../../judges/refusal-matcher.js";
import { readValidationFile, withValidations } from "../../judges/validation-file.js";
import type { Judge } from "../../text/judge.js";
import type { EvaluateCommandOptions } from "../command-options.js";
import { type OpenedJudge, openNamedJudge } from "./judge-models.js";

/** The refusal matcher, and the judges beside it in the order of the flags, each with its validation. */
export interface EvaluationJudges {
  readonly matcher: Judge;
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
 * @throws ConfigError for what is no judge, for a validation of none of them, and where no answer would be judged
 */
export async function openJudges(
  options: Pick<EvaluateCommandOptions, "judge" | "judgeValidation" | "threads" | "json">,
  tasks: readonly TaskSelection[],
): Promise<EvaluationJudges> {
  const names = (options.judge ?? []).filter((name) => name !== REFUSAL_MATCHER);
  if (names.length > 0 && !isJudged(tasks))
    throw new ConfigError("--judge: expected a task with answers to judge, got multiple choice alone");
  const validations = (options.judgeValidation ?? []).map(readValidationFile);
  const open: OpenedJudge[] = [];
  const closeBefore = async (judge: Judge | null): Promise<void> => {
    while (open[0] !== undefined && open[0].judge !== judge) await open.shift()?.close();
  };
  try {
    for (const name of names) open.push(await openNamedJudge(name, options));
    const all = [refusalMatcher(), ...open.map(({ judge }) => judge)];
    const [matcher = refusalMatcher(), ...judges] = withValidations(all, validations);
    open.forEach((each, i) => {
      open[i] = { ...each, judge: judges[i] ?? each.judge };
    });
    return { matcher, judges, closeBefore, close: () => closeBefore(null) };
  } catch (error) {
    await closeBefore(null);
    throw error;
  }
}
