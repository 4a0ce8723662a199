/**
 * @file One evaluation: tasks asked of a chat model, answers journalled and judged, numbers with intervals. It resumes
 * where it stopped. The verdict follows a policy; without one it is inconclusive.
 */
import { join } from "node:path";
import { ConfigError } from "../core/errors.js";
import { Journal, writeJsonDurably } from "../core/files.js";
import { resolveSampling } from "../generate/sampling-options.js";
import { DEFAULT_LEVEL } from "../stats/intervals.js";
import type { ChatModel, SamplingOptions } from "../text/chat-model.js";
import type { Judge } from "../text/judge.js";
import { OpenAnswers } from "../text/open-answers.js";
import { aggregate, type Group } from "./aggregate.js";
import { type BertScores, type BertScoring, collectBertScores } from "./bert-scores.js";
import { judgeable, judgeSamples, judgingNotes, requireOwnNames, withVerdicts } from "./judging.js";
import { claimFolder, hashPart, recordJudge } from "./manifest.js";
import { isMultipleChoice, scoreChoices } from "./multiple-choice.js";
import type { Policy } from "./policy.js";
import { countReferences, scoreReferences } from "./references.js";
import { repeatNotes, requireRepeatable } from "./repeats.js";
import {
  EVALUATION_SCHEMA_VERSION,
  type EvaluationManifest,
  type EvaluationResults,
  type EvaluationSampling,
  type EvaluationTarget,
  type ReferenceRow,
  type SampleRow,
  type VerdictRow,
} from "./results.js";
import { joinLabels, type LabelSource, type RunLabels } from "./run-labels.js";
import { requestId, sampleId } from "./sample-ids.js";
import { answeredIds, drawSamples, latestRows } from "./samples.js";
import { type LoadedTask, type LoadedTasks, loadTasks } from "./tasks/load.js";
import { poolsOf, type TaskSelection } from "./tasks/suites.js";
import { decide } from "./verdict.js";

/** File names in an evaluation's folder. */
export const SAMPLES_FILE = "samples.jsonl";
export const REFERENCES_FILE = "references.jsonl";
export const VERDICTS_FILE = "verdicts.jsonl";
export const RESULTS_FILE = "results.json";

/** How far an evaluation is. */
export interface EvaluationProgress {
  readonly phase: "answers" | "questions" | "references" | "verdicts" | "bertscores";
  /** Finished answers, questions, references or verdicts, and open ones as the shares of the token limit that they have reached. */
  readonly done: number;
  readonly total: number;
  /** Task of the last piece of work; null before the first. */
  readonly task: string | null;
}

