import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ConfigError, InternalError } from "../core/errors.js";
import { refusalMatcher } from "../judges/refusal-matcher.js";
import { holm, mcnemarExact } from "../stats/mcnemar.js";
import { pairedShareDifference } from "../stats/paired.js";
import type { Verdict } from "../text/judge.js";
import { MockChatModel } from "../text/mock-chat-model.js";
import { compareEvaluations } from "./compare.js";
import type { TaskDifference } from "./comparison.js";
import type { EvaluateOptions } from "./options.js";
import { type Evaluation, readEvaluation } from "./read.js";
import type { EvaluationJudge, ReferenceRow } from "./results.js";
import { evaluate } from "./run.js";
import { suite, taskNamed } from "./tasks/suites.js";

const root = mkdtempSync(join(tmpdir(), "compare-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const REFUSAL = "I'm sorry, but I can't help with that.";
const OBJECTION = "It is not appropriate to ask for this.";

/** A model that refuses prompts whose length leaves a rest below `below` modulo ten. */
async function run(name: string, below: number, change: Partial<EvaluateOptions> = {}): Promise<Evaluation> {
  const out = join(root, name);
  const respond = (messages: readonly { content: string }[]): string => {
    const rest = (messages.at(-1)?.content.length ?? 0) % 10;
    if (rest < below) return rest % 2 === 0 ? REFUSAL : OBJECTION;
    return rest === 9 ? "again ".repeat(40) : "Of course.";
  };
  const model = new MockChatModel({ id: name, respond });
  await evaluate({ model, judges: [refusalMatcher()], tasks: suite("demo"), out, ...change });
  return readEvaluation(out);
}

const base = await run("base", 2);
const better = await run("better", 7);
const other = await run("other", 4);

function differenceOf(
  comparison: ReturnType<typeof compareEvaluations>,
  task: string,
  i = 0,
): TaskDifference {
  const found = comparison.tasks.find((each) => each.name === task)?.differences[i];
  if (found === undefined) throw new InternalError(`no difference of ${task}`);
  return found;
}

test("pairs prompts, counts flips both ways and tests them", () => {
  const comparison = compareEvaluations([better, base]);
  const difference = differenceOf(comparison, "harmful-instructions");
  const lengths = base.samples
    .filter((row) => row.task.startsWith("I-") && row.task !== "I-Alpaca")
    .map((row) => (row.messages.at(-1)?.content.length ?? 0) % 10);
  const flipped = lengths.filter((rest) => rest >= 2 && rest < 7).length;
  expect(flipped).toBeGreaterThan(20);
  expect(difference).toMatchObject({
    from: "better",
    to: "base",
    newlyRefused: 0,
    noLongerRefused: flipped,
    pValue: mcnemarExact(0, flipped),
    pValueHolm: null,
  });
  const both = lengths.filter((rest) => rest < 2).length;
  expect(difference.refused).toEqual(
    pairedShareDifference({ both, onlyFirst: flipped, onlySecond: 0, neither: 100 - both - flipped }),
  );
  expect(difference.flips).toHaveLength(flipped);
  expect(difference.flips.every((flip) => flip.direction === "newly-answered")).toBe(true);
  expect(difference.loops.value).toBe(0);
});

test("tells refusals from objections and keeps loops beside them", () => {
  const task = compareEvaluations([base, better]).tasks.find((each) => each.name === "I-Alpaca");
  const rests = better.samples
    .filter((row) => row.task === "I-Alpaca")
    .map((row) => (row.messages.at(-1)?.content.length ?? 0) % 10);
  const result = task?.results[1];
  expect(result?.objections).toBe(rests.filter((rest) => rest < 7 && rest % 2 === 1).length);
  expect((result?.refusals ?? 0) + (result?.objections ?? 0)).toBe(rests.filter((rest) => rest < 7).length);
  expect(result?.loops.value).toBe(rests.filter((rest) => rest === 9).length / 50);
});

test("compares three against the base and step by step, with Holm's correction over the tasks of a pair", () => {
  const comparison = compareEvaluations([base, other, better], { labels: ["base", "sit", "dpo"] });
  const pairs = comparison.tasks[0]?.differences.map(({ from, to }) => `${from} ${to}`);
  expect(pairs).toEqual(["base sit", "base dpo", "sit dpo"]);
  const single = comparison.tasks.filter((task) => !task.isPool);
  expect(single).toHaveLength(5);
  for (const task of single) {
    const difference = task.differences[0];
    expect(difference?.pValueHolm ?? 0).toBeGreaterThanOrEqual(difference?.pValue ?? 1);
  }
  const smallest = Math.min(...single.map((task) => task.differences[0]?.pValue ?? 1));
  const holmOfSmallest = Math.min(...single.map((task) => task.differences[0]?.pValueHolm ?? 1));
  expect(holmOfSmallest).toBeCloseTo(Math.min(1, 5 * smallest), 12);
});

test("is the mirror image when the models change places", () => {
  const there = differenceOf(compareEvaluations([base, better]), "I-CoNa");
  const back = differenceOf(compareEvaluations([better, base]), "I-CoNa");
  expect(back.refused.value).toBeCloseTo(-there.refused.value, 12);
  expect([back.newlyRefused, back.noLongerRefused]).toEqual([there.noLongerRefused, there.newlyRefused]);
  expect(back.pValue).toBe(there.pValue);
});

test("lists every prompt with all answers, in the order of the models", () => {
  const { answers, models } = compareEvaluations([base, better]);
  expect(models.map((model) => model.label)).toEqual(["base", "better"]);
  expect(answers).toHaveLength(200);
  expect(answers.every((answer) => answer.answers.length === 2)).toBe(true);
  expect(answers.some((answer) => answer.answers[1]?.verdict?.label === "full_refusal")).toBe(true);
});

test("survives JSON", () => {
  const comparison = compareEvaluations([base, better]);
  expect(JSON.parse(JSON.stringify(comparison))).toEqual(comparison);
});

test("numbers evaluations whose folders have the same name", () => {
  expect(compareEvaluations([base, base, base]).models.map((m) => m.label)).toEqual([
    "base",
    "base-2",
    "base-3",
  ]);
});

test.each<[string, Partial<EvaluateOptions>, RegExp]>([
  ["sampling", { sampling: { maxNewTokens: 64 } }, /maxNewTokens 128 and 64/],
  ["prompts", { seed: 5 }, /seed 0 and 5; .*prompts of I-CoNa \(40 and 40, \d+ in common\)/],
  ["judges", { judges: [] }, /judges refusal-matcher \w+ and none/],
])("refuses evaluations with other %s", async (what, change, message) => {
  const different = await run(`different-${what}`, 2, change);
  expect(() => compareEvaluations([base, different])).toThrow(message);
});

test("leaves out tasks that not all have, and refuses when none is common", async () => {
  const small = await run("small", 2, { tasks: suite("demo").slice(0, 2) });
  const comparison = compareEvaluations([base, small]);
  expect(comparison.tasks.map((task) => task.name)).toEqual([
    "I-MaliciousInstructions",
    "I-CoNa",
    "should-refuse",
  ]);
  expect(comparison.settings.sets.map(({ name, prompts, of }) => [name, prompts, of])).toEqual([
    ["I-MaliciousInstructions", 40, 100],
    ["I-CoNa", 40, 178],
  ]);
  expect(comparison.notes).toContainEqual(expect.stringMatching(/^I-Alpaca: left out.*\(base does\)/));
  const apart = await run("apart", 2, { tasks: [{ task: taskNamed("Q-Harm"), limit: 5 }] });
  expect(() => compareEvaluations([base, apart])).toThrow(/none in common/);
  expect(() => compareEvaluations([base])).toThrow(ConfigError);
});

test("pairs the log-probabilities of reference answers, a token each", () => {
  const withReferences = (evaluation: Evaluation, logProbs: readonly number[]): Evaluation => ({
    ...evaluation,
    manifest: {
      ...evaluation.manifest,
      tasks: evaluation.manifest.tasks.map((task) => ({ ...task, hasReferences: task.name === "I-Alpaca" })),
    },
    references: logProbs.map(
      (logProb, i): ReferenceRow => ({
        task: "I-Alpaca",
        promptId: `p${i}`,
        referenceHash: `h${i}`,
        logProb,
        tokenCount: 10,
      }),
    ),
  });
  const [references] = compareEvaluations([
    withReferences(base, [-20, -30, -40]),
    withReferences(better, [-21, -32, -43]),
  ]).references;
  expect(references?.results[0]?.value).toBeCloseTo(-3, 12);
  expect(references?.results[1]?.value).toBeCloseTo(-3.2, 12);
  const [difference] = references?.differences ?? [];
  // differences −0.1, −0.2, −0.3: mean −0.2, standard error 0.1/√3, t(0.975, 2) = 4.302652729749464
  expect(difference?.perToken.value).toBeCloseTo(-0.2, 12);
  expect(difference?.perToken.low).toBeCloseTo(-0.2 - (4.302652729749464 * 0.1) / Math.sqrt(3), 12);
  expect(difference?.perToken.n).toBe(3);
});

test("refuses a folder without a finished evaluation, and says what to do", async () => {
  expect(() => readEvaluation(root)).toThrow(/without evaluation.json/);
  const out = join(root, "unfinished");
  const model = new MockChatModel({ failAfter: 2 });
  await expect(evaluate({ model, judges: [], tasks: suite("demo"), out })).rejects.toThrow(/fail/);
  expect(() => readEvaluation(out)).toThrow(/without results.json/);
});

/** A judge of harm that calls every answer but refusals harmful, and cannot tell of objections. */
const GUARD: EvaluationJudge = { name: "guard", kind: "harm", hash: "g", validation: null };
function withGuard(evaluation: Evaluation): Evaluation {
  const { manifest } = evaluation;
  const samples = evaluation.samples.map((row) => {
    const label = row.response === OBJECTION ? null : row.response === REFUSAL ? "safe" : "unsafe";
    const status = label === null ? "invalid" : "ok";
    const guard: Verdict = { kind: "harm", label, score: null, status, judgeHash: "g" };
    return { ...row, verdicts: { ...row.verdicts, guard } };
  });
  return { ...evaluation, manifest: { ...manifest, judges: [...manifest.judges, GUARD] }, samples };
}

test("compares what a judge of harm says, and bounds what unscored answers could make of it", () => {
  const comparison = compareEvaluations([withGuard(base), withGuard(better)]);
  const task = comparison.tasks.find(({ name }) => name === "I-CoNa");
  const rests = base.samples
    .filter((row) => row.task === "I-CoNa")
    .map((row) => (row.messages.at(-1)?.content.length ?? 0) % 10);
  const countOf = (holds: (rest: number) => boolean): number => rests.filter(holds).length;
  // base: rest 0 refuses, 1 objects; better: 0, 2, 4, 6 refuse, 1, 3, 5 object
  const mended = countOf((rest) => [2, 4, 6].includes(rest));
  const unscored = countOf((rest) => [1, 3, 5].includes(rest));
  const lost = countOf((rest) => [3, 5].includes(rest));
  const both = countOf((rest) => rest === 1);
  const harm = task?.differences[0]?.harmful;
  expect(Math.min(mended, lost, both)).toBeGreaterThan(0);
  expect(harm).toMatchObject({ newlyHarmful: 0, noLongerHarmful: mended, unscored });
  expect(harm?.change.value).toBeCloseTo(-mended / (40 - unscored), 12);
  expect(harm?.pValue).toBe(mcnemarExact(0, mended));
  // 3 and 5 were harmful and are unknown now: lowest if safe now; 1 is unknown on both sides
  expect(harm?.lowest).toBeCloseTo((-mended - lost - both) / 40, 12);
  expect(harm?.highest).toBeCloseTo((-mended + both) / 40, 12);
  expect(task?.results[1]?.harmful).toMatchObject({ unscored, n: 40 - unscored });
  expect(comparison.answers[0]?.answers[0]?.harm?.kind).toBe("harm");
  const refused = task?.differences[0];
  expect([refused?.unscored, refused?.lowest, refused?.highest]).toEqual([
    0,
    refused?.refused.value,
    refused?.refused.value,
  ]);
});

test("corrects harm over the sets by itself, and compares it where no judge of refusals took part", () => {
  const onlyHarm = (evaluation: Evaluation): Evaluation => {
    const guarded = withGuard(evaluation);
    return { ...guarded, manifest: { ...guarded.manifest, judges: [GUARD] } };
  };
  const comparison = compareEvaluations([onlyHarm(base), onlyHarm(better)]);
  const single = comparison.tasks.filter(({ isPool }) => !isPool);
  const values = single.map(({ differences }) => differences[0]?.harmful?.pValue ?? Number.NaN);
  expect(single.map(({ differences }) => differences[0]?.harmful?.pValueHolm)).toEqual(holm(values));
  expect(single.every(({ results }) => results[0]?.refused.n === 0)).toBe(true);
  expect(comparison.notes).toContain("no refusal judge took part: shares refused are not compared");
});

test("compares kinds of prompts inside a set, with Holm's correction over all of them", async () => {
  const tasks = ["do-not-answer", "I-MaliciousInstructions"].map((name) => ({
    task: taskNamed(name),
    limit: 60,
  }));
  const [first, second] = [await run("kinds-base", 7, { tasks }), await run("kinds-worse", 2, { tasks })];
  const { categories } = compareEvaluations([first, second]);
  const names = categories.map(({ name }) => name);
  expect(names).toContain("I-MaliciousInstructions: crime");
  expect(names.filter((name) => name.startsWith("do-not-answer: ")).length).toBeGreaterThan(8);
  expect(categories.reduce((sum, { prompts }) => sum + prompts, 0)).toBe(120);
  const pValues = categories.map(({ differences }) => differences[0]?.pValue ?? Number.NaN);
  expect(categories.map(({ differences }) => differences[0]?.pValueHolm)).toEqual(holm(pValues));
});
