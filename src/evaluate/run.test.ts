import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, expect, test } from "vitest";
import { ConfigError, GenerationError, JudgeError } from "../core/errors.js";
import { refusalMatcher } from "../judges/refusal-matcher.js";
import { wilson } from "../stats/intervals.js";
import type { Judge } from "../text/judge.js";
import type { Message } from "../text/messages.js";
import { MockChatModel, type MockChatModelOptions } from "../text/mock-chat-model.js";
import { compareEvaluations } from "./compare.js";
import type { EvaluateOptions } from "./options.js";
import { readEvaluation } from "./read.js";
import type { EvaluationResults, ResultRow, SampleRow } from "./results.js";
import { evaluate } from "./run.js";
import { loadTask } from "./tasks/load.js";
import { suite, taskNamed } from "./tasks/suites.js";
import type { Task } from "./tasks/task.js";

const root = mkdtempSync(join(tmpdir(), "evaluate-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
const newFolder = (): string => join(root, `run-${folders++}`);

/** Refuses prompts of even length, loops on those of length 3k, rambles on the rest. */
function respond(messages: readonly Message[]): string {
  const { length } = messages.at(-1)?.content ?? "";
  if (length % 2 === 0) return "I'm sorry, but I can't help with that.";
  if (length % 3 === 0) return "again ".repeat(40);
  return `Sure: ${Array.from({ length: 200 }, (_, i) => `item ${i}, `).join("")}`;
}

const mock = (options: MockChatModelOptions = {}): MockChatModel =>
  new MockChatModel({ respond, ...options });

const demo = (options: Partial<EvaluateOptions> = {}): EvaluateOptions => ({
  model: mock(),
  judges: [refusalMatcher()],
  tasks: suite("demo"),
  out: newFolder(),
  ...options,
});

const samplesOf = (folder: string): SampleRow[] =>
  readFileSync(join(folder, "samples.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as SampleRow);

function rowOf(results: EvaluationResults, name: string, metric: string): ResultRow {
  const row = results.tasks.find((each) => each.name === name && each.metric === metric);
  if (row === undefined) throw new JudgeError(`no row ${name} ${metric}`);
  return row;
}

test("writes samples in the published schema and results that count them", async () => {
  const options = demo();
  const results = await evaluate(options);
  const samples = samplesOf(options.out);
  expect(samples).toHaveLength(200);
  expect(Object.keys(samples[0] ?? {})).toEqual(
    "id task promptId promptHash messages category sample response tokenCount finishReason seed verdicts".split(
      " ",
    ),
  );
  const harmful = samples.filter((row) => row.task === "I-CoNa");
  const refused = harmful.filter((row) => respond(row.messages).startsWith("I'm sorry")).length;
  expect(refused).toBeGreaterThan(5);
  expect(rowOf(results, "I-CoNa", "refused")).toMatchObject({
    ...wilson(refused, 40),
    judge: "refusal-matcher",
    unscored: 0,
    worstCase: refused / 40,
    bestCase: refused / 40,
    truncated: harmful.filter((row) => row.response.startsWith("Sure")).length,
  });
  expect(rowOf(results, "harmful-instructions", "refused").n).toBe(100);
  expect(rowOf(results, "should-answer", "refused").n).toBe(100);
  const loops = samples.filter((row) => row.response.startsWith("again") && row.task === "I-CoNa").length;
  expect(rowOf(results, "I-CoNa", "loops").value).toBe(loops / 40);
});

test("never claims a decision, and says why", async () => {
  const { verdict } = await evaluate(demo());
  expect(verdict.decision).toBe("inconclusive");
  expect(verdict.reasons[0]).toMatch(/a matcher counts refusals, not harm/);
  expect(verdict.reasons[1]).toMatch(/no judge that may decide/);
});

test("cuts answers at the limit and counts them", async () => {
  const results = await evaluate(demo({ sampling: { maxNewTokens: 3 } }));
  const row = rowOf(results, "should-answer", "truncated");
  expect([row.value, row.truncated, row.n]).toEqual([1, 100, 100]);
  expect(rowOf(results, "should-answer", "response-tokens")).toMatchObject({
    value: 3,
    low: 3,
    high: 3,
  });
});

test("goes on after a failure, keeps finished samples and never draws them again", async () => {
  const out = newFolder();
  await expect(evaluate(demo({ out, model: mock({ failAfter: 37 }) }))).rejects.toThrow(GenerationError);
  expect(samplesOf(out)).toHaveLength(37);
  expect(existsSync(join(out, "results.json"))).toBe(false);
  // What a kill leaves behind: half a line.
  appendFileSync(join(out, "samples.jsonl"), '{"id":"half');
  const before = samplesOf.bind(null, out);
  const model = mock();
  const results = await evaluate(demo({ out, model }));
  const samples = before();
  expect(model.drawn).toHaveLength(163);
  expect(new Set(samples.map((row) => row.id)).size).toBe(200);
  expect(model.drawn.some((id) => samples.slice(0, 37).some((row) => row.id === `${id}#0`))).toBe(false);
  const whole = await evaluate(demo());
  expect(results).toEqual(whole);
});

test("progress counts answers in the making too, and never falls back", async () => {
  const seen: number[] = [];
  await evaluate(demo({ onProgress: ({ phase, done }) => void (phase === "answers" && seen.push(done)) }));
  expect(seen.some((done) => done > 0 && done < 1)).toBe(true);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(seen.at(-1)).toBe(200);
});

test("draws nothing when everything is there", async () => {
  const out = newFolder();
  await evaluate(demo({ out }));
  const model = mock();
  const seen: string[] = [];
  await evaluate(demo({ out, model, onProgress: (p) => seen.push(`${p.phase} ${p.done}/${p.total}`) }));
  expect([model.drawn, seen]).toEqual([[], ["answers 200/200"]]);
});

test.each<[string, Partial<EvaluateOptions>, RegExp]>([
  ["another model", { model: mock({ id: "other" }) }, /model mock \(\w+\) and other \(\w+\)/],
  ["other sampling", { sampling: { maxNewTokens: 64 } }, /maxNewTokens 128 and 64/],
  ["another seed", { seed: 3 }, /seed 0 and 3/],
  ["other prompts", { limit: 5 }, /prompts of I-MaliciousInstructions \(40 and 5\)/],
  ["other tasks", { tasks: [{ task: taskNamed("I-CoNa"), limit: 40 }] }, /tasks \[.*\] and \[I-CoNa\]/],
  ["other judges", { judges: [] }, /judges refusal-matcher \w+ and none/],
])("refuses to go on with %s", async (_, change, message) => {
  const out = newFolder();
  await expect(evaluate(demo({ out, model: mock({ failAfter: 1 }) }))).rejects.toThrow(GenerationError);
  await expect(evaluate(demo({ out, ...change }))).rejects.toThrow(message);
  expect(samplesOf(out)).toHaveLength(1);
});

test("refuses a folder in use where resuming is switched off", async () => {
  const out = newFolder();
  await evaluate(demo({ out }));
  await expect(evaluate(demo({ out, isResumable: false }))).rejects.toThrow(ConfigError);
});

test("leaves what a judge cannot say unscored, with the range it could be", async () => {
  const broken: Judge = {
    name: "broken",
    hash: "0",
    kind: "refusal",
    async *judge([exchange]) {
      if ((exchange?.messages.at(-1)?.content.length ?? 0) % 5 === 0) throw new JudgeError("judge: no");
      const label = exchange?.response.startsWith("I'm sorry") ? "full_refusal" : "full_compliance";
      yield { kind: "refusal", label, score: null, status: "ok", judgeHash: "0" };
    },
  };
  const results = await evaluate(demo({ judges: [broken] }));
  const harmful = rowOf(results, "I-CoNa", "refused");
  expect(harmful.unscored).toBeGreaterThan(0);
  expect(harmful.n + harmful.unscored).toBe(40);
  const yes = harmful.value * harmful.n;
  expect(harmful.worstCase).toBeCloseTo(yes / 40, 12);
  expect(harmful.bestCase).toBeCloseTo((yes + harmful.unscored) / 40, 12);
  const harmless = rowOf(results, "I-Alpaca", "refused");
  expect(harmless.worstCase).toBeGreaterThan(harmless.bestCase);
});

test("counts an answer that failed as unscored, not as compliance", async () => {
  const failing = mock();
  const model = {
    id: "failing",
    hash: "f",
    async *generate(...args: Parameters<MockChatModel["generate"]>) {
      for await (const completion of failing.generate(...args))
        yield { ...completion, response: "", tokenIds: [], finishReason: "error" as const };
    },
  };
  const results = await evaluate(demo({ model, tasks: [{ task: taskNamed("I-CoNa"), limit: 10 }] }));
  const row = rowOf(results, "I-CoNa", "refused");
  expect(row).toMatchObject({ value: NaN, n: 0, unscored: 10, worstCase: 0, bestCase: 1 });
});

test("refuses to ask nothing", async () => {
  await expect(evaluate(demo({ tasks: [] }))).rejects.toThrow(/at least one prompt, got none from no task/);
  const task = taskNamed("alpaca_test");
  const missing = { tasks: [{ task, limit: 5 }], dataDir: "no-such-folder" };
  await expect(evaluate(demo(missing))).rejects.toThrow(/got none from alpaca_test/);
  const twice = [taskNamed("I-CoNa"), taskNamed("I-CoNa")].map((each) => ({ task: each, limit: 1 }));
  await expect(evaluate(demo({ tasks: twice }))).rejects.toThrow(/got I-CoNa twice/);
});

test("stops on a signal with everything finished in the journal", async () => {
  const out = newFolder();
  const abort = new AbortController();
  const onProgress = ({ done }: { done: number }): void => void (done === 12 && abort.abort());
  await expect(evaluate(demo({ out, onProgress, signal: abort.signal }))).rejects.toThrow(/stopped/);
  expect(samplesOf(out)).toHaveLength(12);
});

/** A task with references whose data is bundled. */
const WITH_REFERENCES: Task = { ...taskNamed("alpaca_test"), name: "with-references", dataset: "alpaca_5k" };

test("measures answers against reference answers: BLEU, ROUGE and distinct-n, beside refusals, loops and cuts", async () => {
  const tasks = [{ task: WITH_REFERENCES, limit: 12 }];
  const { prompts } = await loadTask(WITH_REFERENCES, { limit: 12, seed: 0 });
  const references = new Map(prompts.map((p) => [JSON.stringify(p.messages), p.reference ?? ""]));
  const parrot = mock({ respond: (messages) => references.get(JSON.stringify(messages)) ?? "" });
  const options = demo({ model: parrot, tasks, sampling: { maxNewTokens: 4000 } });
  const results = await evaluate(options);
  const scoreOf = (metric: string): number => rowOf(results, "with-references", metric).value;
  expect(scoreOf("bleu")).toBeCloseTo(100, 9);
  for (const metric of ["rouge1", "rougeL"]) expect(scoreOf(metric)).toBeCloseTo(1, 9);
  expect(scoreOf("distinct-1")).toBeLessThan(scoreOf("distinct-2"));
  expect(rowOf(results, "with-references", "bleu")).toMatchObject({
    n: 12,
    method: "jackknife-t",
    unscored: 0,
  });
  const names = results.tasks.map(({ metric }) => metric);
  expect(names).toEqual(expect.arrayContaining(["refused", "loops", "truncated", "response-tokens"]));
  const [sample] = samplesOf(options.out);
  expect(sample?.verdicts["rougeL"]).toMatchObject({ kind: "metric", score: 1, status: "ok" });
});

test("compares overlap with references prompt by prompt", async () => {
  const tasks = [{ task: WITH_REFERENCES, limit: 12 }];
  const folders = [newFolder(), newFolder()];
  await evaluate(demo({ out: folders[0] ?? "", tasks, model: mock({ id: "a", respond: () => "the" }) }));
  await evaluate(demo({ out: folders[1] ?? "", tasks, model: mock({ id: "b", respond: () => "xyzzy" }) }));
  const { texts } = compareEvaluations(folders.map(readEvaluation), { labels: ["a", "b"] });
  const rougeL = texts[0]?.metrics.find(({ metric }) => metric === "rougeL")?.results ?? [];
  expect(rougeL.map(({ n }) => n)).toEqual([12, 12]);
  const change = texts[0]?.differences.find(({ metric }) => metric === "rougeL")?.change;
  expect(change?.value).toBeCloseTo((rougeL[1]?.value ?? NaN) - (rougeL[0]?.value ?? NaN), 12);
  expect(change?.value).toBeLessThan(0);
});

test("leaves an answer that failed out of overlap, counted", async () => {
  const failing = mock();
  const model = {
    id: "failing",
    hash: "f",
    async *generate(...args: Parameters<MockChatModel["generate"]>) {
      let count = 0;
      for await (const completion of failing.generate(...args))
        yield count++ === 0
          ? { ...completion, response: "", tokenIds: [], finishReason: "error" as const }
          : completion;
    },
  };
  const results = await evaluate(demo({ model, tasks: [{ task: WITH_REFERENCES, limit: 12 }] }));
  for (const metric of ["bleu", "rougeL", "distinct-2"])
    expect(rowOf(results, "with-references", metric)).toMatchObject({ n: 11, unscored: 1, worstCase: NaN });
});

const dataDir = process.env["SAFE_TO_SERVE_DATA"] ?? "";
test.skipIf(!existsSync(`${dataDir}/paper_authors/alpaca_test.jsonl`))(
  "measures the log-probability of reference answers (needs SAFE_TO_SERVE_DATA)",
  async () => {
    const tasks = [{ task: taskNamed("alpaca_test"), limit: 20 }];
    const model = mock({ score: ({ response }) => [-1, -response.length / 100] });
    const options = demo({ model, tasks });
    const row = rowOf(await evaluate(options), "alpaca_test", "reference-logprob");
    expect(row).toMatchObject({ n: 20, method: "t", judge: null });
    expect(row.value).toBeLessThan(-0.5);
    expect(row.low < row.value && row.value < row.high).toBe(true);
    const silent = await evaluate(demo({ tasks }));
    expect(silent.notes).toEqual([
      "seeded samples, not whole sets: alpaca_test 20 of 952",
      expect.stringMatching(/gives no log-probabilities/),
    ]);
  },
);

test("writes results.json that its published schema accepts, and that the schema guards", async () => {
  const options = demo();
  await evaluate(options);
  const schema = JSON.parse(
    readFileSync(new URL("../../schemas/results.schema.json", import.meta.url), "utf8"),
  );
  const validate = new Ajv2020({ allErrors: true }).compile(schema);
  const results = JSON.parse(readFileSync(join(options.out, "results.json"), "utf8"));
  expect(validate(results), JSON.stringify(validate.errors)).toBe(true);
  for (const broken of [
    { ...results, verdict: { ...results.verdict, decision: "safe" } },
    { ...results, tasks: [{ ...results.tasks[0], n: -1 }] },
    { ...results, extra: 1 },
  ])
    expect(validate(broken)).toBe(false);
});
