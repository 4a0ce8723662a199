/**
 * @file `trainSit`: safety instruction tuning, supervised fine-tuning on instructions with safety examples mixed in
 * (Bianchi et al. 2023, arXiv 2309.07875).
 */
import { toPromptCompletions } from "../../data/columns.js";
import { mixSafety } from "../../data/mixing.js";
import { resolveSettings, type SitOptions } from "../options.js";
import { runTraining, type TrainResult } from "../run.js";
import { openStart } from "../start.js";
import { contaminatedRows, loadRows } from "../training-data.js";
import { completionPlan, contaminationOf, folders, loadHeldOut } from "./sft.js";

/**
 * Trains an adapter on instruction rows and a seeded draw of safety rows. Safety rows that hold an evaluation prompt are
 * never drawn, so that the number asked for is the number trained.
 * @throws ConfigError when more safety examples are asked for than there are; otherwise as `trainSft`
 */
export async function trainSit(options: SitOptions): Promise<TrainResult> {
  const settings = resolveSettings("sit", options);
  const instructions = await loadRows(options.data, toPromptCompletions, folders(options));
  const safety = await loadRows(options.safetyData, toPromptCompletions, folders(options));
  const contamination = await contaminationOf([...instructions.rows, ...safety.rows], options);
  const excluded = contaminatedRows(contamination);
  const clean = safety.rows.filter(({ id }) => !excluded.has(id));
  const mix = mixSafety(instructions.rows, clean, options.safetyExamples, settings.seed);
  const start = await openStart(options, settings.seed);
  try {
    const evaluation = await loadHeldOut(options);
    const data = { ...instructions, rows: mix.rows };
    const recipe = {
      safetyData: { name: safety.name, hash: safety.hash },
      safetyExamples: mix.counts.safety,
    };
    const common = { options, settings, start, data, evaluation, contamination, recipe, mix: mix.counts };
    return await runTraining(completionPlan("sit", common));
  } finally {
    await start.close();
  }
}
