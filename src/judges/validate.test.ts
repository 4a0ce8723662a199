import { expect, test } from "vitest";
import { wilson } from "../stats/intervals.js";
import type { Judge, Verdict } from "../text/judge.js";
import { maskedExcerpt } from "./excerpt.js";
import { callOf } from "./labels.js";
import {
  judgeRows,
  type LabelledExchange,
  measureAgreement,
  mistakes,
  toJudgeValidation,
} from "./validate.js";
import { measureJudge } from "./validation.js";

const base = { kind: "harm", status: "ok", judgeHash: "h" } as const;
const DATA = {
  path: "mine.jsonl",
  name: null,
  sha256: "0",
  licence: null,
  labeller: null,
  labelField: "unsafe",
};

/** A judge that gives the verdicts it is told to. */
function scripted(verdicts: readonly Partial<Verdict>[]): Judge {
  return {
    name: "scripted",
    hash: "h",
    kind: "harm",
    async *judge() {
      for (const verdict of verdicts) yield { ...base, label: null, score: null, ...verdict };
    },
  };
}

function says(score: number): Partial<Verdict> {
  return { score, label: score >= 0.5 ? "unsafe" : "safe" };
}

function rows(labels: readonly (boolean | null)[], categories?: readonly string[]): LabelledExchange[] {
  return labels.map((label, i) => ({
    id: `row-${i}`,
    messages: [{ role: "user", content: `Question ${i}` }],
    response: `Answer number ${i}`,
    label,
    category: categories?.[i] ?? null,
    cluster: String(i),
  }));
}

async function judged(labels: readonly (boolean | null)[], verdicts: readonly Partial<Verdict>[]) {
  return await judgeRows(scripted(verdicts), rows(labels));
}

test("counts the four cells and the undecided ones apart, and shows the worst that these could be", async () => {
  const labels = [true, true, true, false, false, false, null];
  const verdicts = [
    says(0.9),
    says(0.2),
    { status: "invalid" },
    says(0.1),
    says(0.8),
    { status: "error" },
    says(1),
  ];
  const result = measureAgreement(await judged(labels, verdicts as Partial<Verdict>[]), "harm", { seed: 1 });
  expect(result.confusion).toEqual({ truePositive: 1, falseNegative: 1, trueNegative: 1, falsePositive: 1 });
  expect(result).toMatchObject({ n: 4, undecided: { positive: 1, negative: 1 } });
  expect(result.sensitivity).toMatchObject({ value: 0.5, low: wilson(1, 2).low, method: "clustered-wilson" });
  expect(result.worstCase).toEqual({ sensitivity: 1 / 3, specificity: 1 / 3 });
  expect(result.balancedAccuracy.value).toBe(0.5);
  expect(result.averagePrecision?.value).toBeCloseTo(5 / 6, 12);
});

test.each([
  ["nonsense", { status: "invalid", label: null }],
  ["a failed call", { status: "error", label: null }],
  ["no label", { label: null }],
  ["a NaN score", { label: "unsafe", score: Number.NaN }],
] as const)("takes %s for no verdict", (_, verdict) => {
  expect(callOf({ ...base, score: null, ...verdict }, "harm")).toBeNull();
});

test("reads verdicts of the other kind as stand-ins, with the score turned round", () => {
  const refusal = { ...base, kind: "refusal", score: null } as const;
  expect(callOf({ ...refusal, label: "full_compliance" }, "harm")).toEqual({ isPositive: true, score: null });
  expect(callOf({ ...refusal, label: "partial_refusal" }, "refusal")).toEqual({
    isPositive: true,
    score: null,
  });
  expect(callOf({ ...base, label: "safe", score: 0.25 }, "refusal")).toEqual({
    isPositive: true,
    score: 0.75,
  });
});

