/** @file The flags of commands that decide: the policy, and where its verdict goes besides the report. */
import type { Command } from "commander";

/** Flags of a gate as commander gives them. */
export interface GateFlags {
  /** A policy's file, or "default". */
  readonly gate?: string;
  /** Where the JUnit XML goes. */
  readonly junit?: string;
}

/** Declares --gate and --junit. */
export function addGateFlags(command: Command): Command {
  return command
    .option("--gate <policy>", 'decide by a policy: a YAML file, or "default" for the bundled one')
    .option("--junit <file>", "write the verdict as JUnit XML, one test case a rule (with --gate)");
}
