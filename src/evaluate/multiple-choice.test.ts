import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, expect, test } from "vitest";
import { ConfigError, GenerationError } from "../core/errors.js";
import { reportFromComparison } from "../report/from-comparison.js";
import { evaluationReport } from "../report/from-evaluation.js";
import { renderMarkdown } from "../report/markdown.js";
import { renderPage } from "../report/page.js";
import { renderTerminal } from "../report/terminal.js";
import { wilson } from "../stats/intervals.js";
import { mcnemarExact } from "../stats/mcnemar.js";
import type { ContinuationRequest } from "../text/chat-model.js";
import { MockChatModel } from "../text/mock-chat-model.js";
import { brierScore } from "./choice-metrics.js";
import { compareEvaluations } from "./compare.js";
import type { EvaluateOptions } from "./options.js";
import { readEvaluation } from "./read.js";
import type { EvaluationResults, ResultRow, SampleRow } from "./results.js";
import { evaluate } from "./run.js";
import { taskNamed } from "./tasks/suites.js";
import type { Task } from "./tasks/task.js";

const root = mkdtempSync(join(tmpdir(), "multiple-choice-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const QUESTIONS = 150;
const file = join(root, "questions.jsonl");
writeFileSync(
  file,
  Array.from({ length: QUESTIONS }, (_, i) =>
    JSON.stringify({
      id: `q-${String(i).padStart(3, "0")}`,
      question: `How many is ${i}?`,
      choices: ["few", "rather many"],
      answer: i % 2,
    }),
  ).join("\n"),
);
const task: Task = { ...taskNamed("arc-easy"), name: "counting", dataset: file };

/** Likes the first choice by `bias` of the question's number, in nats. */
const model = (id: string, bias: (i: number) => number, failAfter = Number.POSITIVE_INFINITY) => {
  const asked: string[] = [];
  const scoreContinuations = ({ id: request, context, continuations }: ContinuationRequest): number[] => {
    if (asked.length >= failAfter) throw new GenerationError("mock: expected more, got told to fail");
    asked.push(request);
    expect(continuations).toEqual([" few", " rather many"]);
    const number = Number(/is (\d+)\?\nAnswer:$/.exec(context)?.[1]);
    return [bias(number) - 3, -3];
  };
  return { asked, model: new MockChatModel({ id, scoreContinuations }) };
};

let folders = 0;
const run = (
  options: Partial<EvaluateOptions> & Pick<EvaluateOptions, "model">,
): Promise<EvaluationResults> =>
  evaluate({ judges: [], tasks: [{ task, limit: null }], out: join(root, `run-${folders++}`), ...options });

const samplesOf = (folder: string): SampleRow[] =>
  readFileSync(join(folder, "samples.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as SampleRow);

const rowOf = (results: EvaluationResults, metric: string): ResultRow | undefined =>
  results.tasks.find((row) => row.metric === metric);

const byThree = (i: number): number => (i % 3 === 0 ? 2 : -2);
const isRight = (i: number): boolean => (byThree(i) > 0 ? 0 : 1) === i % 2;
const right = Array.from({ length: QUESTIONS }, (_, i) => isRight(i)).filter(Boolean).length;

test("journals every choice's log-likelihood and counts what is right, in the published schema", async () => {
  const out = join(root, "whole");
  const results = await run({ model: model("a", byThree).model, out });
  expect(results.tasks.map(({ metric }) => metric)).toEqual(["acc", "acc_norm", "acc_bytes", "brier_score"]);
  expect(rowOf(results, "acc")).toMatchObject({ name: "counting", ...wilson(right, QUESTIONS), unscored: 0 });
  const brier = Array.from({ length: QUESTIONS }, (_, i) => brierScore([byThree(i) - 3, -3], i % 2));
  expect(rowOf(results, "brier_score")?.value).toBeCloseTo(brier.reduce((a, b) => a + b) / QUESTIONS, 12);
  const rows = samplesOf(out);
  expect(rows).toHaveLength(QUESTIONS);
  expect(rows[3]).toMatchObject({
    id: "counting/q-003#0",
    response: "few",
    choices: { gold: 1, logProbs: [-1, -3], predicted: { acc: 0, acc_norm: 1, acc_bytes: 1 } },
    verdicts: { acc: { kind: "choice", label: "wrong", score: 0 }, acc_norm: { label: "right" } },
  });
  const schema = JSON.parse(
    readFileSync(new URL("../../schemas/results.schema.json", import.meta.url), "utf8"),
  ) as Record<string, unknown>;
  const validate = new Ajv2020({ allowUnionTypes: true }).compile(schema);
  expect(validate(JSON.parse(readFileSync(join(out, "results.json"), "utf8"))), "schema").toBe(true);
});

test("goes on where it stopped and asks no question twice", async () => {
  const out = join(root, "stopped");
  const first = model("a", byThree, 70);
  await expect(run({ model: first.model, out })).rejects.toThrow(GenerationError);
  expect(samplesOf(out)).toHaveLength(70);
  const second = model("a", byThree);
  const results = await run({ model: second.model, out });
  expect(second.asked).toHaveLength(QUESTIONS - 70);
  expect(new Set([...first.asked, ...second.asked]).size).toBe(QUESTIONS);
  expect(results.tasks).toEqual((await run({ model: model("a", byThree).model })).tasks);
});

test("does not go on with other worked examples", async () => {
  const out = join(root, "few-shot");
  await expect(run({ model: model("a", byThree, 1).model, out })).rejects.toThrow(GenerationError);
  await expect(run({ model: model("a", byThree).model, out, fewShot: 2 })).rejects.toThrow(
    /prompts of counting/,
  );
});

test("says in one line why nothing can be measured", async () => {
  await expect(run({ model: new MockChatModel() })).rejects.toMatchObject({
    hint: "counting: not measurable, the model gives no log-likelihoods of raw texts",
  });
  const missing = { tasks: [{ task: taskNamed("arc-easy"), limit: null }], dataDir: "no-such-folder" };
  const refused = run({ model: model("a", byThree).model, ...missing });
  await expect(refused).rejects.toThrow(ConfigError);
  await expect(refused).rejects.toMatchObject({ hint: expect.stringMatching(/^arc-easy: .*--data-dir/) });
});

test("leaves a question without numbers unscored, with the range it could be", async () => {
  const results = await run({ model: model("a", (i) => (i < 15 ? Number.NaN : 5)).model });
  const acc = rowOf(results, "acc");
  expect([acc?.n, acc?.unscored]).toEqual([135, 15]);
  expect(acc?.worstCase).toBeCloseTo(67 / 150, 12);
  expect(acc?.bestCase).toBeCloseTo(82 / 150, 12);
});

test("draws answers and scores choices in one run", async () => {
  const mixed = new MockChatModel({ scoreContinuations: () => [-1, -2] });
  const phases = new Set<string>();
  const results = await run({
    model: mixed,
    tasks: [
      { task, limit: 30 },
      { task: taskNamed("I-Alpaca"), limit: 5 },
    ],
    onProgress: ({ phase, done, total }) => void (done === total && phases.add(`${phase} ${total}`)),
  });
  expect([...phases]).toEqual(["answers 5", "questions 30"]);
  expect(rowOf(results, "acc")?.n).toBe(30);
  expect(results.tasks.find((row) => row.metric === "loops")?.name).toBe("I-Alpaca");
});

test("compares two models question by question, and shows it", async () => {
  const folderOf = (name: string): string => join(root, name);
  await run({ model: model("a", byThree).model, out: folderOf("base") });
  await run({ model: model("b", (i) => (i % 2 === 0 || i > 100 ? 2 : -2)).model, out: folderOf("tuned") });
  const evaluations = [readEvaluation(folderOf("base")), readEvaluation(folderOf("tuned"))];
  const comparison = compareEvaluations(evaluations);
  const [counting] = comparison.choices;
  const [acc] = counting?.metrics ?? [];
  const is = (i: number): boolean => i % 2 === 0 || i <= 100;
  const all = Array.from({ length: QUESTIONS }, (_, i) => [isRight(i), is(i)] as const);
  const newlyRight = all.filter(([was, now]) => !was && now).length;
  const newlyWrong = all.filter(([was, now]) => was && !now).length;
  expect(newlyWrong).toBeGreaterThan(0);
  expect(acc?.differences).toEqual([
    expect.objectContaining({
      from: "base",
      to: "tuned",
      newlyRight,
      newlyWrong,
      pValue: mcnemarExact(newlyRight, newlyWrong),
      pValueHolm: mcnemarExact(newlyRight, newlyWrong),
    }),
  ]);
  expect(acc?.differences[0]?.change.value).toBeCloseTo((newlyRight - newlyWrong) / QUESTIONS, 12);
  expect([comparison.tasks, comparison.answers]).toEqual([[], []]);

  const origin = { date: "2026-11-25", version: "0" };
  const report = reportFromComparison(comparison, origin);
  const terminal = renderTerminal(report, { width: 120 });
  expect(terminal).toMatch(/multiple choice\s+model\s+n\s+acc\s+95 % interval\s+acc_norm/);
  const gain = ((100 * (newlyRight - newlyWrong)) / QUESTIONS).toFixed(1);
  expect(terminal).toMatch(new RegExp(`base → tuned\\s+acc\\s+\\+${gain}`));
  expect(terminal).not.toMatch(/refused/);
  for (const text of [renderMarkdown(report), renderPage(report)]) {
    expect(text).toContain("Multiple choice");
    expect(text).toMatch(/acc.?_norm/);
    expect(text).not.toContain("By set");
  }
  const [base] = evaluations;
  if (base === undefined) throw new TypeError("no base");
  const alone = renderTerminal(evaluationReport(base, origin), { width: 80 });
  expect(alone).toMatch(new RegExp(`counting\\s+base\\s+150\\s+${((100 * right) / QUESTIONS).toFixed(1)}`));
});

test("refuses to compare different questions", async () => {
  await run({ model: model("a", byThree).model, out: join(root, "x"), limit: 20 });
  await run({ model: model("a", byThree).model, out: join(root, "y"), limit: 20, fewShot: 1 });
  expect(() =>
    compareEvaluations([readEvaluation(join(root, "x")), readEvaluation(join(root, "y"))]),
  ).toThrow(/prompts of counting \(20 and 20, 0 in common\)/);
});