test("has no curve for a judge without scores, and NaN where a class is missing", async () => {
  const result = measureAgreement(
    await judged([false, false], [{ label: "safe" }, { label: "unsafe" }]),
    "harm",
    { seed: 1 },
  );
  expect(result.averagePrecision).toBeNull();
  expect([result.sensitivity.value, result.balancedAccuracy.value]).toEqual([NaN, NaN]);
  expect(result.specificity.value).toBe(0.5);
});

test("counts answers to one prompt as alike", async () => {
  const labels = Array.from({ length: 100 }, () => true);
  const verdicts = labels.map((_, i) => says(i < 50 ? 0.9 : 0.1));
  const all = await judged(labels, verdicts);
  const inClusters = all.map((row, i) => ({ ...row, cluster: String(Math.floor(i / 10)) }));
  const width = (set: typeof all) => {
    const { low, high } = measureAgreement(set, "harm", { seed: 1, draws: 10 }).sensitivity;
    return high - low;
  };
  expect(width(inClusters)).toBeGreaterThan(2 * width(all));
  const { validation } = measureJudge(scripted([]), inClusters, { labels: "harm", seed: 1, data: DATA });
  expect(validation?.sensitivity.n).toBe(100);
  expect(validation?.sensitivity.effectiveN).toBeLessThan(12);
});

test("lists the surest mistakes first, masked", async () => {
  const set = await judged([true, false, true], [says(0.4), says(0.99), says(0.9)]);
  expect(mistakes(set, "harm").map((row) => row.id)).toEqual(["row-1", "row-0"]);
  const { mistakes: listed, mistakeCount } = measureJudge(scripted([]), set, {
    labels: "harm",
    seed: 1,
    data: DATA,
  });
  expect(mistakeCount).toBe(2);
  expect(listed[0]).toMatchObject({ id: "row-1", kind: "false alarm", response: "A····r n····r 1" });
});

test("gives a validation that may decide only for labels by people and a judge of that kind", async () => {
  const set = await judged([true, false], [says(1), says(0)]);
  const measure = (labels: "harm" | "refusal", labeller: "people" | "a model") =>
    measureJudge(scripted([]), set, { labels, seed: 1, data: { ...DATA, labeller } });
  expect(measure("harm", "people").validation).toMatchObject({ n: 2, source: "mine.jsonl" });
  expect(measure("harm", "a model").validation).toBeNull();
  expect(measure("refusal", "people")).toMatchObject({ validation: null, isStandIn: true });
});

test("refuses a judge that gives another number of verdicts, and one that says nothing of the kind", async () => {
  await expect(judged([true, true], [says(1)])).rejects.toThrow("expected 2 verdicts, got 1");
  await expect(judged([true], [says(1), says(1)])).rejects.toThrow("expected 1 verdicts, got more");
  const reward = { ...scripted([]), kind: "reward" as const };
  expect(() => measureJudge(reward, [], { labels: "harm", seed: 1, data: DATA })).toThrow(
    "got one of kind reward",
  );
});

test("breaks rates down by category", async () => {
  const set = await judgeRows(
    scripted([says(1), says(1), says(0)]),
    rows([true, false, false], ["b", "a", "a"]),
  );
  const { byCategory } = measureJudge(scripted([]), set, { labels: "harm", seed: 1, data: DATA });
  expect(byCategory.map(({ category, agreement }) => [category, agreement.n])).toEqual([
    ["a", 2],
    ["b", 1],
  ]);
});

test("carries counts of rows into what evaluations keep", async () => {
  const result = measureAgreement(await judged([true, false], [says(1), says(1)]), "harm", { seed: 1 });
  expect(toJudgeValidation(result, "here")).toMatchObject({
    sensitivity: { value: 1, n: 1 },
    specificity: { value: 0, n: 1 },
    n: 2,
    source: "here",
  });
});

test("masks longer words and cuts the text", () => {
  expect(maskedExcerpt("Take\n two  apples, 1234 and go")).toBe("T··e two a····s, 1··4 and go");
  expect(maskedExcerpt("word ".repeat(40))).toMatch(/…$/);
});
