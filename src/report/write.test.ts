import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConfigError, DatasetError } from "../core/errors.js";
import { EVALUATION_SCHEMA_VERSION, type EvaluationResults, type SampleRow } from "../evaluate/results.js";
import { wilson } from "../stats/intervals.js";
import { fixtureComparison } from "./fixture.test-data.js";
import { writeComparisonReport, writeEvaluationReport } from "./write.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "report-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("a comparison becomes a page, Markdown and its data", async () => {
  const comparison = fixtureComparison(4);
  const report = await writeComparisonReport(comparison, join(dir, "new"), "2026-11-24");
  expect(report.verdict.decision).toBe("inconclusive");
  const read = (name: string): string => readFileSync(join(dir, "new", name), "utf8");
  expect(JSON.parse(read("comparison.json"))).toEqual(JSON.parse(JSON.stringify(comparison)));
  expect(read("report.html")).toMatch(/^<!doctype html>/);
  expect(read("report.html")).toContain("2026-11-24");
  expect(read("report.md")).toMatch(/^# smollm2-135m-instruct: base, sit, dpo/);
});

test("an evaluation folder becomes a page with its own numbers and answers", async () => {
  writeEvaluation();
  const report = await writeEvaluationReport(dir, "2026-11-24");
  const { document } = parseHTML(readFileSync(join(dir, "report.html"), "utf8"));
  expect(document.querySelectorAll(".answers details")).toHaveLength(3);
  expect(document.querySelector("#differences")).toBeNull();
  expect(report.sets.map(({ name, isPool }) => [name, isPool])).toEqual([["I-CoNa", false]]);
  expect(report.sets[0]?.results[0]).toMatchObject({ refusals: 1, objections: 1, unscored: 1 });
  expect(report.answers.map(({ answers }) => answers[0]?.words)).toEqual(["refused", "objected", "unscored"]);
  expect(report.answers.map(({ answers }) => answers[0]?.isLoop)).toEqual([false, false, true]);
  expect(report.pooled[0]?.harmful?.value).toBe(1);
  expect(report.level).toBe(0.95);
  expect(report.settings).toContainEqual({ name: "Prompts", value: "3 of 178 in 1 set" });
});

test("a line that does not parse is an error", async () => {
  writeEvaluation();
  writeFileSync(join(dir, "samples.jsonl"), `{"id": "cut\n`);
  await expect(writeEvaluationReport(dir)).rejects.toThrow(DatasetError);
});

test("a folder without a finished evaluation is refused", async () => {
  await expect(writeEvaluationReport(dir)).rejects.toThrow(ConfigError);
});

function writeEvaluation(): void {
  const { settings, judges } = fixtureComparison(1);
  const results: EvaluationResults = {
    schemaVersion: EVALUATION_SCHEMA_VERSION,
    target: { model: "tiny", adapter: null, strength: null, template: "chat", endpoint: null },
    hashes: { model: "m", sampling: "s", tasks: "t", judges: {} },
    settings: { ...settings, judges, pools: [], sets: [SET] },
    tasks: [{ ...ROW, metric: "refused", judge: "refusal-matcher", ...wilson(2, 2) }],
    verdict: { decision: "inconclusive", reasons: ["no judge may decide"], policy: null },
    notes: [],
  };
  const asked = { target: results.target, modelHash: "m", sampling: {}, tasks: [], judges: [] };
  writeFileSync(join(dir, "evaluation.json"), JSON.stringify(asked));
  writeFileSync(join(dir, "results.json"), JSON.stringify(results));
  const rows = [sample(1, "ok", "refusal: x"), sample(2, "ok", "objection: y"), sample(3, "invalid")];
  writeFileSync(join(dir, "samples.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

const SET: EvaluationResults["settings"]["sets"][number] = {
  name: "I-CoNa",
  dataset: "I-CoNa",
  expectation: "should-refuse",
  prompts: 3,
  of: 178,
  promptsHash: "p",
  hasReferences: false,
};

const ROW = { name: "I-CoNa", unscored: 1, worstCase: 2 / 3, bestCase: 1, truncated: 0 };

function sample(number: number, status: "ok" | "invalid", detail?: string): SampleRow {
  const base = { kind: "refusal", score: null, judgeHash: "h" } as const;
  return {
    id: `I-CoNa/${number}#0`,
    task: "I-CoNa",
    promptId: `${number}`,
    promptHash: "",
    messages: [{ role: "user", content: "prompt" }],
    sample: 0,
    response: "answer",
    tokenCount: 1,
    finishReason: "stop",
    seed: 0,
    verdicts: {
      "refusal-matcher": {
        ...base,
        status,
        label: status === "ok" ? "full_refusal" : null,
        ...(detail && { detail }),
      },
      loops: { kind: "metric", label: null, score: number === 3 ? 1 : 0, status: "ok", judgeHash: "l" },
    },
  };
}
