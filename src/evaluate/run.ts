/**
 * @file One evaluation: tasks asked of a chat model, answers journalled and judged, numbers with intervals. It resumes
 * where it stopped. The verdict follows a policy; without one it is inconclusive.
 */
import { join } from "node:path";
import { ConfigError } from "../core/errors.js";
import { writeJsonDurably } from "../core/files.js";
import { resolveSampling } from "../generate/sampling-options.js";
import type { ChatModel, SamplingOptions } from "../text/chat-model.js";
import { scoringHash } from "./bert-scores.js";
import { collectReferences, collectSamples, collectVerdicts, scoreTexts } from "./collect.js";
import { RESULTS_FILE } from "./evaluation-files.js";
import { judgingNotes, requireOwnNames } from "./judging.js";
import { claimFolder, recordJudge } from "./manifest.js";
import { isMultipleChoice } from "./multiple-choice.js";
import type { EvaluateOptions } from "./options.js";
import { countReferences } from "./references.js";
import { repeatNotes, requireRepeatable } from "./repeats.js";
import {
  EVALUATION_SCHEMA_VERSION,
  type EvaluationManifest,
  type EvaluationResults,
  type EvaluationSampling,
  type SampleRow,
} from "./results.js";
import { joinLabels } from "./run-labels.js";
import { referenceTextsOf, summarise } from "./summarise.js";
import { type LoadedTask, type LoadedTasks, loadTasks } from "./tasks/load.js";

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
    ...(options.bertScore && { bertScoring: scoringHash(options.bertScore, referenceTexts) }),
  };
  const results = summarise(manifest, answers, notes, options.policy ?? null);
  await writeJsonDurably(join(options.out, RESULTS_FILE), results);
  return results;
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