/** What to evaluate, on what, and where to. */
export interface EvaluateOptions {
  readonly model: ChatModel;
  /** How the target is named in files; default the model's id alone. */
  readonly target?: Partial<EvaluationTarget>;
  /** Asked about every answer as soon as it is drawn. */
  readonly judges: readonly Judge[];
  /** Asked, one after the other, when everything is drawn and the model is no longer needed. */
  readonly laterJudges?: readonly Judge[];
  /** Told before each of these is asked for the first time: what stands before it can be closed. */
  readonly beforeJudge?: (judge: Judge) => Promise<void>;
  readonly tasks: readonly TaskSelection[];
  /** Folder of the evaluation; made if needed. */
  readonly out: string;
  /** The most prompts a task; null (default) for the suite's own limits. */
  readonly limit?: number | null;
  /** Greedy, at most 128 new tokens, no penalty, unless said otherwise. `seed` and `signal` have their own options. */
  readonly sampling?: Omit<SamplingOptions, "seed" | "signal" | "onDraw">;
  /** Of the prompt sample and of every draw; default 0. */
  readonly seed?: number;
  /** Answers to every prompt, each drawn with a seed of its own; default 1, and 1 only when greedy. */
  readonly repeats?: number;
  /** Worked examples before a question of multiple choice, picked as lm-evaluation-harness does; default 0. */
  readonly fewShot?: number;
  /** Go on in a folder that holds this very evaluation; default true. */
  readonly isResumable?: boolean;
  /** People's labels of a random part of this run's answers, by which shares are corrected; as {@link readLabels} gives them. */
  readonly labels?: LabelSource;
  /** Sets answers against reference answers by an encoder; it may be added to a finished evaluation. */
  readonly bertScore?: BertScoring;
  /** What the model must show; null (default) decides nothing. It is no part of what was asked, so it may change. */
  readonly policy?: Policy | null;
  /** Folder of data sets that are not bundled. */
  readonly dataDir?: string;
  readonly onProgress?: (progress: EvaluationProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * Runs an evaluation to its end and writes `evaluation.json`, `samples.jsonl`, `references.jsonl`, `verdicts.jsonl` and
 * `results.json`.
 * @throws ConfigError      when nothing can be asked, or the folder holds another evaluation
 * @throws GenerationError  when the model fails or the run is stopped; finished answers stay in the folder
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluationResults> {
  const { seed = 0, limit = null, fewShot = 0 } = options;
  const available = await loadTasks(options.tasks, {
    limit,
    seed,
    fewShot,
    ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
  });
  const loaded = await withoutUnmeasurable(available, options);
  requireAsked(loaded.tasks, loaded.notes, options);
  const manifest = makeManifest(options, loaded.tasks);
  const { repeats = 1 } = options;
  requireRepeatable(repeats, manifest.sampling);
  await claimFolder(options.out, manifest, options.isResumable ?? true);
  const drawn = await collectSamples(options, loaded.tasks, manifest.sampling, seed);
  const canScore = options.model.score !== undefined;
  const references = canScore ? await collectReferences(options, loaded.tasks) : [];
  const samples = await collectVerdicts(options, drawn);
  const notes = [...loaded.notes, ...repeatNotes(repeats, manifest.sampling)];
  notes.push(...sampleNotes(loaded.tasks), ...failureNotes(samples));
  notes.push(...judgingNotes(options.laterJudges ?? [], samples));
  notes.push(...(options.model.notes?.() ?? []));
  if (!canScore && countReferences(loaded.tasks) > 0)
    notes.push("reference log-probability: not measured, the model gives no log-probabilities");
  const referenceTexts = referenceTextsOf(loaded.tasks);
  const labels = options.labels === undefined ? null : joinLabels(options.labels, samples);
  const bertScores = await scoreTexts(options, samples, referenceTexts);
  const answers = {
    samples,
    references,
    referenceTexts,
    labels,
    ...(bertScores === null ? {} : { bertScores }),
  };
  const results = summarise(manifest, answers, notes, options.policy ?? null);
  await writeJsonDurably(join(options.out, RESULTS_FILE), results);
  return results;
}

/** BERTScores where an encoder is given. */
async function scoreTexts(
  { bertScore, out, signal, onProgress }: EvaluateOptions,
  samples: readonly SampleRow[],
  references: Answers["referenceTexts"],
): Promise<BertScores | null> {
  if (bertScore === undefined) return null;
  return collectBertScores({
    ...bertScore,
    out,
    samples,
    references,
    ...(signal === undefined ? {} : { signal }),
    onProgress: (done, total) => onProgress?.({ phase: "bertscores", done, total, task: null }),
  });
}

/** Leaves out multiple choice, with a note, where the model gives no log-likelihoods of raw texts. */
async function withoutUnmeasurable(
  { tasks, notes }: LoadedTasks,
  { model, signal }: EvaluateOptions,
): Promise<LoadedTasks> {
  const choices = tasks.filter(isMultipleChoice);
  const reason = choices.length === 0 ? null : await whyUnmeasurable(model, signal);
  if (reason === null) return { tasks, notes };
  return {
    tasks: tasks.filter((each) => !isMultipleChoice(each)),
    notes: [...notes, ...choices.map(({ task }) => `${task.name}: not measurable, ${reason}`)],
  };
}

async function whyUnmeasurable(model: ChatModel, signal?: AbortSignal): Promise<string | null> {
  if (model.scoreContinuations === undefined) return "the model gives no log-likelihoods of raw texts";
  return (await model.probeContinuations?.(signal)) ?? null;
}

/** Counts what has no answer by set and reason. */
function failureNotes(samples: readonly SampleRow[]): string[] {
  return [...groupBy(samples, ({ task }) => task)].flatMap(([task, rows]) => {
    const failed = rows.filter((row) => row.finishReason === "error");
    if (failed.length === 0) return [];
    const reasons = groupBy(failed, ({ error = "no answer" }) => error.split(":", 1)[0] ?? error);
    const counts = Array.from(reasons, ([reason, { length }]) => `${reason} ${length}`)
      .sort()
      .join(", ");
    return [
      `${task}: ${failed.length} of ${rows.length} without an answer and unscored (${counts}); the same command tries them again`,
    ];
  });
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** Says which sets were not asked whole. */
function sampleNotes(tasks: readonly LoadedTask[]): string[] {
  const sampled = tasks.map(({ record }) => record).filter(({ prompts, of }) => prompts < of);
  const list = sampled.map(({ name, prompts, of }) => `${name} ${prompts} of ${of}`).join(", ");
  return sampled.length === 0 ? [] : [`seeded samples, not whole sets: ${list}`];
}

/** What the numbers of an evaluation are made of. */
interface Answers {
  readonly samples: readonly SampleRow[];
  readonly references: readonly ReferenceRow[];
  readonly labels: RunLabels | null;
  /** By task, then by prompt id. */
  readonly referenceTexts: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly bertScores?: BertScores;
}

function referenceTextsOf(tasks: readonly LoadedTask[]): Answers["referenceTexts"] {
  return new Map(
    tasks.map(({ task, prompts }) => [
      task.name,
      new Map(prompts.flatMap(({ id, reference }) => (reference === undefined ? [] : [[id, reference]]))),
    ]),
  );
}

/** The numbers of an evaluation from what was journalled. */
function summarise(
  manifest: EvaluationManifest,
  { samples, references, referenceTexts, labels, bertScores }: Answers,
  notes: readonly string[] = [],
  policy: Policy | null = null,
): EvaluationResults {
  const pools = poolsOf(manifest.tasks);
  const single = manifest.tasks.map((task) => ({
    ...task,
    tasks: [task.name],
    choiceMetrics: task.multipleChoice?.metrics ?? null,
  }));
  const groups = [...single, ...pools.map((pool) => ({ ...pool, choiceMetrics: null }))].map(
    ({ name, expectation, tasks, choiceMetrics }): Group => ({
      name,
      expectation,
      choiceMetrics,
      samples: samples.filter((row) => tasks.includes(row.task)),
      references: references.filter((row) => tasks.includes(row.task)).sort(byPrompt),
      referenceTexts: referenceTexts.get(name) ?? new Map(),
      ...(bertScores === undefined ? {} : { bertScores }),
    }),
  );
  return {
    schemaVersion: EVALUATION_SCHEMA_VERSION,
    target: manifest.target,
    hashes: {
      model: manifest.modelHash,
      sampling: hashPart(manifest.sampling),
      tasks: hashPart(manifest.tasks),
      judges: Object.fromEntries(manifest.judges.map((judge) => [judge.name, judge.hash])),
    },
    settings: {
      sampling: manifest.sampling,
      seed: manifest.seed,
      ...(manifest.repeats === undefined ? {} : { repeats: manifest.repeats }),
      limit: manifest.limit,
      level: DEFAULT_LEVEL,
      sets: manifest.tasks,
      pools,
      judges: manifest.judges,
    },
    tasks: groups.flatMap((group) => aggregate(group, manifest.judges, DEFAULT_LEVEL, labels)),
    verdict: decide(policy, { manifest, samples }),
    notes,
  };
}

/** Answers arrive in any order; a sum of floating-point numbers must not depend on it. */
function byPrompt(a: ReferenceRow, b: ReferenceRow): number {
  return a.promptId < b.promptId ? -1 : 1;
}

function bySample(a: SampleRow, b: SampleRow): number {
  return a.id < b.id ? -1 : 1;
}

function makeManifest(options: EvaluateOptions, tasks: readonly LoadedTask[]): EvaluationManifest {
  const { model, target = {}, seed = 0, repeats = 1, limit = null, judges, laterJudges = [] } = options;
  requireOwnNames([...judges, ...laterJudges]);
  return {
    schemaVersion: EVALUATION_SCHEMA_VERSION,
    target: { model: model.id, adapter: null, strength: null, template: null, endpoint: null, ...target },
    modelHash: model.hash,
    sampling: evaluationSampling(options.sampling ?? {}),
    seed,
    ...(repeats === 1 ? {} : { repeats }),
    limit,
    judges: [...judges, ...laterJudges].map(recordJudge),
    tasks: tasks.map((task) => task.record),
  };
}

/** Batch size and signal change no answer, so they are no part of what must agree. */
function evaluationSampling(options: SamplingOptions): EvaluationSampling {
  const { batchSize: _, seed: __, ...sampling } = resolveSampling(options);
  return sampling;
}

async function collectSamples(
  options: EvaluateOptions,
  tasks: readonly LoadedTask[],
  sampling: EvaluationSampling,
  seed: number,
): Promise<readonly SampleRow[]> {
  const journal = new Journal<SampleRow>(join(options.out, SAMPLES_FILE));
  try {
    const drawn = tasks.filter((each) => !isMultipleChoice(each));
    if (drawn.length > 0) await collectAnswers(options, drawn, journal, { sampling, seed });
    const scored = tasks.filter(isMultipleChoice);
    if (scored.length > 0) await collectChoices(options, scored, journal, seed);
  } finally {
    journal.close();
  }
  return latestRows(journal.rows).sort(bySample);
}

async function collectAnswers(
  options: EvaluateOptions,
  tasks: readonly LoadedTask[],
  journal: Journal<SampleRow>,
  { sampling, seed }: { readonly sampling: EvaluationSampling; readonly seed: number },
): Promise<void> {
  const open = new OpenAnswers(sampling.maxNewTokens);
  const reporter = reporterOf("answers", options, tasks, journal.rows, options.repeats);
  reporter.report(0);
  await drawSamples(journal, {
    model: options.model,
    judges: options.judges,
    tasks,
    sampling,
    seed,
    repeats: options.repeats ?? 1,
    ...(options.sampling?.batchSize === undefined ? {} : { batchSize: options.sampling.batchSize }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onDraw: (answer) => {
      open.drawn(answer);
      reporter.report(open.share);
    },
    onSample: (row, answer) => {
      open.finished(answer);
      reporter.finished(row, open.share);
    },
  });
}

async function collectChoices(
  options: EvaluateOptions,
  tasks: readonly LoadedTask[],
  journal: Journal<SampleRow>,
  seed: number,
): Promise<void> {
  const reporter = reporterOf("questions", options, tasks, journal.rows);
  reporter.report(0);
  await scoreChoices(journal, {
    model: options.model,
    tasks,
    seed,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onQuestion: (row) => reporter.finished(row, 0),
  });
}

interface Reporter {
  /** @param open open answers as shares of the token limit */
  report(open: number): void;
  finished(row: SampleRow, open: number): void;
}

/** Counts the rows of `tasks` that are done, those of an earlier run included. */
function reporterOf(
  phase: EvaluationProgress["phase"],
  options: EvaluateOptions,
  tasks: readonly LoadedTask[],
  rows: readonly SampleRow[],
  repeats = 1,
): Reporter {
  const answered = answeredIds(rows);
  const wanted = tasks.flatMap(({ task, prompts }) =>
    prompts.flatMap(({ id }) =>
      Array.from({ length: repeats }, (_, sample) => sampleId(requestId(task.name, id), sample)),
    ),
  );
  const total = wanted.length;
  let finished = wanted.filter((id) => answered.has(id)).length;
  let task: string | null = null;
  const report = (open: number): void => options.onProgress?.({ phase, done: finished + open, total, task });
  return {
    report,
    finished: (row, open) => {
      finished += 1;
      task = row.task;
      report(open);
    },
  };
}

async function collectReferences(
  options: EvaluateOptions,
  tasks: readonly LoadedTask[],
): Promise<readonly ReferenceRow[]> {
  const total = countReferences(tasks);
  if (total === 0) return [];
  const journal = new Journal<ReferenceRow>(join(options.out, REFERENCES_FILE));
  const report = (task: string | null): void =>
    options.onProgress?.({ phase: "references", done: journal.rows.length, total, task });
  report(null);
  try {
    await scoreReferences(journal, {
      model: options.model,
      tasks,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onReference: (row) => report(row.task),
    });
  } finally {
    journal.close();
  }
  return journal.rows;
}

/** The samples with what the later judges say of them. */
async function collectVerdicts(
  { out, laterJudges = [], beforeJudge, signal, onProgress }: EvaluateOptions,
  samples: readonly SampleRow[],
): Promise<readonly SampleRow[]> {
  if (laterJudges.length === 0) return samples;
  const journal = new Journal<VerdictRow>(join(out, VERDICTS_FILE));
  const total = laterJudges.length * judgeable(samples).length;
  const keyOf = ({ id, judge }: VerdictRow): string => JSON.stringify([judge, id]);
  const said = new Set(journal.rows.map(keyOf));
  const report = (task: string | null): void =>
    onProgress?.({ phase: "verdicts", done: said.size, total, task });
  report(null);
  try {
    await judgeSamples(journal, {
      judges: laterJudges,
      samples,
      ...(beforeJudge === undefined ? {} : { beforeJudge }),
      ...(signal === undefined ? {} : { signal }),
      onVerdict: (row, { task }) => {
        said.add(keyOf(row));
        report(task);
      },
    });
  } finally {
    journal.close();
  }
  return withVerdicts(samples, journal.rows);
}

function requireAsked(
  tasks: readonly LoadedTask[],
  notes: readonly string[],
  options: EvaluateOptions,
): void {
  const names = tasks.map(({ task }) => task.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ConfigError(`evaluate: expected every task once, got ${twice} twice`);
  if (tasks.some(({ prompts }) => prompts.length > 0)) return;
  const asked = options.tasks.map(({ task }) => task.name).join(", ") || "no task";
  throw new ConfigError(`evaluate: expected at least one prompt, got none from ${asked}`, {
    hint: notes[0] ?? "raise --limit or name another task",
  });
}
