/** @file Scores reference answers under the model: what it would lose of the ability to say the right thing. */
import { GenerationError } from "../core/errors.js";
import type { Journal } from "../core/files.js";
import { hashJson } from "../core/hash.js";
import type { ChatModel } from "../text/chat-model.js";
import type { Exchange } from "../text/messages.js";
import type { ReferenceRow } from "./results.js";
import { requestId } from "./sample-ids.js";
import type { LoadedTask, TaskPrompt } from "./tasks/load.js";

/** What scoring needs. */
export interface ReferenceOptions {
  readonly model: ChatModel;
  readonly tasks: readonly LoadedTask[];
  readonly signal?: AbortSignal;
  readonly onReference?: (row: ReferenceRow) => void;
}

interface Open {
  readonly task: string;
  readonly prompt: TaskPrompt;
  readonly reference: string;
}

/** Reference answers in all. */
export function countReferences(tasks: readonly LoadedTask[]): number {
  return tasks.reduce((sum, { prompts }) => sum + prompts.filter((p) => p.reference !== undefined).length, 0);
}

/**
 * Scores the references that the journal lacks, in pieces so that a stop loses little.
 * @throws GenerationError when the model cannot score, was stopped, or gave other log-probabilities than asked
 */
export async function scoreReferences(
  journal: Journal<ReferenceRow>,
  options: ReferenceOptions,
): Promise<void> {
  const open = openReferences(journal.rows, options.tasks);
  const { score } = options.model;
  if (open.size === 0) return;
  if (score === undefined)
    throw new GenerationError(
      `${options.model.id}: expected a model with log-probabilities, got one without`,
    );
  const exchanges = Array.from(open, ([id, each]) => toExchange(id, each));
  for (let start = 0; start < exchanges.length; start += SCORED_AT_ONCE) {
    if (options.signal?.aborted === true)
      throw new GenerationError(`${options.model.id}: stopped`, {
        hint: "run the same command again: finished answers are kept",
      });
    const piece = exchanges.slice(start, start + SCORED_AT_ONCE);
    for await (const { id, logProb, tokenLogProbs } of score.call(options.model, piece)) {
      const asked = open.get(id);
      if (asked === undefined || tokenLogProbs.length === 0)
        throw new GenerationError(
          `${options.model.id}: expected log-probabilities of an open reference, got ${id}`,
        );
      const row = makeRow(asked, logProb, tokenLogProbs.length);
      journal.append(row);
      open.delete(id);
      options.onReference?.(row);
    }
  }
  if (open.size > 0)
    throw new GenerationError(
      `${options.model.id}: expected a score of every reference, got ${open.size} fewer`,
    );
}

/** Rows handed to the model at once: enough to pack well, few enough to lose little. */
const SCORED_AT_ONCE = 64;

function openReferences(done: readonly ReferenceRow[], tasks: readonly LoadedTask[]): Map<string, Open> {
  const finished = new Set(done.map((row) => requestId(row.task, row.promptId)));
  const open = new Map<string, Open>();
  for (const { task, prompts } of tasks)
    for (const prompt of prompts) {
      const id = requestId(task.name, prompt.id);
      if (prompt.reference !== undefined && !finished.has(id))
        open.set(id, { task: task.name, prompt, reference: prompt.reference });
    }
  return open;
}

function toExchange(id: string, { prompt, reference }: Open): Exchange {
  return { id, messages: prompt.messages, response: reference };
}

function makeRow({ task, prompt, reference }: Open, logProb: number, tokenCount: number): ReferenceRow {
  const referenceHash = hashJson({ prompt: prompt.hash, reference });
  return { task, promptId: prompt.id, referenceHash, logProb, tokenCount };
}
