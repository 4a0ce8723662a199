/** @file The command line in this process, and what a folder holds: bad input must end in one clear line and leave nothing. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { expect, vi } from "vitest";
import { allCommands } from "../../src/cli/all-commands.js";
import { buildProgram, runProgram } from "../../src/cli/program.js";
import { sha256 } from "../../src/core/hash.js";

/** How a command line ended. */
export interface Outcome {
  readonly code: number;
  /** Lines on stderr. */
  readonly lines: readonly string[];
}

/** Runs a command line. */
export type RunCommand = (argv: readonly string[]) => Promise<Outcome>;

/** Runs a program with nothing on stdout, and collects what it says of failures. */
export async function runWith(
  program: (stderr: (text: string) => void) => Promise<number>,
): Promise<Outcome> {
  let stderr = "";
  const silence = vi.spyOn(process.stdout, "write").mockImplementation(() => true);
  const code = await program((text) => {
    stderr += text;
  });
  silence.mockRestore();
  process.exitCode = undefined;
  return { code, lines: stderr.split("\n").slice(0, -1) };
}

const runSource: RunCommand = (argv) =>
  runWith((stderr) => runProgram(buildProgram(allCommands()), argv, stderr));

/** What the cache remembers of files on purpose: whole records, also of files that turn out bad later. */
const REMEMBERED = [`cache${sep}hashes`, `cache${sep}finite`];

/** Every file of a folder with size and hash. */
function contentsOf(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, name);
    if (REMEMBERED.some((folder) => name.includes(folder))) continue;
    if (statSync(path).isFile()) files[name] = `${statSync(path).size} ${sha256(readFileSync(path))}`;
  }
  return files;
}

/** Line lengths that still fit a few rows of a terminal. */
const MAX_LINE = 700;

/**
 * Runs a command line that must be refused: exit code 2, one line that says `message`, one hint, no new or changed file
 * under `folder`.
 */
export async function expectRefusal(
  folder: string,
  argv: readonly string[],
  message: RegExp,
  run: RunCommand = runSource,
): Promise<void> {
  const before = contentsOf(folder);
  const { code, lines } = await run(argv);
  const [error = "", ...hints] = lines;
  expect({ code, error: error.slice(0, MAX_LINE) }).toEqual({ code: 2, error });
  expect(error).toMatch(/^error: /);
  expect(error).toMatch(message);
  expect(hints.map((line) => line.slice(0, 6))).toEqual(["hint: "]);
  expect(lines.join("")).not.toMatch(/\p{Cc}/u);
  expect(contentsOf(folder)).toEqual(before);
}
