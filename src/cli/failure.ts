/**
 * @file How a command ends when it fails: `error: …` and `hint: …`, one line each on stderr, and an exit code that
 * scripts can rely on. No stack for the user's mistakes; our own bugs ask for a report.
 */
import { CommanderError } from "commander";
import {
  ConfigError,
  ContextLengthError,
  FormatError,
  InternalError,
  SafeToServeError,
} from "../core/errors.js";
import { fileProblem } from "../core/file-problems.js";
import { oneLine } from "../core/one-line.js";

/** Exit codes of every command. */
export const EXIT = {
  /** The command did what was asked. */
  done: 0,
  /** It failed: a run broke, a download failed, or our bug. */
  failed: 1,
  /** The command line, an option or a file is wrong. */
  usage: 2,
  /** The verdict is do-not-serve. */
  doNotServe: 3,
  /** The verdict is inconclusive. */
  inconclusive: 4,
} as const;

/** What is printed about a failure, and the exit code. */
export interface Failure {
  readonly lines: readonly string[];
  readonly exitCode: number;
}

/** Describes any thrown value; `verbose` adds the stack and the causes. */
export function describeFailure(error: unknown, verbose = false): Failure {
  const failure = classify(error);
  if (!verbose || error instanceof CommanderError) return failure;
  return { ...failure, lines: [...failure.lines, ...stackLines(error)] };
}

function classify(error: unknown): Failure {
  if (error instanceof CommanderError) return usageFailure(error);
  if (error instanceof InternalError) return internalFailure(error.message);
  if (error instanceof SafeToServeError) return knownFailure(error);
  return fileFailure(error) ?? internalFailure(error instanceof Error ? error.message : String(error));
}

function knownFailure(error: SafeToServeError): Failure {
  const lines = [`error: ${error.message}`];
  if (error.hint !== undefined) lines.push(`hint: ${error.hint}`);
  const isUsers =
    error instanceof ConfigError || error instanceof FormatError || error instanceof ContextLengthError;
  return { lines, exitCode: isUsers ? EXIT.usage : EXIT.failed };
}

/** Commander reports help and version by throwing, too; they carry exit code 0 and need no words. */
function usageFailure(error: CommanderError): Failure {
  if (error.exitCode === 0) return { lines: [], exitCode: EXIT.done };
  if (error.code === "commander.help") return { lines: [], exitCode: EXIT.usage };
  const [message = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const hint = suggestion?.replace(/^\(Did (.*)\)$/, "did $1") ?? "add --help to see what the command takes";
  return { lines: [`error: ${message}`, `hint: ${hint}`], exitCode: EXIT.usage };
}

/** A file error of Node, e.g. a path that does not exist: the user's to mend, or the disk's. */
function fileFailure(error: unknown): Failure | undefined {
  const { problem, isPlace, isKnown } = fileProblem(error);
  if (!isKnown) return undefined;
  const path = error instanceof Error && "path" in error ? String(error.path) : "a file";
  const hint = isPlace ? "check the path and its permissions" : "make room on that disk, then run it again";
  return {
    lines: [`error: ${path}: ${problem}`, `hint: ${hint}`],
    exitCode: isPlace ? EXIT.usage : EXIT.failed,
  };
}

function internalFailure(message: string): Failure {
  return {
    lines: [
      `error: internal error: ${oneLine(message)}`,
      "hint: this is a bug of safe-to-serve; please report it with the output of the same command with --verbose",
    ],
    exitCode: EXIT.failed,
  };
}

function stackLines(error: unknown): string[] {
  const lines: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) {
    lines.push(...(at.stack ?? at.message).split("\n"));
    if (at.cause !== undefined) lines.push("caused by:");
    if (at.cause !== undefined && !(at.cause instanceof Error)) lines.push(String(at.cause));
  }
  return lines;
}
