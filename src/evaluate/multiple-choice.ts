/**
 * @file Scores the choices of questions that a journal lacks and journals each question: log-likelihood of every choice,
 * predictions, right or wrong. Nothing is sampled and no template is applied.
 */
import { GenerationError } from "../core/errors.js";
import type { Journal } from "../core/files.js";
import type { ChatModel, ContinuationLogProbs, ContinuationRequest } from "../text/chat-model.js";
import { choiceVerdicts, predictions } from "./choice-metrics.js";
import type { ChoiceMetric, SampleRow } from "./results.js";
import { requestId, sampleId } from "./sample-ids.js";
import { answeredIds } from "./samples.js";
import type { LoadedTask, TaskPrompt } from "./tasks/load.js";
import { CHOICE_DELIMITER, type ChoiceQuestion } from "./tasks/questions.js";

/** What scoring choices needs. */
export interface ChoiceOptions {
  readonly model: ChatModel;
  /** Tasks of other kinds are passed over. */
  readonly tasks: readonly LoadedTask[];
  /** Recorded in the rows; changes nothing. */
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Told after every journalled question. */
  readonly onQuestion?: (row: SampleRow) => void;
}

interface Open {
  readonly task: string;
  readonly metrics: readonly ChoiceMetric[];
  readonly prompt: TaskPrompt;
  readonly question: ChoiceQuestion;
}

/** Questions handed to the model at once: enough to pack well, few enough to lose little. */
const SCORED_AT_ONCE = 64;

/** Whether a task's choices are scored, rather than answers drawn. */
export function isMultipleChoice({ record }: LoadedTask): boolean {
  return record.multipleChoice !== undefined;
}

/**
 * Scores all questions that the journal lacks, and those that failed. A question's numbers do not depend on which others are scored with it,
 * but for float32 rounding.
 * @throws GenerationError when the model cannot, was stopped, or gave other scores than asked; the journal keeps the rest
 */
export async function scoreChoices(journal: Journal<SampleRow>, options: ChoiceOptions): Promise<void> {
  const open = openQuestions(journal.rows, options.tasks);
  if (open.size === 0) return;
  const { model } = options;
  if (model.scoreContinuations === undefined)
    throw new GenerationError(`${model.id}: expected a model with log-likelihoods, got one without`);
  const requests = Array.from(open, ([id, each]) => toRequest(id, each));
  for (let start = 0; start < requests.length; start += SCORED_AT_ONCE) {
    requireRunning(options);
    const piece = requests.slice(start, start + SCORED_AT_ONCE);
    for await (const scored of model.scoreContinuations(piece, options.signal)) {
      const row = makeRow(takeOpen(open, scored, model.id), scored, options.seed);
      journal.append(row);
      options.onQuestion?.(row);
    }
  }
  if (open.size > 0)
    throw new GenerationError(`${model.id}: expected scores of every question, got ${open.size} fewer`);
}

function openQuestions(done: readonly SampleRow[], tasks: readonly LoadedTask[]): Map<string, Open> {
  const finished = answeredIds(done);
  const open = new Map<string, Open>();
  for (const { task, prompts, record } of tasks)
    for (const prompt of prompts) {
      const id = requestId(task.name, prompt.id);
      const { question } = prompt;
      const { metrics = [] } = record.multipleChoice ?? {};
      if (question !== undefined && !finished.has(sampleId(id, 0)))
        open.set(id, { task: task.name, metrics, prompt, question });
    }
  return open;
}

function toRequest(id: string, { question }: Open): ContinuationRequest {
  const continuations = question.choices.map((choice) => `${CHOICE_DELIMITER}${choice}`);
  return { id, context: question.context, continuations };
}

function requireRunning({ model, signal }: ChoiceOptions): void {
  if (signal?.aborted !== true) return;
  throw new GenerationError(`${model.id}: stopped`, {
    hint: "run the same command again: finished questions are kept",
  });
}

function takeOpen(open: Map<string, Open>, scored: ContinuationLogProbs, model: string): Open {
  const asked = open.get(scored.id);
  if (asked === undefined)
    throw new GenerationError(`${model}: expected scores of an open question, got ${scored.id}`);
  const { length } = asked.question.choices;
  if (scored.logProbs.length !== length || scored.tokenCounts.length !== length)
    throw new GenerationError(
      `${model}: expected ${length} scores of ${scored.id}, got ${scored.logProbs.length}`,
    );
  open.delete(scored.id);
  return asked;
}

function makeRow(
  { task, metrics, prompt, question }: Open,
  scored: ContinuationLogProbs,
  seed: number,
): SampleRow {
  const { logProbs, tokenCounts, error } = scored;
  const predicted = predictions(question.choices, logProbs);
  const choices = { texts: question.choices, gold: question.gold, logProbs, tokenCounts, predicted };
  return {
    id: sampleId(scored.id, 0),
    task,
    promptId: prompt.id,
    promptHash: prompt.hash,
    messages: prompt.messages,
    sample: 0,
    response: error === undefined ? (question.choices[predicted.acc] ?? "") : "",
    tokenCount: tokenCounts[predicted.acc] ?? 0,
    ...(error === undefined ? { finishReason: "stop" } : { finishReason: "error", error }),
    seed,
    verdicts: choiceVerdicts(metrics, choices),
    choices,
  };
}
