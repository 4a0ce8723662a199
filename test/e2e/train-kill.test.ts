import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Ended, safeToServe, wholeLines } from "./spawn.js";
import { tinyRun } from "./tiny-run.js";

const { root, model, rows, cache } = tinyRun();
afterAll(() => rmSync(root, { recursive: true }));

const STEPS = 24;
const settings = `--max-steps ${STEPS} --save-steps 2 --batch-size 3 --learning-rate 0.01 --lora-dropout 0.1 --seed 3 --threads 1`;

function train(out: string, more: readonly string[] = [], killWhen?: () => boolean): Promise<Ended> {
  const args = [
    "train",
    "sft",
    "--model",
    model,
    "--data",
    rows,
    "--out",
    out,
    ...settings.split(" "),
    ...more,
  ];
  return safeToServe(args, { cache, ...(killWhen && { killWhen }) });
}

test("training that is killed and resumed, twice, ends with the same bits as training in one go", {
  timeout: 300_000,
}, async () => {
  const [whole, broken] = [join(root, "whole"), join(root, "broken")];
  const steps = () => wholeLines(join(broken, "metrics.jsonl")).length;
  const untouched = await train(whole);
  expect(untouched).toMatchObject({ code: 0, signal: null });

  expect(await train(broken, [], () => steps() >= 5)).toMatchObject({ signal: "SIGKILL" });
  const first = steps();
  expect(first).toBeLessThan(STEPS);
  expect(await train(broken, ["--resume"], () => steps() >= first + 3)).toMatchObject({ signal: "SIGKILL" });
  expect(steps()).toBeLessThan(STEPS);
  expect(existsSync(join(broken, "adapter"))).toBe(false);
  expect(await train(broken, ["--resume"])).toMatchObject({ code: 0 });

  for (const file of [
    "metrics.jsonl",
    "certificate.json",
    "adapter/adapter_model.safetensors",
    "adapter/adapter_config.json",
  ])
    expect(readFileSync(join(broken, file)).equals(readFileSync(join(whole, file))), file).toBe(true);
});

test("a finished run is not overwritten, and other settings do not resume it", async () => {
  const again = await train(join(root, "whole"));
  expect(again.code).toBe(2);
  const other = await train(join(root, "whole"), ["--resume", "--weight-decay", "0.1"]);
  expect(other.code).toBe(2);
});
