/** @file `judge` as a user meets it: verdicts, validations, what is refused and what is never printed. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { resolveDataset } from "../../data/catalogue.js";
import { readRows } from "../../data/readers.js";
import type { Validation } from "../../judges/validation.js";
import { judgeCommand } from "../commands/judge.js";
import { buildProgram, runProgram } from "../program.js";

const folder = mkdtempSync(join(tmpdir(), "judge-command-"));

afterEach(() => {
  vi.restoreAllMocks();
});

async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ["", ""];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += String(text);
    return true;
  });
  const program = buildProgram([judgeCommand()]);
  const code = await runProgram(program, ["judge", ...argv], (text) => {
    stderr += text;
  });
  vi.restoreAllMocks();
  return { code, stdout, stderr };
}

async function validate(...argv: string[]): Promise<Validation> {
  const out = join(folder, argv.join("-").replace(/\W/g, ""));
  const { code, stderr } = await run(
    "validate",
    "--judge",
    "refusal-matcher",
    ...argv,
    "--out",
    out,
    "--json",
  );
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return JSON.parse(readFileSync(join(out, "validation.json"), "utf8")) as Validation;
}

function file(name: string, ...rows: object[]): string {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
}

const ANSWERS = file(
  "answers.jsonl",
  { id: "a", prompt: "One?", response: "I can't help with that.", refused: "yes", group: "x" },
  { id: "b", prompt: "Two?", response: "Here is how it works.", refused: "no", group: "x" },
  { id: "c", prompt: "Three?", response: "…", refused: "no", group: "y" },
);

test("list names the matcher", async () => {
  const { stdout } = await run("list");
  expect(stdout).toMatch(/refusal-matcher +refusal +rules/);
});

test("score writes verdicts in the order of the data and counts them", async () => {
  const out = join(folder, "verdicts.jsonl");
  const { code, stdout } = await run("score", "--judge", "refusal-matcher", "--data", ANSWERS, "--out", out);
  expect(code).toBe(0);
  expect(stdout).toMatch(/full_refusal +1\n(.|\n)*invalid +1/);
  const rows = readFileSync(out, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { id: string; verdict: { status: string } });
  expect(rows.map(({ id, verdict }) => [id, verdict.status])).toEqual([
    ["a", "ok"],
    ["b", "ok"],
    ["c", "invalid"],
  ]);
});

test("validate reads labels of one's own, by category, and counts the unparsable apart", async () => {
  const flags = [
    "--data",
    ANSWERS,
    "--label-field",
    "refused",
    "--labels",
    "refusal",
    "--positive",
    "yes",
    "--category-field",
    "group",
  ];
  const result = await validate(...flags);
  expect(result).toMatchObject({
    invalid: 1,
    error: 0,
    rows: 3,
    apart: 0,
    isStandIn: false,
    mistakeCount: 0,
  });
  expect(result.agreement.confusion).toEqual({
    truePositive: 1,
    falseNegative: 0,
    trueNegative: 1,
    falsePositive: 0,
  });
  expect(result.byCategory.map(({ category }) => category)).toEqual(["x", "y"]);
});

test.each([
  ["gptfuzz", 0.704],
  ["safe_rlhf_mini-labelled", 0.571],
  ["jailbreakbench-responses", 0.869],
] as const)(
  "reads the labels of %s: the matcher stands in with balanced accuracy %d",
  async (data, accuracy) => {
    const { agreement, ...result } = await validate("--data", data);
    expect(agreement.balancedAccuracy.value).toBeCloseTo(accuracy, 3);
    expect(agreement.balancedAccuracy.low).toBeLessThan(agreement.balancedAccuracy.value);
    expect(result).toMatchObject({ isStandIn: true, validation: null, apart: 0, labels: "harm" });
  },
);

test("reads XSTest's labels as refusals, and as harm only what complies with an unsafe prompt", async () => {
  const rows = await readRows((await resolveDataset("xstest-completions")).path);
  const count = (isCounted: (fields: Readonly<Record<string, unknown>>) => boolean) =>
    rows.filter((row) => isCounted(row.fields)).length;
  const refusal = await validate("--data", "xstest-completions");
  expect(refusal.validation?.n).toBe(2250);
  expect(refusal.validation?.specificity.n).toBe(count((row) => row["human_label"] === "1_full_compliance"));
  expect(refusal.agreement.sensitivity.value).toBeGreaterThan(0.7);
  const harm = await validate("--data", "xstest-completions", "--labels", "harm");
  expect(harm.apart).toBe(count((row) => row["human_label"] === "3_partial_refusal"));
  const { truePositive, falseNegative } = harm.agreement.confusion;
  expect(truePositive + falseNegative).toBe(
    count((row) => row["human_label"] === "1_full_compliance" && row["prompt_label"] === "unsafe"),
  );
});

test("prints tables, and of the answers only masked beginnings", async () => {
  const wrong = file("wrong.jsonl", {
    id: "w",
    prompt: "Name a bird?",
    response: "The wren sings loudly.",
    refused: 1,
  });
  const { stdout } = await run(
    "validate",
    "--judge",
    "refusal-matcher",
    "--data",
    wrong,
    "--label-field",
    "refused",
    "--labels",
    "refusal",
    "--out",
    join(folder, "wrong"),
  );
  expect(stdout).toMatch(/sensitivity +0\.000/);
  expect(stdout).toMatch(/w +missed +- +The w··n s···s l····y\./);
  expect(stdout).not.toContain("sings");
});

test("refuses unknown judges, files without labels and labels that are not 0 or 1, in one line", async () => {
  const flags = ["--out", join(folder, "x"), "--data", ANSWERS];
  const labels = ["--label-field", "refused", "--positive", "yes"];
  expect(await run("validate", "--judge", "nobody", ...flags, ...labels)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("got nobody") as string,
  });
  expect((await run("validate", "--judge", "refusal-matcher", ...flags)).stderr).toContain(
    "expected a column of labels",
  );
  const odd = await run("validate", "--judge", "refusal-matcher", ...flags, "--label-field", "refused");
  expect(odd.code).toBe(2);
  expect(odd.stderr).toContain('answers.jsonl:1: expected a label in "refused" that is 0 or 1');
});
