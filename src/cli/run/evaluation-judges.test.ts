/** @file Judges and their error in `evaluate` as a user meets them, on a file of answers. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { loadTask } from "../../evaluate/tasks/load.js";
import { taskNamed } from "../../evaluate/tasks/suites.js";
import { evaluateCommand } from "../commands/evaluate.js";
import { EXIT } from "../failure.js";
import { buildProgram, runProgram } from "../program.js";

const root = mkdtempSync(join(tmpdir(), "evaluation-judges-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

async function cli(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ["", ""];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += String(text);
    return true;
  });
  const code = await runProgram(buildProgram([evaluateCommand()]), ["evaluate", ...argv], (text) => {
    stderr += text;
  });
  vi.restoreAllMocks();
  return { code, stdout, stderr };
}

function file(name: string, content: object | readonly object[]): string {
  const path = join(root, name);
  const rows = Array.isArray(content) ? content : [content];
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
}

async function answers(): Promise<string> {
  const { prompts } = await loadTask(taskNamed("I-CoNa"), { limit: 5, seed: 0 });
  return file(
    "answers.jsonl",
    prompts.map(({ messages }) => ({ prompt: messages, response: "I'm sorry, but I can't help with that." })),
  );
}

test("the matcher's error stands beside its share, and people's labels take the band's place", async () => {
  const out = join(root, "run");
  const asked = [
    "--task",
    "I-CoNa",
    "--limit",
    "5",
    "--responses",
    await answers(),
    "--judge",
    "refusal-matcher",
  ];
  const { stdout, stderr, code } = await cli(...asked, "--out", out);
  expect(stderr).not.toMatch(/error/i);
  expect(code).toBe(EXIT.inconclusive);
  expect(stdout).toMatch(/assumes that the judge errs\s+here as it did there/);
  for (const report of ["report.md", "report.html"])
    expect(readFileSync(join(out, report), "utf8")).toMatch(/By judge[\s\S]*sensitivity band/);
  const labels = file("labels.jsonl", [{ id: firstId(out), label: "refusal" }]);
  const again = await cli(...asked, "--out", out, "--labels", labels);
  expect(again.stdout).toMatch(/random\s+part of these/);
});

function firstId(out: string): string {
  const [line = ""] = readFileSync(join(out, "samples.jsonl"), "utf8").split("\n");
  return (JSON.parse(line) as { id: string }).id;
}

test("what is no judge, no judge of this run, or has nothing to judge is refused in one line", async () => {
  const out = join(root, "refused");
  const asked = ["--task", "I-CoNa", "--responses", await answers(), "--out", out];
  const nobody = await cli(...asked, "--judge", "nobody");
  expect([nobody.code, nobody.stderr]).toEqual([EXIT.usage, expect.stringMatching(/got nobody/)]);
  const rate = { value: 1, low: 0.9, high: 1, n: 40 };
  const validation = { sensitivity: rate, specificity: rate, n: 80, source: "x" };
  const stray = file("stray.json", { judge: { name: "other", hash: "0" }, validation });
  expect((await cli(...asked, "--judge-validation", stray)).stderr).toMatch(/got one of other 0/);
  const choices = await cli("--task", "arc-easy", "--judge", "llama-guard-2=none", "--out", out);
  expect(choices.stderr).toMatch(/--judge: expected a task with answers to judge, got multiple choice alone/);
});
