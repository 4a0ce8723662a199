/**
 * @file Killed without warning at random moments, again and again, and gone on with each time: training ends with the
 * same bits, and no sample is lost or drawn twice. KILL_MOMENTS says how many kills of each (3 unless set), KILL_SEED at which
 * moments. The twenty: KILL_MOMENTS=20 npx vitest run test/e2e/kill-moments
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SeededRandom } from "../../src/core/random.js";
import { type Ended, safeToServe, wholeLines } from "./spawn.js";
import { tinyRun } from "./tiny-run.js";

const { root, model, rows, cache } = tinyRun();
afterAll(() => rmSync(root, { recursive: true }));

const KILLS = Number(process.env["KILL_MOMENTS"] ?? 3);
const SEED = process.env["KILL_SEED"] ?? "0";
/** Many kills need long work, or most of them hit the start of the program. */
const LENGTH = KILLS > 3 ? 4 : 1;
/** Runs without a kill before a moment is no longer believed to come. */
const MOST_RUNS = 4 * KILLS + 4;
const timeout = 60_000 + 60_000 * KILLS;

const [pairs, heldOut] = [join(root, "pairs.jsonl"), join(root, "held-out.jsonl")];
writePairs(pairs, "");
writePairs(heldOut, "Now: ");

/** The rows as pairs; what goes before the prompts makes them others. */
function writePairs(path: string, before: string): void {
  const lines = wholeLines(rows).map((line, i) => {
    const { prompt } = JSON.parse(line) as { prompt: string };
    return JSON.stringify({ prompt: before + prompt, chosen: `yes ${i}`, rejected: `no ${i * 7}` });
  });
  writeFileSync(path, `${lines.join("\n")}\n`);
}

interface Job {
  readonly args: (out: string) => readonly string[];
  /** Looks at what a kill left behind. */
  readonly afterKill: (out: string) => void;
  /** Looks at what a run left that came to its end. */
  readonly afterEnd: (out: string, ended: Ended) => void;
}

/** Kills runs of a job until there were {@link KILLS}; a run that comes to its end is checked, and the next begins anew. */
async function killAndGoOn(name: string, job: Job): Promise<Record<string, number>> {
  const random = new SeededRandom("kill moments", name, SEED);
  const begin = Date.now();
  const whole = join(root, `${name}-0`);
  job.afterEnd(whole, await safeToServe(job.args(whole), { cache }));
  const lifeMs = Date.now() - begin;
  const counts = { kills: 0, runs: 0, ends: 0 };
  for (let isOpen = false; counts.kills < KILLS || isOpen; counts.runs++) {
    expect(counts.runs).toBeLessThan(MOST_RUNS);
    const out = join(root, `${name}-${counts.ends + 1}`);
    const [startMs, momentMs] = [Date.now(), random.next() * lifeMs];
    const killWhen = (): boolean => Date.now() - startMs >= momentMs;
    const ended = await safeToServe(job.args(out), { cache, ...(counts.kills < KILLS && { killWhen }) });
    isOpen = ended.signal === "SIGKILL";
    if (isOpen) {
      counts.kills++;
      job.afterKill(out);
    } else {
      counts.ends++;
      job.afterEnd(out, ended);
    }
  }
  return counts;
}

/** Every file below a folder, by path, without what a kill may leave under a temporary name. */
function contents(folder: string): Map<string, string> {
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : [];
  const files = names.filter((name) => !name.includes(".tmp") && /\.\w+$/.test(name)).sort();
  return new Map(files.map((name) => [name, readFileSync(join(folder, name)).toString("base64")]));
}

