/** @file Draws the answers that a journal lacks, has them judged and journals each one: what is done is never done again. */
import { GenerationError } from "../core/errors.js";
import type { Journal } from "../core/files.js";
import { hashJson } from "../core/hash.js";
import { findLoop, LOOP_DEFINITION } from "../stats/loops.js";
import type { ChatModel, Completion, SamplingOptions } from "../text/chat-model.js";
import type { Judge, Verdict } from "../text/judge.js";
import { askOne, failedVerdict } from "./ask-judge.js";
import type { EvaluationSampling, SampleRow } from "./results.js";
import { requestId, sampleId } from "./sample-ids.js";
import type { LoadedTask, TaskPrompt } from "./tasks/load.js";
import { rougeVerdicts } from "./text-metrics.js";

/** Name of the loop metric among a sample's verdicts. */
export const LOOPS = "loops";

const LOOPS_HASH: string = hashJson({ metric: LOOPS, ...LOOP_DEFINITION });
const WORD_LOOPS_HASH: string = hashJson({ metric: LOOPS, over: "words", ...LOOP_DEFINITION });

/** What drawing needs. */
export interface DrawOptions {
  readonly model: ChatModel;
  readonly judges: readonly Judge[];
  readonly tasks: readonly LoadedTask[];
  readonly sampling: EvaluationSampling;
  readonly seed: number;
  /** Answers to every prompt; default 1. */
  readonly repeats?: number;
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
  /** Told after every token, by models that draw them here. */
  readonly onDraw?: SamplingOptions["onDraw"];
  /** Told after every journalled answer. */
  readonly onSample?: (row: SampleRow, answer: Completion) => void;
}

interface Pending {
  readonly task: string;
  readonly prompt: TaskPrompt;
  /** Numbers of the samples that it lacks. */
  readonly missing: Set<number>;
}

/** The rows that count: where one was tried again the last, in the place of the first. */
export function latestRows(rows: readonly SampleRow[]): SampleRow[] {
  return [...new Map(rows.map((row) => [row.id, row])).values()];
}

/** Ids of the samples that have an answer; those that failed are tried again. */
export function answeredIds(rows: readonly SampleRow[]): Set<string> {
  return new Set(rows.filter((row) => row.finishReason !== "error").map(({ id }) => id));
}

/**
 * Answers all prompts that the journal lacks, and those that failed.
 * @throws GenerationError when the run was stopped or the model gave fewer answers than asked; the journal keeps the rest
 */
export async function drawSamples(journal: Journal<SampleRow>, options: DrawOptions): Promise<void> {
  const pending = pendingPrompts(journal.rows, options);
  if (pending.size === 0) return;
  const requests = Array.from(pending, ([id, { prompt, missing }]) => ({
    id,
    messages: prompt.messages,
    samples: missing.size,
    sampleIndices: [...missing],
  }));
  const { sampling, seed, batchSize, signal, onDraw } = options;
  const drawing = {
    ...sampling,
    seed,
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(signal === undefined ? {} : { signal }),
    ...(onDraw === undefined ? {} : { onDraw }),
  };
  for await (const completion of options.model.generate(requests, drawing)) {
    const asked = pending.get(completion.id);
    if (asked?.missing.delete(completion.sample) !== true)
      throw new GenerationError(
        `${options.model.id}: expected an answer that was still open, got ${sampleId(completion.id, completion.sample)}`,
      );
    const row = await makeRow(asked, completion, options.judges);
    journal.append(row);
    if (asked.missing.size === 0) pending.delete(completion.id);
    options.onSample?.(row, completion);
  }
  if (pending.size > 0) throw stoppedError(pending.size, options);
}

function pendingPrompts(
  done: readonly SampleRow[],
  { tasks, repeats = 1 }: Pick<DrawOptions, "tasks" | "repeats">,
): Map<string, Pending> {
  const finished = answeredIds(done);
  const all = Array.from({ length: repeats }, (_, sample) => sample);
  const pending = new Map<string, Pending>();
  for (const { task, prompts } of tasks)
    for (const prompt of prompts) {
      const id = requestId(task.name, prompt.id);
      const missing = all.filter((sample) => !finished.has(sampleId(id, sample)));
      if (missing.length > 0) pending.set(id, { task: task.name, prompt, missing: new Set(missing) });
    }
  return pending;
}

/** Answers arrive in any order; a sum of floating-point numbers must not depend on it. */
export function bySample(a: SampleRow, b: SampleRow): number {
  return a.id < b.id ? -1 : 1;
}

async function makeRow(asked: Pending, completion: Completion, judges: readonly Judge[]): Promise<SampleRow> {
  const { task, prompt } = asked;
  const verdicts: Record<string, Verdict> = {};
  for (const judge of judges) verdicts[judge.name] = await judgeAnswer(judge, asked, completion);
  verdicts[LOOPS] = judgeLoops(completion);
  if (prompt.reference !== undefined) Object.assign(verdicts, rougeVerdicts(completion, prompt.reference));
  return {
    id: sampleId(completion.id, completion.sample),
    task,
    promptId: prompt.id,
    promptHash: prompt.hash,
    messages: prompt.messages,
    ...(prompt.category === undefined ? {} : { category: prompt.category }),
    sample: completion.sample,
    response: completion.response,
    tokenCount: completion.tokenCount === undefined ? completion.tokenIds.length : completion.tokenCount,
    finishReason: completion.finishReason,
    ...(completion.error === undefined ? {} : { error: completion.error }),
    seed: completion.seed,
    verdicts,
  };
}

async function judgeAnswer(judge: Judge, { prompt }: Pending, completion: Completion): Promise<Verdict> {
  if (completion.finishReason === "error") return failedVerdict(judge, "no answer to judge");
  const id = sampleId(completion.id, completion.sample);
  return askOne(judge, { id, messages: prompt.messages, response: completion.response });
}

/** Without token ids loops are looked for over words, which is another measure: it has its own hash. */
function judgeLoops({ finishReason, tokenIds, response }: Completion): Verdict {
  const isError = finishReason === "error";
  const isOverWords = tokenIds.length === 0 && response !== "";
  const units = isOverWords ? wordIds(response) : tokenIds;
  return {
    kind: "metric",
    label: null,
    score: isError ? null : findLoop(units) === undefined ? 0 : 1,
    status: isError ? "error" : "ok",
    judgeHash: isOverWords ? WORD_LOOPS_HASH : LOOPS_HASH,
    ...(isOverWords && { detail: "over words, there are no token ids" }),
  };
}

/** Equal words, equal numbers. */
function wordIds(text: string): number[] {
  const ids = new Map<string, number>();
  return text.split(/\s+/).map((word) => {
    const id = ids.get(word) ?? ids.size;
    ids.set(word, id);
    return id;
  });
}

function stoppedError(open: number, { model, signal }: DrawOptions): GenerationError {
  const why = signal?.aborted === true ? "stopped" : "expected an answer to every prompt, got fewer";
  return new GenerationError(`${model.id}: ${why}; ${open} prompts are open`, {
    hint: "run the same command again: finished answers are kept",
  });
}
