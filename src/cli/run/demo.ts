/** @file Runs `demo`: a study with a line and a progress bar for each stage, then table, report and what to do next. */
import { basename, extname, join } from "node:path";
import { GenerationError } from "../../core/errors.js";
import type { Evaluation } from "../../evaluate/read.js";
import type { Report } from "../../report/report.js";
import { intervalHeading } from "../../report/wording.js";
import { writeComparisonReport, writeEvaluationReport } from "../../report/write.js";
import { bundledRecipe, loadRecipe, type Recipe } from "../../study/recipe.js";
import type { StageNotice } from "../../study/run.js";
import { runStudy, type StudyResult } from "../../study/study.js";
import type { StudyObserver } from "../../study/workbench.js";
import type { DemoCommandOptions } from "../command-options.js";
import { openProgress } from "../open-progress.js";
import { DEFAULT_MODEL } from "../options.js";
import { printJson, printLine, printMemory, printTable, printWarning } from "../output.js";
import { duration, type Progress, progress } from "../progress.js";
import { printReport } from "./print-report.js";

/** Runs the study and tells its result; exit code 0 whatever the verdict. */
export async function runDemo(options: DemoCommandOptions): Promise<void> {
  const path = options.recipe ?? bundledRecipe(options.full === true ? "demo-full" : "demo");
  const given = loadRecipe(path);
  const recipe = options.seed === undefined ? given : { ...given, seed: options.seed };
  const out = options.out ?? join("runs", basename(path, extname(path)));
  const { threads, dataDir } = options;
  const lines = new StudyLines(options.json === true, out);
  const { signal, release } = interruption();
  const study = await runStudy({
    recipe,
    out,
    observer: lines.observer,
    signal,
    ...(threads !== undefined && { threads }),
    ...(dataDir !== undefined && { dataDir }),
  }).finally(() => {
    lines.done();
    release();
  });
  for (const folder of study.evaluations) await writeEvaluationReport(folder);
  const report = await writeComparisonReport(study.comparison, out);
  if (options.json === true) printJson(resultJson(study));
  else printResult(study, report, recipe);
}

/** Lines and bars on stderr. */
class StudyLines {
  private readonly isSilent: boolean;
  private readonly out: string;
  private readonly opening: ReturnType<typeof openProgress>;
  private bar: Progress | null = null;

  constructor(isSilent: boolean, out: string) {
    this.isSilent = isSilent;
    this.out = out;
    this.opening = openProgress(isSilent);
  }

  get observer(): StudyObserver {
    return {
      onStage: (notice) => this.stage(notice),
      onWork: (label, unit, total, done) => this.begin(label, unit, total, done),
      onWorkDone: (done, note) => this.bar?.reach(done, note),
      onWarning: (message) => this.warn(message),
      onOpen: (step) => this.opening.onProgress(step),
      onMemory: (plan, room) => this.isSilent || printMemory(plan, room, "  "),
    };
  }

  done(): void {
    this.opening.done();
    this.bar?.done();
    this.bar = null;
  }

  private stage({ name, index, of, state, plan, seconds }: StageNotice): void {
    this.done();
    if (this.isSilent || state === "ended") return;
    const text = state === "begins" ? plan : `done before, in ${duration(seconds)} (${this.out})`;
    process.stderr.write(`[${index}/${of}] ${name}: ${text}\n`);
  }

  private begin(label: string, unit: string, total: number, done: number): void {
    this.done();
    this.bar = progress({ label: `  ${label}`, unit, total, initial: done, silent: this.isSilent });
  }

  private warn(message: string): void {
    if (this.bar === null || this.isSilent) printWarning(message);
    else this.bar.log(`warning: ${message}`);
  }
}

/** Ctrl-C ends the study between two steps; a second one ends it at once. Either way nothing finished is lost. */
function interruption(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const interrupt = (): void => {
    const hint = "what is finished is kept; the same command goes on where it stopped";
    controller.abort(new GenerationError("demo: interrupted", { hint }));
  };
  process.once("SIGINT", interrupt);
  return { signal: controller.signal, release: () => process.removeListener("SIGINT", interrupt) };
}

function printResult(study: StudyResult, report: Report, recipe: Recipe): void {
  printLine();
  printReport(report);
  if (study.final !== null) printFinal(study.final);
  printLine();
  for (const warning of study.warnings) printLine(wrapped(`Watch: ${warning}`));
  printLine(wrapped(honestSentence(study)));
  const seconds = Object.values(study.state.stages).reduce((sum, stage) => sum + stage.seconds, 0);
  printLine();
  printLine(`Report: ${join(study.folder, "report.html")} (${duration(seconds)} of work in all)`);
  printNext(study, recipe);
}

/** Sets that only the final model was asked. */
function printFinal({ results }: Evaluation): void {
  const shares = results.tasks.filter(({ metric }) => metric === "refused");
  printLine();
  printLine("The final model on further harmful prompts");
  printTable(
    ["set", "n", "refused", intervalHeading(results.settings.level)],
    shares.map(({ name, n, value, low, high }) => [
      name,
      n,
      percent(value),
      `${percent(low)} – ${percent(high)}`,
    ]),
  );
}

/** What the numbers are worth: the verdict, why, and how far the matcher can be trusted. */
function honestSentence({ comparison }: StudyResult): string {
  const judge = comparison.judges.find(({ kind }) => kind === "refusal");
  const measured = judge?.validation;
  const trust =
    measured === undefined || measured === null
      ? "it was not measured against people's labels"
      : `against people's labels on ${measured.n} answers it finds ${percent(measured.sensitivity.value)} of the refusals (sensitivity) and calls ${percent(measured.specificity.value)} of the other answers what they are (specificity)`;
  return (
    `Verdict: inconclusive. A pattern matcher counted refusals and objections, which is not harm: an answer without ` +
    `one may be harmless, and one with it may still do harm; ${trust}. No judge of harm took part, so nothing here ` +
    `says that this model is safe to serve. Read the flipped answers in the report.`
  );
}

function printNext({ adapter, folder }: StudyResult, recipe: Recipe): void {
  const model = recipe.model === DEFAULT_MODEL ? "" : ` --model ${recipe.model}`;
  const chat = `npx safe-to-serve chat${model} --adapter ${adapter}`;
  printLine("Next:");
  printLine(`  chat with it           ${chat}`);
  printLine(`  turn the safety dial   ${chat} --adapter-strength 0.5   (0 is the base, 1 as trained)`);
  printLine(
    `  evaluate more          npx safe-to-serve evaluate${model} --adapter ${adapter} --suite full --out ${join(folder, "evaluations", "full")}`,
  );
  printLine(
    "  your own recipe        npx safe-to-serve demo --recipe mine.yaml   (begin from recipes/demo.yaml)",
  );
}

function resultJson(study: StudyResult): object {
  const { answers: _, ...comparison } = study.comparison;
  const { folder, adapter, warnings, final, state } = study;
  return {
    folder,
    report: join(folder, "report.html"),
    adapter,
    verdict: { decision: "inconclusive", reason: honestSentence(study) },
    comparison,
    final: final === null ? null : final.results,
    warnings,
    stages: state.stages,
  };
}

/** Text in lines as wide as the terminal. */
function wrapped(text: string): string {
  const width = process.stdout.columns ?? 100;
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines[lines.length - 1] ?? "";
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.join("\n");
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "–";
}
