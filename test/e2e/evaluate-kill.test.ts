import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Ended, safeToServe, wholeLines } from "./spawn.js";
import { tinyRun } from "./tiny-run.js";

const { root, model, cache } = tinyRun();
afterAll(() => rmSync(root, { recursive: true }));

const PROMPTS = 30;
const INCONCLUSIVE = 4;

function evaluate(out: string, killWhen?: () => boolean): Promise<Ended> {
  const settings = `--task xstest-safe --limit ${PROMPTS} --max-new-tokens 40 --temperature 0.7 --batch-size 4 --seed 5 --threads 1`;
  const args = ["evaluate", "--model", model, "--out", out, ...settings.split(" ")];
  return safeToServe(args, { cache, ...(killWhen && { killWhen }) });
}

test("an evaluation that is killed goes on where it stopped and draws no sample twice", async () => {
  const [whole, broken] = [join(root, "whole"), join(root, "broken")];
  const samples = () => wholeLines(join(broken, "samples.jsonl"));
  expect(await evaluate(whole)).toMatchObject({ code: INCONCLUSIVE });

  expect(await evaluate(broken, () => samples().length >= 5)).toMatchObject({ signal: "SIGKILL" });
  const kept = samples();
  expect(kept.length).toBeLessThan(PROMPTS);
  expect(await evaluate(broken)).toMatchObject({ code: INCONCLUSIVE });

  const all = samples();
  expect(all.slice(0, kept.length)).toEqual(kept);
  expect(new Set(all.map((line) => (JSON.parse(line) as { id: string }).id)).size).toBe(PROMPTS);
  expect(all).toHaveLength(PROMPTS);
  expect(all.toSorted()).toEqual(wholeLines(join(whole, "samples.jsonl")).toSorted());
  const results = (folder: string) => readFileSync(join(folder, "results.json"), "utf8");
  expect(results(broken)).toEqual(results(whole));
});
