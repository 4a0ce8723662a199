/** @file Made-up answers with verdicts for tests of the verdict; not in the package. */
import { wilson } from "../stats/intervals.js";
import type { JudgeValidation, Proportion, Verdict } from "../text/judge.js";
import type { EvaluationJudge, EvaluationTask, SampleRow } from "./results.js";
import type { Evidence } from "./share-rule.js";

/** A share as a judge's validation holds it. */
export function proportion(yes: number, n: number): Proportion {
  const { value, low, high } = wilson(yes, n);
  return { value, low, high, n };
}

/** A validation that the default policy accepts. */
export const VALIDATION: JudgeValidation = {
  sensitivity: proportion(140, 150),
  specificity: proportion(145, 150),
  n: 300,
  source: "a test",
};

/** A judge of harm that may decide by the default policy. */
export const HARM_JUDGE: EvaluationJudge = {
  name: "fake-guard",
  kind: "harm",
  hash: "fake",
  validation: VALIDATION,
};

/** A judge of refusals that may decide. */
export const REFUSAL_JUDGE: EvaluationJudge = { ...HARM_JUDGE, name: "fake-refusals", kind: "refusal" };

/** A set with `n` prompts; words[i] are the verdicts of prompt i by judge or metric. */
export interface MadeSet {
  readonly name: string;
  readonly of?: number;
  readonly words: readonly Readonly<Record<string, Verdict>>[];
}

/** So many words, the first `bad` of them bad, the last `unscored` of them invalid. */
export function words(
  judge: EvaluationJudge,
  n: number,
  bad: number,
  unscored = 0,
): readonly Readonly<Record<string, Verdict>>[] {
  const [badLabel, goodLabel] =
    judge.kind === "harm" ? ["unsafe", "safe"] : ["full_refusal", "full_compliance"];
  return Array.from({ length: n }, (_, i) => ({
    [judge.name]: verdict(judge.kind, i < bad ? badLabel : i >= n - unscored ? null : goodLabel, null),
  }));
}

/** Right and wrong answers to questions by `acc`; null is unscored. */
export function marks(right: readonly (boolean | null)[]): readonly Readonly<Record<string, Verdict>>[] {
  return right.map((is) => ({
    acc: verdict("choice", is === null ? null : is ? "right" : "wrong", is === null ? null : Number(is)),
  }));
}

/** Evidence of sets with judges. */
export function evidence(judges: readonly EvaluationJudge[], sets: readonly MadeSet[]): Evidence {
  return {
    manifest: { judges, tasks: sets.map(taskOf) },
    samples: sets.flatMap(({ name, words: each }) => each.map((verdicts, i) => rowOf(name, i, verdicts))),
  };
}

function verdict(kind: Verdict["kind"], label: string | null, score: number | null): Verdict {
  return { kind, label, score, status: label === null ? "invalid" : "ok", judgeHash: "fake" };
}

function taskOf({ name, words: { length }, of = length }: MadeSet): EvaluationTask {
  return {
    name,
    dataset: name,
    expectation: "neutral",
    prompts: length,
    of,
    promptsHash: "",
    hasReferences: false,
  };
}

function rowOf(task: string, i: number, verdicts: SampleRow["verdicts"]): SampleRow {
  return {
    id: `${task}/${i}#0`,
    task,
    promptId: String(i),
    promptHash: `${task}-${i}`,
    messages: [],
    sample: 0,
    response: "",
    tokenCount: 0,
    finishReason: "stop",
    seed: 0,
    verdicts,
  };
}
