/** @file The safety dial: one evaluation a strength of the adapter, each in a folder of its own, then their comparison. */
import { join } from "node:path";
import { ConfigError } from "../../core/errors.js";
import type { EvaluationResults } from "../../evaluate/results.js";
import { writeEvaluationReport } from "../../report/write.js";
import type { EvaluateCommandOptions } from "../command-options.js";
import { printLine } from "../output.js";
import { runCompare } from "./compare.js";

/**
 * Evaluates every strength into `OUT/strength-S` and compares them in OUT; strength 0 is the base without the adapter.
 * The same command goes on where it stopped.
 * @param strengths at least two, from small to large
 * @param evaluate  runs one evaluation
 * @throws ConfigError without an adapter, with a policy, or with repeats
 */
export async function runDial(
  options: EvaluateCommandOptions,
  strengths: readonly number[],
  evaluate: (options: EvaluateCommandOptions) => Promise<EvaluationResults>,
): Promise<void> {
  requireDial(options);
  const runs = strengths.map((strength) => optionsAt(strength, options));
  for (const run of runs) {
    if (options.json !== true) printLine(`Evaluation: ${run.out}`);
    await evaluate(run);
    await writeEvaluationReport(run.out);
  }
  const { out, json } = options;
  await runCompare(
    runs.map((run) => run.out),
    { out, ...(json === undefined ? {} : { json }) },
  );
}

function requireDial({ adapter, gate, junit, repeats = 1 }: EvaluateCommandOptions): void {
  if (adapter === undefined)
    throw new ConfigError("--adapter-strength: expected an adapter to scale, got none", {
      hint: "name one with --adapter, or leave --adapter-strength out",
    });
  if (repeats > 1)
    throw new ConfigError("--repeats: expected one strength of the adapter, got several", {
      hint: "a dial is compared prompt by prompt, one answer each: leave --repeats out",
    });
  if (gate !== undefined || junit !== undefined)
    throw new ConfigError("--gate: expected one strength of the adapter, got several", {
      hint: "evaluate the dial first, then `compare --gate` its folders, strength 0 first",
    });
}

/** @returns the options of one strength; that of the base carries no adapter, as its manifest must not */
function optionsAt(
  strength: number,
  { adapter, ...options }: EvaluateCommandOptions,
): EvaluateCommandOptions {
  const out = join(options.out, `strength-${strength}`);
  if (strength === 0 || adapter === undefined) return { ...options, adapterStrength: 1, out };
  return { ...options, adapter, adapterStrength: strength, out };
}
