import { existsSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ConfigError } from "../../core/errors.js";
import { hashMessages, loadTask, loadTasks, samplePrompts } from "./load.js";
import { poolsOf, SUITE_NAMES, suite, suiteSettings, TASKS, taskNamed } from "./suites.js";

const NO_DATA = { dataDir: "no-such-folder" };

test("reads every bundled task whole", async () => {
  const sizes: Record<string, number> = {
    "I-MaliciousInstructions": 100,
    "I-CoNa": 178,
    "I-Controversial": 40,
    "I-PhysicalSafetyUnsafe": 100,
    "I-PhysicalSafetySafe": 100,
    "Q-Harm": 100,
    "I-Alpaca": 50,
    "xstest-safe": 250,
    "xstest-unsafe": 200,
    advbench: 520,
    "harmbench-standard": 200,
    jailbreakbench: 100,
    beavertails: 700,
    "do-not-answer": 939,
    "do-not-answer-toxicity": 176,
  };
  for (const [name, size] of Object.entries(sizes)) {
    const { prompts, record } = await loadTask(taskNamed(name), { limit: null, seed: 0 });
    expect([name, prompts.length, record.of]).toEqual([name, size, size]);
    expect(new Set(prompts.map((p) => p.id)).size).toBe(size);
    expect(prompts.every((p) => p.messages.length === 1 && p.hash === hashMessages(p.messages))).toBe(true);
  }
});

test("takes the same sample every time, inside a larger one, in order, by seed", async () => {
  const ids = async (limit: number, seed: number): Promise<string[]> => {
    const { prompts } = await loadTask(taskNamed("xstest-safe"), { limit, seed });
    return prompts.map((p) => p.id);
  };
  const small = await ids(20, 1);
  expect(small).toHaveLength(20);
  expect(await ids(20, 1)).toEqual(small);
  expect(await ids(20, 2)).not.toEqual(small);
  const large = await ids(60, 1);
  expect(large.filter((id) => small.includes(id))).toEqual(small);
  expect([...large].sort()).toEqual(large);
});

test("draws every row about equally often", () => {
  const rows = Array.from({ length: 50 }, (_, i) => ({ id: `row-${i}` }));
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 400; seed++)
    for (const { id } of samplePrompts("t", rows, { limit: 10, seed }))
      counts.set(id, (counts.get(id) ?? 0) + 1);
  // binomial(400, 0.2): mean 80, sd 8
  expect(Math.min(...rows.map(({ id }) => counts.get(id) ?? 0))).toBeGreaterThan(45);
  expect(Math.max(...counts.values())).toBeLessThan(120);
});

test("never samples more than asked, nor a row twice", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { maxLength: 40 }), fc.nat(60), fc.nat(), (ids, limit, seed) => {
      const sample = samplePrompts(
        "t",
        ids.map((id) => ({ id })),
        { limit, seed },
      );
      expect(sample.length).toBe(Math.min(limit, ids.length));
      expect(new Set(sample.map((row) => row.id)).size).toBe(sample.length);
    }),
  );
});

test("leaves out a task whose data set is not there, and says so", async () => {
  const { tasks, notes } = await loadTasks(
    [
      { task: taskNamed("I-Alpaca"), limit: 5 },
      { task: taskNamed("alpaca_test"), limit: 5 },
    ],
    { limit: null, seed: 0, ...NO_DATA },
  );
  expect(tasks.map((t) => [t.record.name, t.record.prompts, t.record.of])).toEqual([["I-Alpaca", 5, 50]]);
  expect(notes).toEqual([expect.stringContaining("alpaca_test: left out")]);
  await expect(loadTask(taskNamed("alpaca_test"), { limit: 5, seed: 0, ...NO_DATA })).rejects.toThrow(
    ConfigError,
  );
});

const dataDir = process.env["SAFE_TO_SERVE_DATA"] ?? "";
test.skipIf(!existsSync(`${dataDir}/paper_authors/alpaca_test.jsonl`))(
  "reads alpaca_test with its references (needs SAFE_TO_SERVE_DATA)",
  async () => {
    const { prompts, record } = await loadTask(taskNamed("alpaca_test"), { limit: 200, seed: 0, dataDir });
    expect([prompts.length, record.of, record.hasReferences]).toEqual([200, 952, true]);
    expect(prompts.every((p) => (p.reference ?? "").length > 0)).toBe(true);
  },
);

test("bundles a demo of 100 harmful prompts over three sets, 50 I-Alpaca and 50 XSTest-safe", () => {
  const demo = suite("demo");
  const sum = (expectation: string): number =>
    demo.filter((s) => s.task.expectation === expectation).reduce((n, s) => n + (s.limit ?? 0), 0);
  expect([sum("should-refuse"), sum("should-answer"), demo.length]).toEqual([100, 100, 5]);
});

test("pools the three harmful sets, and all that should be refused or answered", () => {
  const pools = poolsOf(suite("full").map((s) => s.task));
  expect(pools.map((p) => [p.name, p.tasks.length])).toEqual([
    ["harmful-instructions", 3],
    ["should-refuse", 11],
    ["should-answer", 4],
  ]);
  expect(poolsOf([taskNamed("I-CoNa"), taskNamed("I-Alpaca")])).toEqual([]);
});

test("gives no second pool of the same tasks", () => {
  const pools = poolsOf(suite("demo").map((s) => s.task));
  expect(pools.map((p) => p.name)).toEqual(["harmful-instructions", "should-answer"]);
});

test("refuses unknown suites and tasks by name, with what is known", () => {
  expect(() => suite("everything")).toThrow(
    /safety, helpfulness, paper, paper-exact, quick, demo, full, got everything/,
  );
  expect(() => taskNamed("I-Cona")).toThrow(ConfigError);
  expect(SUITE_NAMES.flatMap((name) => suite(name)).every((s) => TASKS.includes(s.task))).toBe(true);
});

test("paper-exact asks what paper asks, under the paper's own settings", () => {
  expect(suite("paper-exact")).toEqual(suite("paper"));
  expect(suite("paper").map(({ task }) => task.name)).toEqual(
    expect.arrayContaining(["I-CoNa", "I-PhysicalSafetySafe", "Q-Harm", "alpaca_test", "arc-easy", "boolq"]),
  );
  expect(suiteSettings("paper")).toBeNull();
  expect(suiteSettings("paper-exact")).toEqual({
    template: "alpaca",
    maxNewTokens: 120,
    temperature: 0,
    frequencyPenalty: 1,
  });
});
