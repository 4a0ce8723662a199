/**
 * @file What the command line loads before it works: option tables and their parser alone. A heavy module in that path
 * costs every user's every call; time on a shared machine says little, so what counts is what is loaded.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { safeToServe } from "./spawn.js";

const root = mkdtempSync(join(tmpdir(), "safe-to-serve-start-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Files of ours that may be loaded: one for each command, and a few that they share. */
const MOST_OWN_FILES = 28;

const log = join(root, "loaded.txt");
writeFileSync(
  join(root, "hooks.mjs"),
  `import { appendFileSync } from "node:fs";
export function load(url, context, next) {
  appendFileSync(process.env.LOADED, url + "\\n");
  return next(url, context);
}`,
);
// ECMAScript modules as they load; CommonJS modules and native libraries at the end.
writeFileSync(
  join(root, "watch.mjs"),
  `import { appendFileSync } from "node:fs";
import { createRequire, register } from "node:module";
register(new URL("hooks.mjs", import.meta.url));
const { cache } = createRequire(import.meta.url);
process.on("exit", () => {
  const natives = process.report.getReport().sharedObjects.filter((path) => path.includes("node_modules"));
  appendFileSync(process.env.LOADED, [...Object.keys(cache), ...natives].map((path) => path + "\\n").join(""));
});`,
);

/** Runs the command; the files that it loaded: packages by name, own ones by path below `dist`. */
async function loadedBy(args: readonly string[]): Promise<{ packages: Set<string>; own: Set<string> }> {
  writeFileSync(log, "");
  const env = {
    LOADED: log,
    NODE_OPTIONS: `--import ${pathToFileURL(join(root, "watch.mjs")).href}`,
  };
  await safeToServe(args, { cache: root, env });
  const files = readFileSync(log, "utf8").split("\n");
  const named = (pattern: RegExp) => new Set(files.flatMap((file) => pattern.exec(file)?.[1] ?? []));
  return { packages: named(/node_modules\/((?:@[^/]+\/)?[^/]+)/), own: named(/\/dist\/(.+)$/) };
}

test.each([
  ["--help"],
  ["--version"],
  ["train dpo --help"],
  ["data pairs --help"],
  ["tarin"],
  ["generate --prompts x.jsonl --out y --top-p 2"],
])("`%s` loads commander and the option tables, nothing that works", async (line) => {
  const { packages, own } = await loadedBy(line.split(" "));
  expect([...packages]).toEqual(["commander"]);
  expect(own).toContain("cli/main.js");
  expect([...own].filter((file) => file.startsWith("cli/run/"))).toEqual([]);
  expect(own.size).toBeLessThanOrEqual(MOST_OWN_FILES);
});

test("the watch sees what a command loads once it works", async () => {
  const { packages, own } = await loadedBy(["tokenize", "--data", "none.jsonl", "--out", join(root, "out")]);
  expect(packages).toContain("@huggingface/tokenizers");
  expect(own).toContain("cli/run/tokenize.js");
});
