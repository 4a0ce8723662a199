import { readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { safeToServe } from "./spawn.js";
import { tinyRun } from "./tiny-run.js";

const { root, model, rows, cache } = tinyRun();
afterAll(() => rmSync(root, { recursive: true }));
const out = join(root, "out");

test.each<[string, string[], RegExp]>([
  ["an unknown flag", ["data", "list", "--frobnicate"], /--frobnicate/],
  ["an unknown command", ["tarin"], /tarin/],
  ["a missing flag", ["train", "sft", "--data", rows], /--out/],
  [
    "a number out of range",
    ["train", "sft", "--model", model, "--data", rows, "--out", out, "--learning-rate", "0"],
    /--learning-rate/,
  ],
  [
    "a device that is not there",
    ["train", "sft", "--model", model, "--data", rows, "--out", out, "--device", "tpu"],
    /--device/,
  ],
  ["an unknown task", ["evaluate", "--model", model, "--task", "no-such-set", "--out", out], /no-such-set/],
  ["a model that is nothing", ["evaluate", "--model", "./no-such-model", "--out", out], /no-such-model/],
  [
    "a data file that is not there",
    ["train", "sft", "--model", model, "--data", "no-such.jsonl", "--out", out],
    /no-such\.jsonl/,
  ],
])("%s ends with exit code 2, one line of what and at most one of what to do", async (_, args, names) => {
  const { code, stdout, stderr } = await safeToServe(args, { cache });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  // Opening a model may say so first.
  const lines = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("checking "));
  expect(lines[0]).toMatch(names);
  expect(lines.length).toBeLessThanOrEqual(2);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test("--version prints the package's version, --help the commands", async () => {
  const file = readFileSync(resolve(import.meta.dirname, "../../package.json"), "utf8");
  const { version } = JSON.parse(file) as { version: string };
  expect(await safeToServe(["--version"], { cache })).toMatchObject({ code: 0, stdout: `${version}\n` });
  const help = await safeToServe(["--help"], { cache });
  expect(help.code).toBe(0);
  for (const command of ["train", "evaluate", "compare", "generate", "data", "models"])
    expect(help.stdout).toContain(command);
});
