/** @file The built command line, run in this process: as users' shells see it, without a process a command. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { allCommands } from "../../src/cli/all-commands.js";
import type { buildProgram, runProgram } from "../../src/cli/program.js";
import type { RunCommand } from "./command.js";
import { runWith } from "./command.js";

interface BuiltProgram {
  readonly buildProgram: typeof buildProgram;
  readonly runProgram: typeof runProgram;
}

const built = async <T>(path: string): Promise<T> =>
  (await import(pathToFileURL(resolve(import.meta.dirname, "../../dist/cli", path)).href)) as T;

/** Runs a command line of `dist`. */
export const runBuilt: RunCommand = async (argv) => {
  const { buildProgram, runProgram } = await built<BuiltProgram>("program.js");
  const commands = await built<{ readonly allCommands: typeof allCommands }>("all-commands.js");
  return runWith((stderr) => runProgram(buildProgram(commands.allCommands()), argv, stderr));
};
