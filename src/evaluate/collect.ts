/** @file The work of an evaluation, each kind into a journal of its own: answers, choices, references, verdicts, BERTScores. */
import { join } from "node:path";
import { Journal } from "../core/files.js";
import { OpenAnswers } from "../text/open-answers.js";
import { type BertScores, collectBertScores } from "./bert-scores.js";
import { REFERENCES_FILE, SAMPLES_FILE, VERDICTS_FILE } from "./evaluation-files.js";
import { judgeable, judgeSamples, withVerdicts } from "./judging.js";
import { isMultipleChoice, scoreChoices } from "./multiple-choice.js";
import type { EvaluateOptions, EvaluationProgress } from "./options.js";
import { requireSamples } from "./read.js";
import { countReferences, scoreReferences } from "./references.js";
import type { EvaluationSampling, ReferenceRow, SampleRow, VerdictRow } from "./results.js";
import { requestId, sampleId } from "./sample-ids.js";
import { answeredIds, bySample, drawSamples, latestRows } from "./samples.js";
import type { Answers } from "./summarise.js";
import type { LoadedTask } from "./tasks/load.js";

export async function collectSamples(
  options: EvaluateOptions,
  tasks: readonly LoadedTask[],
  sampling: EvaluationSampling,
  seed: number,
): Promise<readonly SampleRow[]> {
  const journal = new Journal<SampleRow>(join(options.out, SAMPLES_FILE));
  try {
    requireSamples(journal.rows, journal.path);
    const drawn = tasks.filter((each) => !isMultipleChoice(each));
    if (drawn.length > 0) await collectAnswers(options, drawn, journal, { sampling, seed });
    const scored = tasks.filter(isMultipleChoice);
    if (scored.length > 0) await collectChoices(options, scored, journal, seed);
  } finally {
    journal.close();
  }
  return latestRows(journal.rows).sort(bySample);
}

export async function collectReferences(
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
export async function collectVerdicts(
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

/** BERTScores where an encoder is given. */
export async function scoreTexts(
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
