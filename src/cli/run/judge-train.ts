/** @file Runs `judge train`: progress lines around the training, and the figures that matter at the end. */
import { join } from "node:path";
import { requireWritable } from "../../core/files.js";
import { cacheRoot } from "../../models/hub/cache.js";
import type { Estimate } from "../../stats/intervals.js";
import { readJudgeRecipe } from "../../train/judge/recipe.js";
import { trainJudge } from "../../train/judge/train-judge.js";
import type { JudgeTrainOptions } from "../command-options.js";
import { openProgress } from "../open-progress.js";
import { printJson, printLine, printMemory, printTable } from "../output.js";
import { type Progress, progress } from "../progress.js";

/** Trains a harm judge. */
export async function runJudgeTrain(options: JudgeTrainOptions): Promise<void> {
  const recipe = readJudgeRecipe(options.recipe);
  requireWritable(join(options.out, "folds.json"));
  const silent = options.json === true;
  const opening = openProgress(silent);
  let bar: Progress | null = null;
  try {
    const report = await trainJudge({
      recipe,
      out: options.out,
      featureFolder: options.features ?? join(cacheRoot(), "features"),
      limit: options.limit,
      threads: options.threads,
      ...(options.dataDir !== undefined && { dataDir: options.dataDir }),
      onProgress: opening.onProgress,
      ...(!silent && { onMemory: printMemory }),
      onPhase: (label, total, unit) => {
        opening.done();
        bar?.done();
        bar = progress({ label, total, unit, silent });
      },
      onDone: (count) => bar?.advance(count),
    });
    (bar as Progress | null)?.done();
    if (silent) return printJson(report);
    const { folds, neverSeen, neverSeenMean } = report.figures;
    const judges = Object.keys(neverSeenMean.byJudge);
    printTable(
      ["source", "measure", ...judges],
      [
        ...folds,
        ...neverSeen,
        { ...neverSeenMean, source: "mean of never seen", measure: "balanced accuracy" },
      ].map(({ source, measure, byJudge }) => [
        source,
        measure,
        ...judges.map((name) => shown(byJudge[name])),
      ]),
    );
    printLine(`Judge in ${report.judge}; tables in ${join(options.out, "folds.md")}`);
  } finally {
    (bar as Progress | null)?.done();
    opening.done();
  }
}

function shown(estimate: Estimate | undefined): string {
  if (estimate === undefined) return "";
  const { value, low, high } = estimate;
  return `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}
