/** @file Runs `evaluate --sweep`: the same evaluation under every variant, each in a folder of its own, then one table. */
import { join } from "node:path";
import { ConfigError } from "../../core/errors.js";
import { writeFileDurably, writeJsonDurably } from "../../core/files.js";
import { readEvaluation } from "../../evaluate/read.js";
import { sumUpSweep } from "../../evaluate/sweep/table.js";
import { variantModel } from "../../evaluate/sweep/variant-model.js";
import { loadSweep } from "../../evaluate/sweep/variants.js";
import type { SuiteSettings, TaskSelection } from "../../evaluate/tasks/suites.js";
import { renderSweep, SWEEP_HEADINGS, sweepRows } from "../../report/sweep.js";
import { writeEvaluationReport } from "../../report/write.js";
import type { EvaluateFlags } from "../command-options.js";
import { printJson, printLine, printTable } from "../output.js";
import { evaluateModel, selectTasks, withSuiteSettings } from "./evaluate.js";
import { openTarget } from "./target.js";

/**
 * Evaluates under every variant, sums up, prints. A finished variant costs nothing when the command is repeated.
 * @param isGiven whether an option was given rather than left at its default
 * @throws ConfigError for a bad file of variants, or when only multiple choice was asked for
 */
export async function runSweep(
  given: EvaluateFlags & { readonly sweep: string },
  isGiven: (option: keyof SuiteSettings) => boolean,
): Promise<void> {
  const options = withSuiteSettings(atOneStrength(given), isGiven);
  const variants = loadSweep(options.sweep);
  const tasks = drawnTasks(selectTasks(options));
  const silent = options.json === true;
  const folders = variants.map(({ name }) => join(options.out, name));
  const { model, close } = await openTarget(options);
  try {
    for (const [i, variant] of variants.entries()) {
      if (!silent) printLine(`Variant ${variant.name} (${i + 1} of ${variants.length})`);
      const { temperature = options.temperature } = variant;
      const out = folders[i] as string;
      await evaluateModel(variantModel(model, variant), tasks, { ...options, temperature, out });
      await writeEvaluationReport(out);
    }
  } finally {
    await close();
  }
  const sweep = sumUpSweep(variants, folders.map(readEvaluation));
  await writeJsonDurably(join(options.out, "sweep.json"), sweep);
  await writeFileDurably(join(options.out, "sweep.md"), renderSweep(sweep));
  if (silent) return printJson(sweep);
  const headings = SWEEP_HEADINGS.map((heading) => heading.replace(/^>/, ""));
  printTable(headings, sweepRows(sweep));
  printLine(`Table: ${join(options.out, "sweep.md")}`);
}

/** @throws ConfigError for several strengths: a sweep compares variants of one model */
function atOneStrength<Flags extends EvaluateFlags>({ adapterStrength, ...flags }: Flags) {
  const [strength = 1, ...more] = adapterStrength;
  if (more.length === 0) return { ...flags, adapterStrength: strength };
  throw new ConfigError("--sweep: expected one strength of the adapter, got several", {
    hint: "sweep each strength into a folder of its own",
  });
}

/** No variant touches multiple choice: it is scored without template, system prompt or sampling. */
function drawnTasks(tasks: readonly TaskSelection[]): readonly TaskSelection[] {
  const drawn = tasks.filter(({ task }) => task.multipleChoice === undefined);
  if (drawn.length > 0) return drawn;
  throw new ConfigError("--sweep: expected a set whose answers are drawn, got multiple choice alone", {
    hint: "variants change temperature, system prompt and prompts, which multiple choice does not have",
  });
}
