/** @file Builds `dist` when a source is newer: tests of the package and of the command line run what users run. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { InternalError } from "../../src/core/errors.js";

const root = resolve(import.meta.dirname, "../..");
const config = join(root, "tsconfig.build.json");

/** Vitest's global setup of the tests that need the built package. */
export default function buildPackage(): void {
  if (isFresh()) return;
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const build = spawnSync(process.execPath, [compiler, "-p", config], { cwd: root, encoding: "utf8" });
  if (build.status !== 0)
    throw new InternalError(`build: expected no errors, got\n${build.stdout}${build.stderr}`);
}

/** The compiler writes every file anew, so any one of them tells when that was. */
function isFresh(): boolean {
  const output = join(root, "dist/cli/main.js");
  if (!existsSync(output)) return false;
  const built = statSync(output).mtimeMs;
  return [...sources(), config, join(root, "tsconfig.json")].every((file) => statSync(file).mtimeMs < built);
}

function sources(): string[] {
  return readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !/\.test(-data)?\.ts$/.test(name))
    .map((name) => join(root, "src", name));
}
