#!/usr/bin/env node
/**
 * @file The `safe-to-serve` command. To add a command: `src/cli/commands/<name>.ts` exports `<name>Command(): Command`
 * (description, options from `options.ts`, an example by `addHelpText("after", …)`) and imports commander and
 * `options.ts` only; its action imports `../run/<name>.js`, which may import anything, lazily. Then list it in
 * `all-commands.ts`. Start-up stays under 200 ms this way.
 */
import { allCommands } from "./all-commands.js";
import { describeFailure, EXIT } from "./failure.js";
import { buildProgram, runProgram } from "./program.js";

const program = buildProgram(allCommands());

// A reader that stops early (`| head`) is no failure; a full disk behind `>` is.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.done);
  const { lines, exitCode } = describeFailure(Object.assign(error, { path: "standard output" }));
  process.stderr.write(`${lines.join("\n")}\n`);
  process.exit(exitCode);
});
// Nothing can be said where nobody listens; the work goes on.
process.stderr.on("error", () => undefined);

const exitCode = await runProgram(program, process.argv.slice(2));
// Flush, then leave even if a failed command left a worker thread open.
await new Promise((resolve) => process.stdout.write("", resolve));
process.exit(exitCode);
