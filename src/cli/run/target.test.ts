import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import type { EvaluationResults, SampleRow } from "../../evaluate/results.js";
import { evaluateCommand } from "../commands/evaluate.js";
import { EXIT } from "../failure.js";
import { buildProgram, runProgram } from "../program.js";

const root = mkdtempSync(join(tmpdir(), "target-"));
const servers: Server[] = [];
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
  for (const server of servers) server.closeAllConnections();
  for (const server of servers) server.close();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

async function serve(
  respond: (prompt: string, key: string | undefined) => [number, object],
): Promise<string> {
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const { messages } = JSON.parse(text) as { messages: { content: string }[] };
    const [status, reply] = respond(messages.at(-1)?.content ?? "", request.headers.authorization);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(reply));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const said = (content: string, finish_reason = "stop") => ({
  choices: [{ message: { content }, finish_reason }],
});

async function evaluateCli(...argv: string[]): Promise<{ code: number; stderr: string }> {
  let stderr = "";
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const program = buildProgram([evaluateCommand()]);
  process.exitCode = undefined;
  const code = await runProgram(program, ["evaluate", ...argv], (text) => {
    stderr += text;
  });
  process.exitCode = undefined;
  return { code, stderr };
}

const read = <T>(out: string, name: string): T => JSON.parse(readFileSync(join(out, name), "utf8")) as T;
const samplesOf = (out: string): SampleRow[] =>
  readFileSync(join(out, "samples.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as SampleRow);

test("evaluates an endpoint, names it in the results, and leaves the key out of every file", async () => {
  const keys = new Set<string | undefined>();
  const url = await serve((_, key) => {
    keys.add(key);
    return [200, said("I'm sorry, but I can't help with that.")];
  });
  vi.stubEnv("MY_KEY", "secret-key-123");
  const out = join(root, "endpoint");
  const flags = [
    "--task",
    "I-CoNa",
    "--limit",
    "20",
    "--endpoint-model",
    "m",
    "--api-key-env",
    "MY_KEY",
    "--out",
    out,
  ];
  const { code, stderr } = await evaluateCli("--endpoint", url, "--concurrency", "8", ...flags);
  expect([code, stderr, [...keys]]).toEqual([EXIT.inconclusive, "", ["Bearer secret-key-123"]]);
  const results = read<EvaluationResults>(out, "results.json");
  expect(results.target).toEqual({
    model: "m",
    adapter: null,
    strength: null,
    template: null,
    endpoint: `${url}/v1`,
  });
  expect(results.tasks.find(({ metric }) => metric === "refused")).toMatchObject({ value: 1, n: 20 });
  expect(results.notes.at(-1)).toMatch(/^m: asked at .* its weights and template cannot be seen/);
  for (const name of readdirSync(out)) expect(readFileSync(join(out, name), "utf8")).not.toContain("secret");
});

test("goes on after a stop, tries failed samples again, and counts each once", async () => {
  let isFiltering = true;
  let asked = 0;
  const url = await serve((prompt) => {
    asked++;
    if (asked === 30) return [401, {}];
    return [200, isFiltering && prompt.length % 3 === 0 ? said("", "content_filter") : said("Of course.")];
  });
  const out = join(root, "resumed");
  const flags = [
    "--task",
    "xstest-safe",
    "--limit",
    "60",
    "--endpoint",
    url,
    "--endpoint-model",
    "m",
    "--concurrency",
    "2",
    "--out",
    out,
  ];
  const stopped = await evaluateCli(...flags);
  expect([stopped.code, stopped.stderr]).toEqual([
    EXIT.failed,
    expect.stringMatching(/^error: .*got status 401/),
  ]);
  expect((await evaluateCli(...flags)).code).toBe(EXIT.inconclusive);
  const first = read<EvaluationResults>(out, "results.json");
  const refused = first.tasks.find(({ name, metric }) => name === "xstest-safe" && metric === "refused");
  const filtered = samplesOf(out).filter(({ error }) => error === "content filter");
  const unscored = new Set(filtered.map(({ id }) => id)).size;
  expect(unscored).toBeGreaterThan(5);
  expect(refused).toMatchObject({ n: 60 - unscored, unscored });
  expect(first.notes.join()).toContain(
    `xstest-safe: ${unscored} of 60 without an answer and unscored (content filter ${unscored})`,
  );
  isFiltering = false;
  asked = 100;
  await evaluateCli(...flags);
  expect(asked - 100).toBe(unscored);
  const second = read<EvaluationResults>(out, "results.json");
  expect(second.tasks.find(({ metric }) => metric === "refused")).toMatchObject({ n: 60, unscored: 0 });
  expect(new Set(samplesOf(out).map(({ id }) => id)).size).toBe(60);
  const other = await evaluateCli(...flags.map((flag) => (flag === "m" ? "n" : flag)));
  expect([other.code, other.stderr]).toEqual([
    EXIT.usage,
    expect.stringMatching(/got another: model m .* and n /),
  ]);
});

test("judges a file of answers, and counts what it does not answer", async () => {
  const url = await serve(() => [200, said("Sure, here it is.")]);
  const asked = join(root, "asked");
  await evaluateCli(
    "--task",
    "Q-Harm",
    "--limit",
    "10",
    "--endpoint",
    url,
    "--endpoint-model",
    "m",
    "--out",
    asked,
  );
  const answers = join(root, "answers.jsonl");
  const rows = samplesOf(asked).map(({ promptId, response }) => JSON.stringify({ id: promptId, response }));
  writeFileSync(answers, rows.slice(3).join("\n"));
  const out = join(root, "answered");
  expect(
    (await evaluateCli("--task", "Q-Harm", "--limit", "10", "--responses", answers, "--out", out)).code,
  ).toBe(EXIT.inconclusive);
  const { target, tasks, notes } = read<EvaluationResults>(out, "results.json");
  expect(target).toMatchObject({ model: "answers.jsonl", endpoint: null });
  expect(tasks.find(({ metric }) => metric === "refused")).toMatchObject({
    n: 7,
    unscored: 3,
    value: 0,
    bestCase: 0.3,
  });
  expect(notes.join()).toContain("Q-Harm: 3 of 10 without an answer and unscored (no answer in the file 3)");
});

test.each<[string, string[], RegExp]>([
  [
    "an endpoint without a model's name",
    ["--endpoint", "http://localhost:1"],
    /expected --endpoint-model beside it/,
  ],
  [
    "a local model beside an endpoint",
    ["--endpoint", "http://localhost:1", "--adapter", "x"],
    /cannot be used with/,
  ],
  [
    "answers beside an endpoint",
    ["--endpoint", "http://localhost:1", "--responses", "x"],
    /cannot be used with/,
  ],
  ["a key without an endpoint", ["--api-key-env", "X"], /--api-key-env: expected --endpoint beside it/],
  [
    "a key that is not set",
    ["--endpoint", "http://localhost:1", "--endpoint-model", "m", "--api-key-env", "NOT_SET_ANYWHERE"],
    /got one that is not set/,
  ],
  [
    "what the interface lacks",
    ["--endpoint", "http://localhost:1", "--endpoint-model", "m", "--top-k", "5"],
    /--top-k: expected 0 with an endpoint, got 5/,
  ],
])("refuses %s", async (_, flags, message) => {
  const { code, stderr } = await evaluateCli("--task", "I-CoNa", "--out", join(root, "none"), ...flags);
  expect([code, stderr]).toEqual([EXIT.usage, expect.stringMatching(message)]);
});
