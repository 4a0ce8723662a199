/** @file Runs `evaluate`: opens the model, asks the tasks, writes numbers and report, prints the table. */
import { join } from "node:path";
import { ConfigError, GenerationError } from "../../core/errors.js";
import type { EvaluationProgress } from "../../evaluate/options.js";
import { type Policy, setsOfPolicy } from "../../evaluate/policy.js";
import type { EvaluationResults } from "../../evaluate/results.js";
import { evaluate } from "../../evaluate/run.js";
import { type LabelSource, readLabels } from "../../evaluate/run-labels.js";
import {
  type SuiteSettings,
  suite,
  suiteSettings,
  type TaskSelection,
  taskNamed,
} from "../../evaluate/tasks/suites.js";
import { TextEmbedder } from "../../generate/text-embedder.js";
import { refusalMatcher } from "../../judges/refusal-matcher.js";
import { writeEvaluationReport } from "../../report/write.js";
import type { ChatModel } from "../../text/chat-model.js";
import type { Judge } from "../../text/judge.js";
import type { EvaluateCommandOptions, EvaluateFlags } from "../command-options.js";
import { printJson, printLine } from "../output.js";
import { type Progress, progress } from "../progress.js";
import { runDial } from "./dial.js";
import { type EvaluationJudges, isJudged, openJudges } from "./evaluation-judges.js";
import { exitWith, openGate, writeGate } from "./gate.js";
import { printReport } from "./print-report.js";
import { openTarget, targetOf } from "./target.js";

/**
 * Evaluates, writes, prints; the exit code tells the verdict. Several strengths of the adapter are a dial: see `dial.ts`.
 * @param isGiven whether an option was given rather than left at its default
 */
export async function runEvaluate(
  flags: EvaluateFlags,
  isGiven: (option: keyof SuiteSettings) => boolean,
): Promise<void> {
  const { adapterStrength: strengths, ...rest } = withSuiteSettings(flags, isGiven);
  const [adapterStrength = 1, ...more] = strengths;
  if (more.length > 0) return runDial({ ...rest, adapterStrength }, strengths, openAndEvaluate);
  const options = { ...rest, adapterStrength };
  const policy = openGate(options);
  const results = await openAndEvaluate(options, policy);
  const report = await writeEvaluationReport(options.out);
  await writeGate(report, options);
  if (options.json === true) printJson(results);
  else {
    printReport(report);
    printLine(`Report: ${join(options.out, "report.html")}`);
  }
  exitWith(results.verdict.decision);
}

/** Opens what the flags name, evaluates it and closes it. */
async function openAndEvaluate(options: EvaluateCommandOptions, policy?: Policy): Promise<EvaluationResults> {
  const tasks = selectTasks(options, policy);
  const judges = await openJudges(options, tasks);
  try {
    return await evaluateTarget(tasks, options, judges, policy);
  } finally {
    await judges.close();
  }
}

/** The options with what the suite fixes. @throws ConfigError for a flag that says otherwise */
export function withSuiteSettings<
  Options extends Pick<EvaluateCommandOptions, "suite" | "endpoint" | keyof SuiteSettings>,
>(options: Options, isGiven: (option: keyof SuiteSettings) => boolean): Options {
  const settings = options.suite === undefined ? null : suiteSettings(options.suite);
  if (settings === null) return options;
  if (options.endpoint !== undefined)
    throw new ConfigError(`--suite ${options.suite}: expected a local model or --responses, got --endpoint`, {
      hint: "a server applies its own template; --suite paper has the same sets",
    });
  const names = Object.keys(settings) as (keyof SuiteSettings)[];
  const other = names.find((name) => isGiven(name) && options[name] !== settings[name]);
  if (other !== undefined)
    throw new ConfigError(
      `--suite ${options.suite}: expected its own ${other} ${settings[other]}, got ${options[other]}`,
      { hint: "leave the flag out, or take --suite paper, which has the same sets and fixes nothing" },
    );
  return { ...options, ...settings };
}

/** The tasks that the flags name; without any the policy's own, if there is one. @throws ConfigError for names that are not known */
export function selectTasks(
  options: Pick<EvaluateCommandOptions, "suite" | "task">,
  policy?: Policy,
): readonly TaskSelection[] {
  const names = options.task ?? (options.suite === undefined && policy ? setsOfPolicy(policy) : undefined);
  if (names === undefined) return suite(options.suite ?? "safety");
  return names.map((name) => ({ task: taskNamed(name), limit: null }));
}

