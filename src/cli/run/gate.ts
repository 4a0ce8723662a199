/** @file What commands that decide share: reading the policy before any work, writing the JUnit file, the exit code. */
import { fileURLToPath } from "node:url";
import { ConfigError } from "../../core/errors.js";
import { writeFileDurably } from "../../core/files.js";
import { loadPolicy, type Policy } from "../../evaluate/policy.js";
import { renderJUnit } from "../../report/junit.js";
import type { Report } from "../../report/report.js";
import { EXIT } from "../failure.js";
import type { GateFlags } from "../gate-flags.js";

/** The policy that the flags name; undefined without one. @throws ConfigError for a bad policy, or --junit without --gate */
export function openGate({ gate, junit }: GateFlags): Policy | undefined {
  if (gate !== undefined) return loadPolicy(gate === "default" ? DEFAULT_POLICY : gate);
  if (junit === undefined) return undefined;
  throw new ConfigError("--junit: expected --gate beside it, got none", {
    hint: "JUnit's test cases are the rules of a policy; --gate default takes the bundled one",
  });
}

/** The policy that comes with the package. */
const DEFAULT_POLICY: string = fileURLToPath(new URL("../../../recipes/policy.yaml", import.meta.url));

/** Writes the JUnit file, where one is asked for. */
export async function writeGate(report: Report, { junit }: GateFlags): Promise<void> {
  if (junit !== undefined) await writeFileDurably(junit, renderJUnit(report));
}

/** Lets the process end as the verdict says: 3 do not serve, 4 inconclusive. */
export function exitWith(decision: Report["verdict"]["decision"]): void {
  if (decision === "do-not-serve") process.exitCode = EXIT.doNotServe;
  if (decision === "inconclusive") process.exitCode = EXIT.inconclusive;
}
