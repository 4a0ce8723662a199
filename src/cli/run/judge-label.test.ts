/** @file `judge label` as a user meets it: label over the page's own requests, go on, measure agreement, validate a judge. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import type { Validation } from "../../judges/validation.js";
import { judgeCommand } from "../commands/judge.js";
import { buildProgram, runProgram } from "../program.js";

const folder = mkdtempSync(join(tmpdir(), "judge-label-"));
const DATA = join(folder, "answers.jsonl");
const REFUSED: Readonly<Record<string, string>> = {
  a: "I can't help with that.",
  b: "Here it is: flour, eggs.",
};
writeFileSync(
  DATA,
  ["a", "b", "c"]
    .map((id) => JSON.stringify({ id, prompt: `Prompt ${id}`, response: REFUSED[id] ?? "The wren sings." }))
    .join("\n"),
);

afterEach(() => {
  vi.restoreAllMocks();
});

class Command {
  stdout = "";
  stderr = "";
  readonly code: Promise<number>;

  constructor(...argv: string[]) {
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      this.stdout += String(text);
      return true;
    });
    this.code = runProgram(buildProgram([judgeCommand()]), ["judge", ...argv], (text) => {
      this.stderr += text;
    });
  }
}

/** Labels with the words given, in the order of the page, and finishes. */
async function label(words: readonly string[], ...argv: string[]): Promise<Command> {
  const command = new Command("label", "--data", DATA, "--labels", "refusal", ...argv);
  const url = await vi.waitFor(() => new URL(/http:\/\/127\S+/.exec(command.stdout)?.[0] ?? ""), {
    timeout: 60_000,
  });
  const post = async (path: string, body: object): Promise<void> => {
    const headers = { authorization: `Bearer ${url.hash.slice(1)}` };
    const reply = await fetch(new URL(path, url), { method: "POST", headers, body: JSON.stringify(body) });
    expect(reply.status).toBe(200);
  };
  for (const [place, word] of words.entries())
    await post(`/api/answers/${place}`, { label: word, seconds: 1 });
  await post("/api/finish", {});
  expect(await command.code).toBe(0);
  return command;
}

test("labels of two people: progress, agreement at the end, and without a page from two files", async () => {
  const out = join(folder, "two.jsonl");
  const first = await label(["refusal", "refusal"], "--out", out, "--labeller", "ann");
  expect(first.stdout).toContain("2 of 3 answers labelled by ann");
  expect(first.stdout).not.toContain("Krippendorff");
  const second = await label(["refusal", "refusal", "refusal"], "--out", out, "--labeller", "bob");
  expect(second.stdout).toMatch(/ann, bob: 2 answers(.|\n)*equal labels +1\.000/);
  const other = join(folder, "other.jsonl");
  await label(["compliance", "compliance", "compliance"], "--out", other, "--labeller", "eve");
  const three = new Command("label", "--out", out, "--agreement", other, "--json");
  expect(await three.code).toBe(0);
  const agreement = JSON.parse(three.stdout) as { raters: string[]; raw: { value: number } };
  expect(agreement.raters).toEqual(["ann", "bob", "eve"]);
  // Two answers with three labels, one equal pair of three each; one answer with two labels that differ.
  expect(agreement.raw.value).toBeCloseTo(2 / 7, 12);
});

test("a judge is measured on the answers that were labelled, and no others", async () => {
  const out = join(folder, "labels.jsonl");
  await label(["refusal", "refusal"], "--out", out);
  const rows = readFileSync(out, "utf8").trim().split("\n");
  const ids = rows.map((line) => (JSON.parse(line) as { id: string }).id);
  const to = join(folder, "validation");
  const flags = ["validate", "--judge", "refusal-matcher", "--label-file", out, "--out", to, "--json"];
  expect(await new Command(...flags, "--data", DATA).code).toBe(0);
  const validation = JSON.parse(readFileSync(join(to, "validation.json"), "utf8")) as Validation;
  const refused = ids.filter((id) => id === "a").length;
  expect(validation).toMatchObject({ rows: 2, labels: "refusal", isStandIn: false, apart: 0 });
  expect(validation.agreement.confusion).toMatchObject({ truePositive: refused, falseNegative: 2 - refused });
  expect(validation.validation?.n).toBe(2);
  expect(readFileSync(join(to, "mistakes.html"), "utf8")).toContain("Mistakes of refusal-matcher");
});

test("of an evaluation those answers are labelled that a model wrote, the last of each", async () => {
  const dir = join(folder, "evaluation");
  mkdirSync(dir);
  const sample = (id: string, rest: object = {}): string =>
    JSON.stringify({ id, messages: [{ role: "user", content: "Why?" }], response: "So.", ...rest });
  const failed = sample("t/b#0", { finishReason: "error", response: "" });
  const rows = [
    sample("t/a#0"),
    failed,
    sample("t/c#0", { choices: {} }),
    sample("t/d#0", { finishReason: "error" }),
  ];
  writeFileSync(join(dir, "samples.jsonl"), [...rows, sample("t/b#0", { finishReason: "stop" })].join("\n"));
  const asked = { target: {}, modelHash: "m", sampling: {}, tasks: [], judges: [] };
  writeFileSync(join(dir, "evaluation.json"), JSON.stringify(asked));
  writeFileSync(join(dir, "results.json"), '{"tasks":[],"hashes":{}}');
  const out = join(folder, "evaluation.jsonl");
  const command = await label(["refusal", "partial"], "--data", dir, "--out", out);
  expect(command.stdout).toContain("2 of 2 answers labelled");
  expect(readFileSync(out, "utf8")).toMatch(/t\/[ab]#0.*\n.*t\/[ab]#0/);
});

test("labels of other answers, other words and missing data are refused in one line", async () => {
  const out = join(folder, "refused.jsonl");
  await label(["refusal", "refusal", "refusal"], "--out", out);
  const changed = join(folder, "changed.jsonl");
  writeFileSync(changed, readFileSync(DATA, "utf8").replaceAll("Prompt", "Another prompt"));
  const failure = async (...argv: string[]): Promise<string> => {
    const command = new Command(...argv);
    expect(await command.code).toBe(2);
    return command.stderr;
  };
  const validate = ["validate", "--judge", "refusal-matcher", "--out", join(folder, "x"), "--label-file"];
  expect(await failure(...validate, out, "--data", changed)).toContain("got one of another prompt");
  expect(await failure(...validate, DATA, "--data", DATA)).toContain("prompt: expected a known key");
  expect(await failure("label", "--data", DATA, "--out", out)).toContain(
    "expected safe or unsafe, got refusal",
  );
  expect(await failure("label", "--out", out)).toContain("got no --data");
  expect(await failure("label", "--out", out, "--agreement")).toContain("expected labels of two people");
  expect(await failure("label", "--data", DATA, "--out", DATA)).toContain("prompt: expected a known key");
});
