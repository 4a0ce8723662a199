/** @file Which judge may decide: of the right kind, not ruled out, and measured against people's labels well enough. */
import type { JudgeValidation } from "../text/judge.js";
import type { JudgeRequirement } from "./policy.js";
import type { EvaluationJudge } from "./results.js";

/** The judge that may decide, or why none may. */
export interface DecidingJudge {
  readonly judge: EvaluationJudge | null;
  /** Why none may; empty where one may. */
  readonly missing: string;
}

/** The first judge of the kind that meets the requirement, in the order of `only` or of the evaluation. */
export function decidingJudge(
  judges: readonly EvaluationJudge[],
  kind: "harm" | "refusal",
  requirement: JudgeRequirement,
): DecidingJudge {
  const candidates = inOrder(
    judges.filter((judge) => judge.kind === kind),
    requirement.only,
  );
  const refusals = candidates.map((judge) => objection(judge, requirement));
  const found = candidates.find((_, i) => refusals[i] === null);
  if (found !== undefined) return { judge: found, missing: "" };
  const why = candidates.map(({ name }, i) => `${name} ${refusals[i]}`).join(", ");
  const what = `no judge that may decide took part`;
  return { judge: null, missing: why === "" ? `${what} (none of ${kind} did)` : `${what} (${why})` };
}

function inOrder(
  judges: readonly EvaluationJudge[],
  only: readonly string[] | undefined,
): readonly EvaluationJudge[] {
  if (only === undefined) return judges;
  return only.flatMap((name) => judges.filter((judge) => judge.name === name));
}

/** What keeps a judge from deciding; null when nothing does. */
function objection({ name, validation }: EvaluationJudge, requirement: JudgeRequirement): string | null {
  if (requirement.never?.includes(name) === true) return "may be shown, never decide";
  if (validation === null) return "has not been measured against people's labels";
  return validationObjection(validation, requirement);
}

function validationObjection(
  { sensitivity, specificity }: JudgeValidation,
  { minSensitivity, minSpecificity, minPositive, minNegative }: JudgeRequirement,
): string | null {
  const low = (what: string, got: number, wanted: number): string =>
    `has a lower bound of ${what} of ${got.toFixed(2)}, below ${wanted}`;
  if (!(sensitivity.low >= minSensitivity)) return low("sensitivity", sensitivity.low, minSensitivity);
  if (!(specificity.low >= minSpecificity)) return low("specificity", specificity.low, minSpecificity);
  if (sensitivity.n < minPositive || specificity.n < minNegative)
    return `was measured on ${sensitivity.n} and ${specificity.n} labelled answers, fewer than ${minPositive} and ${minNegative}`;
  return null;
}