/** Opens the target, and closes it before the first judge that is a model: both need not fit into memory. */
async function evaluateTarget(
  tasks: readonly TaskSelection[],
  options: EvaluateCommandOptions,
  judges: EvaluationJudges,
  policy?: Policy,
): Promise<EvaluationResults> {
  const labels = options.labels === undefined ? undefined : await readLabels(options.labels);
  const target = await openTarget(options);
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await target.close();
    isOpen = false;
  };
  const beforeJudge = async (judge: Judge): Promise<void> => {
    await close();
    await judges.closeBefore(judge);
  };
  try {
    const { matcher, judges: later } = judges;
    const extras = { policy, labels, matcher, judges: later, beforeJudge };
    return await evaluateModel(target.model, tasks, options, extras);
  } finally {
    await close();
  }
}

/** What `evaluate` is given beside a model, tasks and flags. */
interface EvaluationExtras {
  readonly policy?: Policy | undefined;
  readonly labels?: LabelSource | undefined;
  /** The refusal matcher, with another validation than its own. */
  readonly matcher?: Judge;
  /** Judges beside it. */
  readonly judges?: readonly Judge[];
  readonly beforeJudge?: (judge: Judge) => Promise<void>;
}

/** Runs the evaluation that the flags ask for, with a progress line. */
export async function evaluateModel(
  model: ChatModel,
  tasks: readonly TaskSelection[],
  options: EvaluateCommandOptions,
  { policy, matcher = refusalMatcher(), judges = [], beforeJudge, labels }: EvaluationExtras = {},
): Promise<EvaluationResults> {
  const { maxNewTokens, minNewTokens, temperature, topK, topP, frequencyPenalty, stop, batchSize } = options;
  const lines = progressLines(options.json === true);
  const { signal, release } = interruption();
  const embedder = await openEmbedder(options);
  try {
    return await evaluate({
      model,
      target: targetOf(model, options),
      judges: isJudged(tasks) ? [matcher] : [],
      laterJudges: judges,
      ...(labels === undefined ? {} : { labels }),
      ...(beforeJudge === undefined ? {} : { beforeJudge }),
      tasks,
      out: options.out,
      limit: options.limit ?? null,
      seed: options.seed,
      sampling: { maxNewTokens, minNewTokens, temperature, topK, topP, frequencyPenalty, stop, batchSize },
      ...(options.fewShot === undefined ? {} : { fewShot: options.fewShot }),
      ...(options.repeats === undefined ? {} : { repeats: options.repeats }),
      ...(embedder === null ? {} : { bertScore: { embedder, idf: options.bertscoreIdf === true } }),
      policy: policy ?? null,
      isResumable: options.resume !== false,
      ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
      onProgress: lines.update,
      signal,
    });
  } finally {
    await embedder?.close();
    lines.done();
    release();
  }
}

/** The encoder of --bertscore. @throws ConfigError for its other flags without it */
async function openEmbedder(options: EvaluateCommandOptions): Promise<TextEmbedder | null> {
  const { bertscore, bertscoreLayer: layer, bertscoreIdf, threads } = options;
  if (bertscore !== undefined) return TextEmbedder.open(bertscore, { layer, threads });
  if (layer === undefined && bertscoreIdf !== true) return null;
  throw new ConfigError("--bertscore-layer, --bertscore-idf: expected --bertscore beside them, got none");
}

const PHASES: Readonly<Record<EvaluationProgress["phase"], { label: string; unit: string }>> = {
  answers: { label: "evaluating", unit: "answers" },
  questions: { label: "scoring choices", unit: "questions" },
  references: { label: "scoring references", unit: "answers" },
  verdicts: { label: "judging", unit: "verdicts" },
  bertscores: { label: "comparing with references", unit: "answers" },
};

interface ProgressLines {
  update(state: EvaluationProgress): void;
  done(): void;
}

/** A progress line for each phase. */
function progressLines(silent: boolean): ProgressLines {
  let line: Progress | undefined;
  let phase: EvaluationProgress["phase"] | undefined;
  return {
    update(state) {
      if (state.phase !== phase) {
        line?.done();
        phase = state.phase;
        const { label, unit } = PHASES[state.phase];
        line = progress({ label, total: state.total, unit, initial: state.done, silent });
      }
      line?.reach(state.done, state.task ?? "");
    },
    done: () => line?.done(),
  };
}

/** Ctrl-C ends the run between two steps; finished answers are journalled by then. */
function interruption(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const interrupt = (): void => {
    const hint = "finished answers are kept; the same command goes on where it stopped";
    controller.abort(new GenerationError("evaluate: interrupted", { hint }));
  };
  process.once("SIGINT", interrupt);
  return { signal: controller.signal, release: () => process.removeListener("SIGINT", interrupt) };
}
