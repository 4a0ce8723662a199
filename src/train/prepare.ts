/**
 * @file Rows become token ids with a loss, or are dropped for a reason that is counted. Truncation is TRL's (the first
 * `maxLength` tokens of each sequence), but nothing happens silently: what a run trains on is in its certificate.
 */
import { DatasetError, TrainingError } from "../core/errors.js";
import type { LabelledAnswer, PreferencePair, PromptCompletion } from "../data/examples.js";
import type { Message } from "../text/messages.js";
import type { TrainingRow } from "./method.js";
import { DropCounter, type DropReason, type PreparationReport } from "./preparation-report.js";

/** A prompt and an answer as token ids. */
export interface EncodedExample {
  readonly promptIds: readonly number[];
  /** Everything that is trained. */
  readonly completionIds: readonly number[];
  /** Where the token that ends the turn stands in `completionIds`. */
  readonly endOfTurnIndex: number;
}

/** Renders and tokenises; the model's own template is behind it. */
export interface ExampleEncoder {
  encodeExample(prompt: readonly Message[], completion: readonly Message[]): EncodedExample;
}

/** What to do with a sequence longer than `maxLength`. */
export type OverLengthPolicy = "truncate" | "drop" | "refuse";

/** How rows are prepared. */
export interface PrepareOptions {
  /** Most tokens of prompt and answer together. */
  readonly maxLength: number;
  /**
   * Answers are cut at so many tokens before `maxLength` is looked at, unless their row has a limit of its own; 0 or
   * absent: not at all.
   */
  readonly maxCompletionLength?: number;
  /** Default "truncate", as TRL: an answer that is cut loses its stop token, which is counted. */
  readonly overLength?: OverLengthPolicy;
  /** Ids that end a generation: the end of turn must be one of them, or the model never learns to stop. */
  readonly stopTokenIds: readonly number[];
  /** Whether some row must end in a stop token; default true. Held-out rows, which train nothing, need none. */
  readonly needsStop?: boolean;
  /** True for a class head, which reads the last token of every answer. */
  readonly readsEnd?: boolean;
  /** Ids of rows that must not be used, and why. */
  readonly excluded?: ReadonlyMap<string, DropReason>;
}

/** Rows to train on, and what became of the others. */
export interface Preparation {
  readonly rows: readonly TrainingRow[];
  readonly report: PreparationReport;
}

/**
 * Prepares prompts with one answer (SFT, SIT).
 * @throws DatasetError when no row is left
 * @throws TrainingError when the stop token is never trained, or a sequence is too long under policy "refuse"
 */
export function prepareCompletions(
  rows: readonly PromptCompletion[],
  encoder: ExampleEncoder,
  options: PrepareOptions,
): Preparation {
  return prepare(
    rows.map(({ id, prompt, completion, maxCompletionLength = 0 }) => ({
      id,
      prompt,
      answers: [completion],
      maxCompletionLength,
    })),
    encoder,
    options,
  );
}

/** Prepares prompts with a chosen and a rejected answer (DPO); errors as {@link prepareCompletions}. */
export function preparePairs(
  rows: readonly PreferencePair[],
  encoder: ExampleEncoder,
  options: PrepareOptions,
): Preparation {
  return prepare(
    rows.map(({ id, prompt, chosen, rejected }) => ({
      id,
      prompt,
      answers: [chosen, rejected],
      maxCompletionLength: 0,
    })),
    encoder,
    options,
  );
}

/**
 * Prepares answers with a label (class heads); the same answer under two labels is kept as two rows. Errors as
 * {@link prepareCompletions}.
 */
export function prepareLabelled(
  rows: readonly LabelledAnswer[],
  encoder: ExampleEncoder,
  options: PrepareOptions,
): Preparation {
  return prepare(
    rows.map(({ id, prompt, completion, label }) => ({
      id,
      prompt,
      answers: [completion],
      maxCompletionLength: 0,
      label,
    })),
    encoder,
    options,
  );
}

interface SourceRow {
  readonly id: string;
  /** Tells rows of equal tokens apart. */
  readonly label?: number;
  readonly prompt: readonly Message[];
  readonly answers: readonly (readonly Message[])[];
  /** The row's own; 0: what the options say. */
  readonly maxCompletionLength: number;
}

interface EncodedRow {
  readonly id: string;
  readonly label: number;
  readonly prompt: readonly number[];
  readonly answers: readonly EncodedExample[];
  readonly maxCompletionLength: number;
}

function prepare(
  sources: readonly SourceRow[],
  encoder: ExampleEncoder,
  options: PrepareOptions,
): Preparation {
  const counter = new DropCounter(sources.length);
  const encoded = encodeRows(sources, encoder, options, counter);
  const consistent = dropRepeats(encoded, counter);
  const rows: TrainingRow[] = [];
  for (const row of consistent) {
    const cut = cutRow(row, options, counter);
    if (cut !== null) rows.push(cut);
  }
  const report = counter.report(rows);
  requireRows(report);
  requireStopToken(report, options);
  return { rows, report };
}

