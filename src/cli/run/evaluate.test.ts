import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { MockChatModel } from "../../text/mock-chat-model.js";
import type { EvaluateFlags } from "../command-options.js";
import { compareCommand } from "../commands/compare.js";
import { evaluateCommand } from "../commands/evaluate.js";
import { EXIT } from "../failure.js";
import { buildProgram, runProgram } from "../program.js";
import { evaluateModel, selectTasks, withSuiteSettings } from "./evaluate.js";

const root = mkdtempSync(join(tmpdir(), "evaluate-cli-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** The options that a command line gives, without running the command. */
async function parse(...argv: string[]): Promise<EvaluateFlags> {
  let options: EvaluateFlags | undefined;
  const command = evaluateCommand().action((given: EvaluateFlags) => {
    options = given;
  });
  await command.exitOverride().parseAsync(argv, { from: "user" });
  return options as EvaluateFlags;
}

async function cli(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ["", ""];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += String(text);
    return true;
  });
  const program = buildProgram([evaluateCommand(), compareCommand()]);
  const code = await runProgram(program, argv, (text) => {
    stderr += text;
  });
  return { code, stdout, stderr };
}

async function evaluated(name: string, answer: string): Promise<string> {
  const out = join(root, name);
  const flags = await parse("--suite", "demo", "--limit", "5", "--out", out, "--json");
  const options = { ...flags, adapterStrength: 1 };
  await evaluateModel(new MockChatModel({ id: name, respond: () => answer }), selectTasks(options), options);
  return out;
}

test("is greedy with 128 new tokens and no penalty unless told otherwise", async () => {
  const options = await parse("--out", "x");
  expect(options).toMatchObject({ maxNewTokens: 128, temperature: 0, frequencyPenalty: 0, seed: 0 });
  expect(selectTasks(options).map(({ task }) => task.name)).toContain("xstest-unsafe");
  expect(options.resume).not.toBe(false);
  expect((await parse("--out", "x", "--no-resume")).resume).toBe(false);
});

test("paper-exact draws answers as the paper did, and refuses a flag that says otherwise", async () => {
  const options = await parse("--suite", "paper-exact", "--out", "x");
  const exact = { template: "alpaca", maxNewTokens: 120, temperature: 0, frequencyPenalty: 1 };
  expect(withSuiteSettings(options, () => false)).toMatchObject(exact);
  const paper = await parse("--suite", "paper", "--out", "x");
  expect(withSuiteSettings(paper, () => false)).toBe(paper);
  const refused = ["evaluate", "--suite", "paper-exact", "--out", "x"];
  const longer = await cli(...refused, "--max-new-tokens", "256");
  expect([longer.code, longer.stderr]).toEqual([
    EXIT.usage,
    expect.stringMatching(/--suite paper-exact: expected its own maxNewTokens 120, got 256/),
  ]);
  const server = await cli(...refused, "--endpoint", "http://localhost:1", "--endpoint-model", "m");
  expect([server.code, server.stderr]).toEqual([EXIT.usage, expect.stringMatching(/got --endpoint/)]);
});

test("records how weights are held: f32 unless told otherwise", async () => {
  expect((await parse("--out", "x")).weights).toBe("f32");
  expect((await parse("--out", "x", "--weights", "int4")).weights).toBe("int4");
  expect((await cli("evaluate", "--out", "x", "--weights", "int3")).code).toBe(EXIT.usage);
  const manifest = JSON.parse(
    readFileSync(join(await evaluated("held", "Sure."), "evaluation.json"), "utf8"),
  );
  expect(manifest.target.weights).toBe("f32");
});

test("takes several tasks, but not beside a suite", async () => {
  const options = await parse("--task", "I-CoNa", "--task", "Q-Harm", "--out", "x");
  expect(selectTasks(options).map(({ task }) => task.name)).toEqual(["I-CoNa", "Q-Harm"]);
  const both = await cli("evaluate", "--task", "I-CoNa", "--suite", "demo", "--out", "x");
  expect([both.code, both.stderr]).toEqual([EXIT.usage, expect.stringMatching(/cannot be used with/)]);
  const unknown = await cli("evaluate", "--task", "I-Cona", "--out", "x");
  expect([unknown.code, unknown.stderr]).toEqual([
    EXIT.usage,
    expect.stringMatching(/hint: give a YAML file of your own, or one of .*I-CoNa/),
  ]);
});

test("records what the flags named as the target", async () => {
  const out = await evaluated("target", "Of course.");
  const { target, settings } = JSON.parse(readFileSync(join(out, "results.json"), "utf8"));
  expect(target).toMatchObject({ adapter: null, strength: null, template: "chat", endpoint: null });
  expect([settings.limit, settings.sets.length]).toEqual([5, 5]);
});

test("compares folders into data, pages and a table, and prints numbers without answers as JSON", async () => {
  const base = await evaluated("base", "Of course.");
  const tuned = await evaluated("tuned", "I'm sorry, but I can't help with that.");
  const out = join(root, "comparison");
  const table = await cli("compare", base, tuned, "--out", out);
  expect([table.code, table.stderr]).toEqual([EXIT.done, ""]);
  expect(table.stdout).toMatch(/base → tuned +\+100\.0/);
  for (const file of ["comparison.json", "report.html", "report.md"])
    expect(existsSync(join(out, file))).toBe(true);
  const json = await cli("compare", base, tuned, "--label", "a", "--label", "b", "--out", out, "--json");
  const printed = JSON.parse(json.stdout);
  expect(printed.models.map((model: { label: string }) => model.label)).toEqual(["a", "b"]);
  expect(printed).not.toHaveProperty("answers");
  const pooled = printed.tasks.find((task: { name: string }) => task.name === "harmful-instructions");
  // 15 prompts newly refused and none back: 2 / 2^15
  expect(pooled.differences[0]).toMatchObject({ newlyRefused: 15, noLongerRefused: 0 });
  expect(pooled.differences[0].pValue).toBeCloseTo(2 / 2 ** 15, 15);
});

test("refuses one folder, or one without an evaluation", async () => {
  const base = await evaluated("alone", "Of course.");
  const one = await cli("compare", base, "--out", join(root, "none"));
  expect([one.code, one.stderr]).toEqual([
    EXIT.usage,
    expect.stringMatching(/at least two evaluations, got 1/),
  ]);
  const empty = await cli("compare", base, root, "--out", join(root, "none"));
  expect([empty.code, empty.stderr]).toEqual([EXIT.usage, expect.stringMatching(/without evaluation.json/)]);
  expect(existsSync(join(root, "none"))).toBe(false);
});
