import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { ConfigError } from "../../core/errors.js";
import { MockChatModel } from "../../text/mock-chat-model.js";
import type { EvaluateCommandOptions, EvaluateFlags } from "../command-options.js";
import { evaluateCommand } from "../commands/evaluate.js";
import { runDial } from "./dial.js";
import { evaluateModel, selectTasks } from "./evaluate.js";
import { runSweep } from "./sweep.js";

const root = mkdtempSync(join(tmpdir(), "dial-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

async function parse(...argv: string[]): Promise<EvaluateFlags> {
  let flags: EvaluateFlags | undefined;
  const command = evaluateCommand().action((given: EvaluateFlags) => {
    flags = given;
  });
  command.configureOutput({ writeErr: () => undefined });
  await command.exitOverride().parseAsync(argv, { from: "user" });
  return flags as EvaluateFlags;
}

/** A model that refuses more the stronger its adapter is; counts what it is asked. */
async function dial(out: string, strengths: string, more: readonly string[] = []): Promise<number> {
  let asked = 0;
  const required = ["--suite", "demo", "--limit", "4", "--out", out, "--json"];
  const { adapterStrength, ...flags } = await parse("--adapter-strength", strengths, ...required, ...more);
  vi.spyOn(process.stdout, "write").mockImplementation(() => true);
  const evaluate = (options: EvaluateCommandOptions) => {
    const strength = options.adapter === undefined ? 0 : options.adapterStrength;
    const respond = (messages: readonly { content: string }[]): string => {
      asked += 1;
      const isRefused = (messages.at(-1)?.content.length ?? 0) % 4 < 4 * strength;
      return isRefused ? "I'm sorry, but I can't help with that." : "Of course.";
    };
    const model = new MockChatModel({ id: `at ${strength}`, respond });
    return evaluateModel(model, selectTasks(options), options);
  };
  await runDial({ ...flags, adapterStrength: 1 }, adapterStrength, evaluate);
  return asked;
}

const ADAPTER = ["--adapter", "runs/dpo/adapter"];

test("strengths are read once each, from small to large", async () => {
  expect((await parse("--out", "x")).adapterStrength).toEqual([1]);
  expect((await parse("--out", "x", "--adapter-strength", "1,0.5,0,1.25,0.50")).adapterStrength).toEqual([
    0, 0.5, 1, 1.25,
  ]);
  await expect(parse("--out", "x", "--adapter-strength", "0,,1")).rejects.toThrow(
    /expected a number, got ""/,
  );
});

test("evaluates each strength into its own folder, 0 without the adapter, and draws the curve", async () => {
  const out = join(root, "dial");
  expect(await dial(out, "0,0.5,1", ADAPTER)).toBe(3 * 20);
  const targetOf = (strength: string): { adapter: string | null; strength: number | null } =>
    JSON.parse(readFileSync(join(out, `strength-${strength}`, "evaluation.json"), "utf8")).target;
  expect(targetOf("0")).toMatchObject({ adapter: null, strength: null });
  expect(targetOf("0.5")).toMatchObject({ adapter: "runs/dpo/adapter", strength: 0.5 });
  expect(existsSync(join(out, "strength-1", "report.html"))).toBe(true);
  const page = readFileSync(join(out, "report.html"), "utf8");
  expect(page.match(/<line class="dial"/g)).toHaveLength(4);
  const again = await dial(out, "0,0.5,1", ADAPTER);
  expect(again).toBe(0);
  expect(await dial(out, "0,0.5,1,1.25", ADAPTER)).toBe(20);
});

test("refuses a dial without an adapter, and one with a policy", async () => {
  await expect(dial(join(root, "none"), "0,1")).rejects.toThrow(ConfigError);
  const gated = dial(join(root, "gated"), "0,1", [...ADAPTER, "--gate", "default"]);
  await expect(gated).rejects.toThrow(/--gate: expected one strength of the adapter, got several/);
});

test("refuses repeats before anything is drawn, and a sweep over several strengths", async () => {
  const repeated = dial(join(root, "repeated"), "0,1", [...ADAPTER, "--temperature", "1", "--repeats", "3"]);
  await expect(repeated).rejects.toThrow(/--repeats: expected one strength/);
  expect(existsSync(join(root, "repeated"))).toBe(false);
  const flags = await parse("--out", join(root, "swept"), "--adapter-strength", "0,1", ...ADAPTER);
  const swept = runSweep({ ...flags, sweep: "default" }, () => false);
  await expect(swept).rejects.toThrow(/--sweep: expected one strength of the adapter, got several/);
});
