/**
 * @file Places that really cannot be written, as a user's shell meets them: a file where a folder is expected, a limit on
 * the size of files, a device that is full. One line of what, one of what to do, and the command goes on afterwards.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { tinyRun } from "./tiny-run.js";

const main = resolve(import.meta.dirname, "../../dist/cli/main.js");
const { root, model, rows, cache } = tinyRun();
afterAll(() => rmSync(root, { recursive: true }));

const blocked = join(root, "a-file");
writeFileSync(blocked, "");
const [scored, texts] = [join(root, "scored.jsonl"), join(root, "texts.jsonl")];
writeFileSync(scored, '{"id":"a","prompt":"Say red","response":"red"}\n');
writeFileSync(texts, '{"text":"Say red"}\n');
const evaluation = join(root, "evaluation");

/** A command line of each command that writes, up to the place. */
const COMMANDS: Readonly<Record<string, string>> = {
  train: `train sft --model ${model} --data ${rows} --max-steps 24 --save-steps 8 --batch-size 3 --threads 1 --resume --out`,
  generate: `generate --model ${model} --prompts ${rows} --samples 2 --temperature 1 --max-new-tokens 40 --threads 1 --out`,
  score: `score --model ${model} --data ${scored} --threads 1 --out`,
  tokenize: `tokenize --model ${model} --data ${texts} --out`,
  evaluate: `evaluate --model ${model} --task xstest-safe --limit 4 --max-new-tokens 8 --threads 1 --out`,
  compare: `compare ${evaluation} ${evaluation} --label a --label b --out`,
  pairs: `data pairs --model ${model} --safety ${rows} --harmless ${rows} --count 2 --share 0.5 --labelled-share 0 --max-new-tokens 8 --threads 1 --out`,
  fetch: "data fetch xstest --out",
  demo: "demo --out",
};

interface Ended {
  readonly status: number | null;
  readonly stderr: string;
}

/** Runs a command line in a shell, after `before` and with `after` behind it. */
function shell(line: string, { before = "true", after = "", cacheFolder = cache } = {}): Promise<Ended> {
  const env = { ...process.env, SAFE_TO_SERVE_CACHE: cacheFolder, HF_HUB_OFFLINE: "1", NO_COLOR: "1" };
  const command = `${before} && exec "${process.execPath}" "${main}" ${line} ${after}`;
  const child = spawn("sh", ["-c", command], { env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (status) => done({ status, stderr }));
  });
}

/** The last two lines are the error and its hint, without a stack. */
function expectFailure({ status, stderr }: Ended, code: number, what: RegExp): void {
  const [error, hint] = stderr.trimEnd().split("\n").slice(-2);
  expect({ status, error, hint }).toMatchObject({
    status: code,
    error: expect.stringMatching(what) as string,
    hint: expect.stringMatching(/^hint: \S/) as string,
  });
  expect(stderr).not.toMatch(/^\s+at /m);
}

const posix = test.skipIf(process.platform === "win32");

posix.each(Object.entries(COMMANDS).filter(([name]) => name !== "demo" && name !== "compare"))(
  "%s says in one line that --out lies below a file",
  async (_, line) => {
    expectFailure(
      await shell(`${line} ${join(blocked, "out")}`),
      2,
      /^error: \S*a-file\S*: .*file where a folder/,
    );
    expect(readFileSync(blocked, "utf8")).toBe("");
  },
);

posix("a cache that cannot be written is named, with the variable that moves it", async () => {
  const ended = await shell(`${COMMANDS["tokenize"]} ${join(root, "t")}`, {
    cacheFolder: join(blocked, "cache"),
  });
  expectFailure(ended, 2, /^error: \S*a-file\S*: expected to write it/);
  expect(ended.stderr).toContain("SAFE_TO_SERVE_CACHE");
});

posix(
  "training that meets a limit of file size keeps whole files, and goes on with the same bits",
  async () => {
    const [whole, out] = [join(root, "whole"), join(root, "limited")];
    expect((await shell(`${COMMANDS["train"]} ${whole}`)).status).toBe(0);
    // 4 KiB are enough for run.json, and not for metrics or weights.
    expectFailure(
      await shell(`${COMMANDS["train"]} ${out}`, { before: "ulimit -f 8" }),
      1,
      /larger than .*EFBIG/,
    );
    const left = readdirSync(out, { recursive: true, encoding: "utf8" });
    expect(left.filter((name) => name.includes(".tmp"))).toEqual([]);
    expect(existsSync(join(out, "adapter"))).toBe(false);
    expect((await shell(`${COMMANDS["train"]} ${out}`)).status).toBe(0);
    for (const file of ["metrics.jsonl", "adapter/adapter_model.safetensors"])
      expect(readFileSync(join(out, file)).equals(readFileSync(join(whole, file))), file).toBe(true);
  },
);

posix(
  "generate that meets a limit of file size keeps whole lines, and goes on with the same answers",
  async () => {
    const [whole, out] = [join(root, "whole.jsonl"), join(root, "limited.jsonl")];
    expect((await shell(`${COMMANDS["generate"]} ${whole}`)).status).toBe(0);
    expectFailure(
      await shell(`${COMMANDS["generate"]} ${out}`, { before: "ulimit -f 4" }),
      1,
      /larger than .*EFBIG/,
    );
    expect(readFileSync(out, "utf8")).toMatch(/^(\{.*\}\n)+$/);
    expect((await shell(`${COMMANDS["generate"]} ${out}`)).status).toBe(0);
    expect(readFileSync(out, "utf8")).toBe(readFileSync(whole, "utf8"));
  },
);

test.skipIf(!existsSync("/dev/full"))(
  "a full disk behind the standard output is a failure that is told",
  async () => {
    const ended = await shell("data list --json", { after: "> /dev/full" });
    expectFailure(ended, 1, /^error: standard output: .*no space left/);
  },
);

test.skipIf(process.platform === "win32" || process.getuid?.() === 0)(
  "a folder without permission is named (skipped for root, who may write everywhere)",
  async () => {
    const closed = join(root, "closed");
    mkdirSync(closed, { mode: 0o500 });
    for (const name of ["train", "generate", "score", "fetch"])
      expectFailure(await shell(`${COMMANDS[name]} ${join(closed, "out")}`), 2, /permission denied/);
  },
);

posix("compare and demo say it too", async () => {
  expect((await shell(`${COMMANDS["evaluate"]} ${evaluation}`)).status).toBe(4);
  expectFailure(await shell(`${COMMANDS["compare"]} ${join(blocked, "out")}`), 2, /file where a folder/);
  expectFailure(await shell(`${COMMANDS["demo"]} ${join(blocked, "out")}`), 2, /file where a folder/);
});
