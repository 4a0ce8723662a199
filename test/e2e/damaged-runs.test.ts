/**
 * @file Every file of a run that is read again when the run goes on, damaged: the command refuses in one line and leaves the file
 * as it is, or goes on to the very same end.
 */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runBuilt } from "../support/built-command.js";
import { wholeLines } from "./spawn.js";
import { tinyRun } from "./tiny-run.js";

const { root, model, rows, cache } = tinyRun();
vi.stubEnv("SAFE_TO_SERVE_CACHE", cache);
vi.stubEnv("HF_HUB_OFFLINE", "1");
const pairs = join(root, "pairs.jsonl");
const lines = wholeLines(rows).map((line, i) => {
  const { prompt } = JSON.parse(line) as { prompt: string };
  return JSON.stringify({ prompt, chosen: `yes ${i}`, rejected: `no ${i * 7}` });
});
writeFileSync(pairs, `${lines.join("\n")}\n`);
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

/** A command that goes on in a folder, what shows that it is not done, and how it ends. */
const RUNS: Readonly<
  Record<string, { readonly line: (out: string) => string; readonly undone: string; readonly code: number }>
> = {
  train: {
    line: (out) =>
      `train dpo --model ${model} --data ${pairs} --out ${out} --max-steps 4 --save-steps 2 --batch-size 3 --threads 1 --resume --json`,
    undone: "adapter",
    code: 0,
  },
  evaluate: {
    line: (out) =>
      `evaluate --model ${model} --task xstest-safe --limit 3 --max-new-tokens 4 --threads 1 --json --out ${out}`,
    undone: "results.json",
    code: 4,
  },
  generate: {
    line: (out) =>
      `generate --model ${model} --prompts ${rows} --max-new-tokens 4 --threads 1 --json --out ${join(out, "a.jsonl")}`,
    undone: "none",
    code: 0,
  },
};

const DAMAGE: Readonly<Record<string, (good: Buffer) => Uint8Array>> = {
  "cut in half": (good) => good.subarray(0, good.length / 2),
  empty: () => new Uint8Array(),
  "any bytes": () => Uint8Array.from({ length: 256 }, (_, i) => i),
  null: () => Buffer.from("null\n"),
  "another object": () => Buffer.from('{"q":[{}]}\n'),
};

/** Every file by path. */
function filesOf(folder: string): Map<string, Buffer> {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  const paths = found.map((each) => join(each.parentPath, each.name)).sort();
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path)]));
}

/** What is wrong with how the command took the damage; empty when nothing is. */
async function faultOf(name: string, good: ReadonlyMap<string, Buffer>, file: string): Promise<string[]> {
  const { line, undone, code } = RUNS[name] as (typeof RUNS)[string];
  const [whole, out] = [join(root, `${name}-whole`), join(root, name)];
  const faults: string[] = [];
  for (const [what, damage] of Object.entries(DAMAGE)) {
    rmSync(out, { recursive: true, force: true });
    cpSync(whole, out, { recursive: true });
    rmSync(join(out, undone), { recursive: true, force: true });
    const bytes = damage(good.get(file) as Buffer);
    writeFileSync(join(out, file), bytes);
    const ended = await runBuilt(line(out).split(" "));
    const left = filesOf(out);
    const isDone = ended.code === code && ended.lines.length === 0 && isSame(left, good);
    const isRefused =
      ended.code === 2 &&
      /^error: (?!internal)/.test(ended.lines[0] ?? "") &&
      /^hint: /.test(ended.lines[1] ?? "") &&
      ended.lines.length === 2 &&
      left.get(file)?.equals(bytes) === true &&
      ![...left.keys()].some((path) => path.includes(".tmp"));
    if (!isDone && !isRefused) faults.push(`${file} ${what}: ${ended.code} ${ended.lines.join(" | ")}`);
  }
  return faults;
}

/** Reports say the folder's name; lines of a journal may come in another order, and a line that nobody reads may stay. */
function isSame(left: ReadonlyMap<string, Buffer>, good: ReadonlyMap<string, Buffer>): boolean {
  const sameFile = ([path, bytes]: [string, Buffer]): boolean => {
    if (path.includes("report.")) return true;
    const other = left.get(path);
    if (other === undefined || other.equals(bytes)) return other !== undefined;
    const lines = new Set(other.toString().split("\n"));
    return (
      path.endsWith(".jsonl") &&
      bytes
        .toString()
        .split("\n")
        .every((line) => lines.has(line))
    );
  };
  return [...good].every(sameFile);
}

beforeAll(async () => {
  for (const [name, { line, code }] of Object.entries(RUNS))
    expect(await runBuilt(line(join(root, `${name}-whole`)).split(" "))).toEqual({ code, lines: [] });
});

test.each(Object.keys(RUNS))("%s", { timeout: 600_000 }, async (name) => {
  const good = filesOf(join(root, `${name}-whole`));
  // What a run only writes: reports, the metrics before its checkpoint, the checkpoint before the last, PEFT's own description.
  const unread = /^adapter|report\.|^metrics|step-0000002|adapter_config/;
  const read = [...good.keys()].filter((path) => !unread.test(path));
  const faults: string[] = [];
  for (const file of read) faults.push(...(await faultOf(name, good, file)));
  expect(faults).toEqual([]);
});
