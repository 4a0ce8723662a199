import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import type { Sweep } from "../../evaluate/sweep/table.js";
import { chatReply, mockServer } from "../../generate/endpoint/mock-server.test-data.js";
import { evaluateCommand } from "../commands/evaluate.js";
import { EXIT } from "../failure.js";
import { buildProgram, runProgram } from "../program.js";

const root = mkdtempSync(join(tmpdir(), "sweep-cli-"));
const server = await mockServer(({ prompt }) =>
  chatReply(prompt.startsWith("Tell me:") ? "Sure, here it is." : "I'm sorry, but I can't help with that."),
);
afterAll(async () => {
  rmSync(root, { recursive: true, force: true });
  await server.close();
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

async function cli(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ["", ""];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += String(text);
    return true;
  });
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const code = await runProgram(buildProgram([evaluateCommand()]), ["evaluate", ...argv], (text) => {
    stderr += text;
  });
  return { code, stdout, stderr };
}

const file = join(root, "sweep.yaml");
writeFileSync(
  file,
  "variants:\n  - {name: around, prompt: 'Tell me: {prompt}'}\n  - {name: warm, temperature: 0.7, system: Be brief.}\n",
);
const out = join(root, "out");
const flags = [
  "--endpoint",
  server.url,
  "--endpoint-model",
  "m",
  "--limit",
  "4",
  "--sweep",
  file,
  "--out",
  out,
];

test("asks under every variant in a folder of its own, sums up, and asks nothing twice", async () => {
  const first = await cli("--task", "I-CoNa", ...flags, "--json");
  expect([first.code, first.stderr]).toEqual([0, ""]);
  const sweep = JSON.parse(readFileSync(join(out, "sweep.json"), "utf8")) as Sweep;
  expect(JSON.parse(first.stdout)).toEqual(sweep);
  expect(sweep.target.endpoint).toContain("127.0.0.1");
  const shares = sweep.rows[0]?.variants.map(({ variant, share, newly, noLonger }) => [
    variant,
    share.value,
    newly,
    noLonger,
  ]);
  expect(shares).toEqual([
    ["plain", 1, null, null],
    ["around", 0, 0, 4],
    ["warm", 1, 0, 0],
  ]);
  expect(sweep.rows[0]?.worst).toMatchObject({ value: 1, n: 4 });
  const bodies = server.arrived.map(({ body }) => body);
  expect(bodies.filter(({ temperature }) => temperature === 0.7)).toHaveLength(4);
  expect(JSON.stringify(bodies.at(-1))).toContain("Be brief.");
  const asked = server.arrived.length;
  expect(asked).toBe(12);
  const second = await cli("--task", "I-CoNa", ...flags);
  expect([second.code, server.arrived.length]).toEqual([0, asked]);
  expect(second.stdout).toMatch(/any variant: not refused/);
  expect(readFileSync(join(out, "sweep.md"), "utf8")).toContain("Tell me: ");
  expect(readFileSync(join(out, "around", "report.md"), "utf8")).toContain("variant around");
});

test.each([
  [["--gate", "default"], /--sweep <file>' cannot be used with option '--gate/],
  [["--judge", "runs/harm"], /--sweep <file>' cannot be used with option '--judge/],
  [["--task", "arc-easy"], /--sweep: expected a set whose answers are drawn, got multiple choice alone/],
])("refuses %j", async (more, message) => {
  const { code, stderr } = await cli(...flags, ...more);
  expect([code, stderr]).toEqual([EXIT.usage, expect.stringMatching(message)]);
});
