import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const folder = join(root, "examples");
const examples = readdirSync(folder).filter((name) => /^\d+-.*\.ts$/.test(name));
/** What each must print: a result, not only that it ran. */
const RESULTS: Readonly<Record<string, RegExp>> = {
  "01-gradient.ts": /^weights 2\.000, -1\.000 \(expected 2, -1\)\n$/,
  "02-train-lora-sft.ts": /^20 steps on 6 rows: loss [345]\.\d+ -> [01]\.\d+\n$/,
  "03-dpo.ts": /^reward margin -?0\.00 -> \d+\.\d+ nats\n$/,
  "04-generate.ts": /\nthe same in a batch of 4: true\n$/,
  "05-evaluate.ts":
    /^harmless prompts refused: 10 %, 95 % interval 4 % to 23 %, n 40, verdict inconclusive\n$/,
};

test("every example is known here", () => {
  expect(examples).toEqual(Object.keys(RESULTS));
});

describe.each(examples)("%s", (name) => {
  test("runs offline and prints its result", () => {
    const tsx = join(root, "node_modules/tsx/dist/cli.mjs");
    const { stdout, stderr, status } = spawnSync(process.execPath, [tsx, join(folder, name)], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, HF_HUB_OFFLINE: "1" },
    });
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    expect(stdout).toMatch(RESULTS[name] as RegExp);
  });

  test("is at most 60 lines and uses public doors only", () => {
    const text = readFileSync(join(folder, name), "utf8");
    expect(text.split("\n").length - 1).toBeLessThanOrEqual(60);
    const imports = Array.from(text.matchAll(/from "([^"]+)"/g), ([, specifier]) => specifier as string);
    expect(
      imports.filter((specifier) => !/^(node:|safe-to-serve\/|\.\/tiny-model\.js$)/.test(specifier)),
    ).toEqual([]);
  });
});