test(`training, killed at ${KILLS} random moments and gone on with, ends with the bits of an untouched run`, {
  timeout,
}, async () => {
  const steps = `--max-steps ${40 * LENGTH} --save-steps ${2 * LENGTH} --eval-steps ${20 * LENGTH}`;
  const settings = `${steps} --batch-size 3 --learning-rate 0.01 --lora-dropout 0.1 --seed 3 --threads 1 --resume`;
  const files = ["--data", pairs, "--eval-data", heldOut];
  let seen = 0;
  const counts = await killAndGoOn("train", {
    args: (out) => ["train", "dpo", "--model", model, ...files, "--out", out, ...settings.split(" ")],
    afterKill: (out) => {
      const steps = wholeLines(join(out, "metrics.jsonl"));
      expect(steps.map((line) => (JSON.parse(line) as { global_step: number }).global_step)).toEqual(
        steps.map((_, i) => i + 1),
      );
      if (steps.length > 0) seen++;
    },
    afterEnd: (out, ended) => {
      expect(ended).toMatchObject({ code: 0, signal: null });
      // The folder's own name is in no file: all of them are the same, byte by byte.
      expect(contents(out)).toEqual(contents(join(root, "train-0")));
      expect(readdirSync(out, { recursive: true, encoding: "utf8" }).filter((n) => /tmp/.test(n))).toEqual(
        [],
      );
    },
  });
  process.stdout.write(`training: ${JSON.stringify({ ...counts, killedAmongSteps: seen })}\n`);
});

test(`sampling, killed at ${KILLS} random moments and gone on with, loses no answer and draws none twice`, {
  timeout,
}, async () => {
  const settings = `--samples ${8 * LENGTH} --temperature 0.8 --max-new-tokens 60 --batch-size 4 --threads 1 --json`;
  const whole = join(root, "generate-0");
  let kept: readonly string[] = [];
  let seen = 0;
  const counts = await killAndGoOn("generate", {
    args: (out) => ["generate", "--model", model, "--prompts", rows, "--out", out, ...settings.split(" ")],
    afterKill: (out) => {
      const lines = wholeLines(out);
      expect(lines).toEqual(expect.arrayContaining([...kept]));
      expect(new Set(lines.map(answerKey)).size).toBe(lines.length);
      if (lines.length > kept.length) seen++;
      kept = lines;
    },
    afterEnd: (out, ended) => {
      expect(ended).toMatchObject({ code: 0, signal: null });
      const { answers, drawnNow } = JSON.parse(ended.stdout) as { answers: number; drawnNow: number };
      expect({ answers, drawnNow }).toEqual({ answers: 96 * LENGTH, drawnNow: 96 * LENGTH - kept.length });
      expect(readFileSync(out, "utf8")).toBe(readFileSync(whole, "utf8"));
      kept = [];
    },
  });
  process.stdout.write(`sampling: ${JSON.stringify({ ...counts, killedAmongAnswers: seen })}\n`);
});

test(`an evaluation, killed at ${KILLS} random moments and gone on with, ends with the answers and results of an untouched one`, {
  timeout,
}, async () => {
  const settings = `--task xstest-safe --limit 60 --repeats ${LENGTH} --max-new-tokens 60 --temperature 0.7 --batch-size 4 --seed 5 --threads 1 --json`;
  const untouched = (file: string): string => readFileSync(join(root, "evaluate-0", file), "utf8");
  let kept: readonly string[] = [];
  let seen = 0;
  const counts = await killAndGoOn("evaluate", {
    args: (out) => ["evaluate", "--model", model, "--out", out, ...settings.split(" ")],
    afterKill: (out) => {
      const lines = wholeLines(join(out, "samples.jsonl"));
      expect(lines.slice(0, kept.length)).toEqual(kept);
      expect(new Set(lines.map(sampleId)).size).toBe(lines.length);
      if (lines.length > kept.length) seen++;
      kept = lines;
    },
    afterEnd: (out, ended) => {
      expect(ended).toMatchObject({ code: 4, signal: null });
      const lines = wholeLines(join(out, "samples.jsonl"));
      expect(lines.slice(0, kept.length)).toEqual(kept);
      expect(lines.toSorted()).toEqual(untouched("samples.jsonl").trimEnd().split("\n").toSorted());
      expect(readFileSync(join(out, "results.json"), "utf8")).toBe(untouched("results.json"));
      expect(readdirSync(out).filter((name) => name.includes(".tmp"))).toEqual([]);
      kept = [];
    },
  });
  process.stdout.write(`evaluation: ${JSON.stringify({ ...counts, killedAmongAnswers: seen })}\n`);
});

function sampleId(line: string): string {
  return (JSON.parse(line) as { id: string }).id;
}

function answerKey(line: string): string {
  const { id, sample } = JSON.parse(line) as { id: string; sample: number };
  return `${id} ${sample}`;
}