function encodeRows(
  sources: readonly SourceRow[],
  encoder: ExampleEncoder,
  options: PrepareOptions,
  counter: DropCounter,
): EncodedRow[] {
  const encoded: EncodedRow[] = [];
  for (const source of sources) {
    const reason = textProblem(source, options);
    if (reason !== null) {
      counter.drop(source.id, reason);
      continue;
    }
    const answers = source.answers.map((answer) => encoder.encodeExample(source.prompt, answer));
    const { id, maxCompletionLength, label = 0 } = source;
    const row = { id, label, prompt: answers[0]?.promptIds ?? [], answers, maxCompletionLength };
    const problem = tokenProblem(row, options);
    if (problem === null) encoded.push(row);
    else counter.drop(row.id, problem);
  }
  return encoded;
}

function textProblem({ id, answers }: SourceRow, options: PrepareOptions): DropReason | null {
  const isEmpty = (answer: readonly Message[]) => answer.every(({ content }) => content.trim() === "");
  return options.excluded?.get(id) ?? (answers.some(isEmpty) ? "empty completion" : null);
}

function tokenProblem({ prompt, answers }: EncodedRow, { maxLength }: PrepareOptions): DropReason | null {
  if (prompt.length === 0) return "empty prompt";
  if (answers.some(({ completionIds }) => completionIds.length === 0)) return "empty completion";
  if (prompt.length >= maxLength) return "prompt fills the length limit";
  const [first, second] = answers;
  return second !== undefined && sameIds(first?.completionIds, second.completionIds)
    ? "identical pair"
    : null;
}

/** Keeps the first of equal rows, and none of a pair that occurs in both directions. */
function dropRepeats(rows: readonly EncodedRow[], counter: DropCounter): EncodedRow[] {
  const keyOf = (row: EncodedRow, answers = row.answers) =>
    [[row.label], row.prompt, ...answers.map(({ completionIds }) => completionIds)]
      .map((ids) => ids.join(","))
      .join("|");
  const all = new Set(rows.map((row) => keyOf(row)));
  const seen = new Set<string>();
  return rows.filter((row) => {
    const key = keyOf(row);
    const isSwapped = row.answers.length === 2 && all.has(keyOf(row, row.answers.toReversed()));
    const reason = isSwapped ? "contradictory pair" : seen.has(key) ? "duplicate" : null;
    seen.add(key);
    if (reason !== null) counter.drop(row.id, reason);
    return reason === null;
  });
}

function cutRow(row: EncodedRow, options: PrepareOptions, counter: DropCounter): TrainingRow | null {
  const room = options.maxLength - row.prompt.length;
  const limit = row.maxCompletionLength || options.maxCompletionLength || Infinity;
  const answers = row.answers.map(({ completionIds }) => completionIds.slice(0, limit));
  const isOver = answers.some(({ length }) => length > room);
  if (isOver && options.overLength === "refuse") throw tooLong(row, answers, options.maxLength);
  if (isOver && options.overLength === "drop") return dropRow(row, "longer than the length limit", counter);
  const branches = answers.map((ids) => ids.slice(0, room));
  if (branches.length === 2 && sameIds(branches[0], branches[1])) {
    return dropRow(row, "identical pair after truncation", counter);
  }
  row.answers.forEach((answer, i) => {
    const stop = answer.completionIds[answer.endOfTurnIndex];
    counter.answer(branches[i]?.length !== answer.completionIds.length, {
      isTrained: (branches[i]?.length ?? 0) > answer.endOfTurnIndex && answer.endOfTurnIndex >= 0,
      isStop: stop !== undefined && options.stopTokenIds.includes(stop),
    });
  });
  if (row.answers.some(({ completionIds }, i) => completionIds.length !== branches[i]?.length)) {
    counter.cut(row.id);
  }
  const reading = options.readsEnd === true ? { readsEnd: true } : {};
  return { id: row.id, segment: { id: row.id, prompt: row.prompt, branches, ...reading } };
}

function dropRow(row: EncodedRow, reason: DropReason, counter: DropCounter): null {
  counter.drop(row.id, reason);
  return null;
}

function requireRows(report: PreparationReport): void {
  if (report.rowsTrained > 0) return;
  const reasons = Object.entries(report.dropped).map(([reason, { count }]) => `${count} ${reason}`);
  throw new DatasetError(
    `training data: expected at least one row with loss, got none of ${report.rowsRead}`,
    {
      hint: reasons.length > 0 ? `dropped: ${reasons.join(", ")}` : "the file holds no rows",
    },
  );
}

function requireStopToken({ stopToken }: PreparationReport, options: PrepareOptions): void {
  const { uncutWithout, trained } = stopToken;
  if (uncutWithout > 0) {
    throw new TrainingError(
      `stop token: expected every uncut answer to end in one of ${options.stopTokenIds.join(", ")}, got ${uncutWithout} that do not`,
      {
        hint: "the template ends a turn with another token than the model stops at: a model so trained never stops",
      },
    );
  }
  if (trained > 0 || options.needsStop === false) return;
  throw new TrainingError("stop token: expected it to be trained in at least one row, got none", {
    hint: "every answer is cut: raise --max-length or --max-completion-length",
  });
}

function tooLong(row: EncodedRow, answers: readonly { length: number }[], maxLength: number): DatasetError {
  const longest = Math.max(...answers.map(({ length }) => length));
  return new DatasetError(
    `${row.id}: expected at most ${maxLength} tokens, got ${row.prompt.length + longest}`,
    {
      hint: "raise --max-length, or choose the policy truncate or drop",
    },
  );
}

function sameIds(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((id, i) => id === b[i]);
}
