/** @file The program around the commands: version, --verbose, usage errors, exit codes. Testable without a process. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { describeFailure, EXIT } from "./failure.js";

/** The program with the given commands. */
export function buildProgram(commands: readonly Command[]): Command {
  const program = new Command("safe-to-serve")
    .description("Evaluate, align, prove and serve an open-weight, instruction-tuned language model.")
    .version(packageVersion(), "--version", "print the version")
    .option("--verbose", "print stacks and causes of errors");
  for (const command of commands) program.addCommand(command);
  throwInsteadOfExit(program);
  return program;
}

/**
 * Runs one command line and gives its exit code; failures go to `stderr`. A command that ends with a verdict sets
 * `process.exitCode` to {@link EXIT}.doNotServe or {@link EXIT}.inconclusive.
 */
export async function runProgram(
  program: Command,
  argv: readonly string[],
  stderr: (text: string) => void = (text) => process.stderr.write(text),
): Promise<number> {
  try {
    await program.parseAsync([...argv], { from: "user" });
    return Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    const failure = describeFailure(error, isVerbose(program));
    if (failure.lines.length > 0) stderr(`${failure.lines.join("\n")}\n`);
    return failure.exitCode;
  }
}

function isVerbose(program: Command): boolean {
  return program.opts<{ verbose?: boolean }>().verbose === true || Boolean(process.env["DEBUG"]);
}

/** Commands made apart from the program inherit nothing, so every one is told. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => undefined });
  command.showHelpAfterError(false);
  for (const child of command.commands) throwInsteadOfExit(child);
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
