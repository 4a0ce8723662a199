/** @file What lm-evaluation-harness itself says (`reference/lm_eval_golden.py`), and the same from a model of ours. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { sha256 } from "../core/hash.js";
import type { ChatModel, ContinuationLogProbs } from "../text/chat-model.js";
import { brierScore, choiceVerdicts, predictions } from "./choice-metrics.js";
import type { ChoiceMetric, ChoiceScores } from "./results.js";
import { CHOICE_DELIMITER, type ChoiceQuestion, toQuestions } from "./tasks/questions.js";
import { taskNamed } from "./tasks/suites.js";
import type { Fields, MultipleChoice } from "./tasks/task.js";

/** One question as lm-eval scored it. */
interface GoldenQuestion {
  readonly id: string;
  readonly context?: string;
  readonly contextSha256?: string;
  readonly continuations?: readonly string[];
  /** Tokens of context and continuation, for each choice. */
  readonly tokens: readonly (readonly [number, number])[];
  readonly logProbs: readonly number[];
  readonly acc: number;
  readonly acc_norm: number;
  readonly acc_bytes: number;
}

/** One run of lm-eval. */
export interface GoldenRun {
  readonly task: string;
  readonly fewShot: number;
  readonly metrics: Readonly<Partial<Record<ChoiceMetric, number | null>>>;
  readonly questions: readonly GoldenQuestion[];
}

interface Golden {
  readonly tolerance: { readonly absolute: number; readonly relative: number; readonly margin: number };
  readonly rows: Readonly<Record<string, readonly Fields[]>>;
  readonly dev: readonly Fields[];
  readonly tiny: { readonly checkpoint: string; readonly runs: readonly GoldenRun[] };
  readonly embedded: readonly GoldenRun[];
  readonly data: readonly GoldenRun[];
}

/** `test/golden/lm-eval.json`. */
export const lmEval: Golden = JSON.parse(
  readFileSync(new URL("../../test/golden/lm-eval.json", import.meta.url), "utf8"),
) as Golden;

/** How a task puts its questions. */
export function choiceTask(name: string): MultipleChoice {
  const { multipleChoice } = taskNamed(name);
  if (multipleChoice === undefined) throw new TypeError(`${name} is no multiple choice`);
  return multipleChoice;
}

/** Asks a model the made-up questions of a run and expects lm-eval's numbers. */
export async function expectRun(model: ChatModel, run: GoldenRun): Promise<void> {
  const rows = lmEval.rows[run.task] ?? [];
  await expectQuestions(model, run, toQuestions(choiceTask(run.task), rows, run.fewShot, lmEval.dev));
}

/** Asks a model these questions, in the order of the run's, and expects lm-eval's numbers. */
export async function expectQuestions(
  model: ChatModel,
  run: GoldenRun,
  questions: readonly ChoiceQuestion[],
): Promise<void> {
  expect(questions).toHaveLength(run.questions.length);
  const scored = await scoreAll(model, questions);
  const brier = run.questions.map((golden, i) => {
    const question = questions[i] as ChoiceQuestion;
    expectText(golden, question);
    return expectScores(golden, question, scored[i] as ContinuationLogProbs);
  });
  const expected = run.metrics.brier_score ?? null;
  const mean = brier.reduce((sum, value) => sum + value, 0) / brier.length;
  if (expected !== null) expect(Math.abs(mean - expected)).toBeLessThan(lmEval.tolerance.absolute);
}

/** Scores of all questions, in their order. */
export async function scoreAll(
  model: ChatModel,
  questions: readonly ChoiceQuestion[],
): Promise<ContinuationLogProbs[]> {
  const requests = questions.map(({ context, choices }, i) => ({
    id: String(i),
    context,
    continuations: choices.map((choice) => `${CHOICE_DELIMITER}${choice}`),
  }));
  const scored: ContinuationLogProbs[] = [];
  for await (const one of model.scoreContinuations?.(requests) ?? []) scored[Number(one.id)] = one;
  return scored;
}

function expectText(golden: GoldenQuestion, { context, choices }: ChoiceQuestion): void {
  if (golden.context !== undefined) expect(context).toBe(golden.context);
  else expect([golden.id, sha256(context)]).toEqual([golden.id, golden.contextSha256]);
  const continuations = choices.map((choice) => `${CHOICE_DELIMITER}${choice}`);
  if (golden.continuations !== undefined) expect(continuations).toEqual(golden.continuations);
}

/** @returns our Brier score */
function expectScores(
  golden: GoldenQuestion,
  { choices, gold }: ChoiceQuestion,
  { logProbs, tokenCounts }: ContinuationLogProbs,
): number {
  const { absolute, relative } = lmEval.tolerance;
  expect(tokenCounts).toEqual(golden.tokens.map(([, continuation]) => continuation));
  golden.logProbs.forEach((value, i) => {
    const off = Math.abs((logProbs[i] as number) - value);
    expect(off, `${golden.id}, choice ${i}`).toBeLessThanOrEqual(absolute + relative * Math.abs(value));
  });
  const predicted = predictions(choices, logProbs);
  const scores: ChoiceScores = { texts: choices, gold, logProbs, tokenCounts, predicted };
  const verdicts = choiceVerdicts(["acc", "acc_norm", "acc_bytes"], scores);
  for (const metric of ["acc", "acc_norm", "acc_bytes"] as const)
    if (!isNearTie(metric, choices, golden.logProbs))
      expect([golden.id, metric, verdicts[metric]?.score]).toEqual([golden.id, metric, golden[metric]]);
  return brierScore(logProbs, gold);
}

/** Whether lm-eval's own two best choices are nearer than rounding; equal texts are not, they are the same number. */
function isNearTie(
  metric: "acc" | "acc_norm" | "acc_bytes",
  choices: readonly string[],
  logProbs: readonly number[],
): boolean {
  const length = (text: string): number => {
    if (metric === "acc") return 1;
    return metric === "acc_norm" ? [...text].length : Buffer.byteLength(text, "utf8");
  };
  const different = new Map(choices.map((text, i) => [text, (logProbs[i] as number) / length(text)]));
  const [first = 0, second = Number.NEGATIVE_INFINITY] = [...different.values()].sort((a, b) => b - a);
  return first - second < lmEval.tolerance.margin;
}
