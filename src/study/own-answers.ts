/**
 * @file Rows whose answers are the base's own: what it would say anyway is trained, so that safety instruction tuning keeps
 * it on harmless prompts. Drawn at temperature 1: the expected gradient of the log-probability of a model's own samples is
 * zero, whereas greedy answers would sharpen it. Journalled as they come.
 */
import { hashJson } from "../core/hash.js";
import type { PromptCompletion } from "../data/examples.js";
import { matchRefusal } from "../judges/refusal-matcher.js";
import { findLoop } from "../stats/loops.js";
import type { ChatModel, Completion } from "../text/chat-model.js";
import { OpenAnswers } from "../text/open-answers.js";
import { openAnswers } from "./answer-journal.js";
import type { Workbench } from "./workbench.js";

/** Answers drawn side by side. */
const BATCH = 32;
/** Drawn beyond the limit: an answer encoded again may be shorter, and its end must not be taken for a stop. */
const SPARE_TOKENS = 4;

/**
 * The rows, in their order, with the base's answers; without those that it refuses or loops in.
 * @param journalOf  path of the journal of the answers of one limit, `maxCompletionLength`
 */
export async function withOwnAnswers(
  bench: Workbench,
  rows: readonly PromptCompletion[],
  journalOf: (limit: number) => string,
): Promise<PromptCompletion[]> {
  if (rows.length === 0) return [];
  const answers = new Map<string, Completion>();
  const model = await bench.chatModel("base");
  try {
    for (const limit of new Set(rows.map(limitOf))) {
      const alike = rows.filter((row) => limitOf(row) === limit);
      const drawn = await askBase({ bench, model, limit, rows: alike, journal: journalOf(limit) });
      for (const [id, answer] of drawn) answers.set(id, answer);
    }
  } finally {
    await model.close();
  }
  return rows.flatMap((row) => {
    const { response = "", tokenIds = [] } = answers.get(row.id) ?? {};
    const isUnfit = matchRefusal(response) !== undefined || findLoop(tokenIds) !== undefined;
    if (response.trim() === "" || isUnfit) return [];
    return [{ ...row, completion: [{ role: "assistant" as const, content: response }] }];
  });
}

function limitOf({ maxCompletionLength = 0 }: PromptCompletion): number {
  return maxCompletionLength;
}

interface Questions {
  readonly bench: Workbench;
  readonly model: ChatModel;
  /** Tokens of an answer that are trained on. */
  readonly limit: number;
  readonly rows: readonly PromptCompletion[];
  readonly journal: string;
}

async function askBase({
  bench: { observer, recipe, signal },
  model,
  limit,
  rows,
  journal: path,
}: Questions): Promise<ReadonlyMap<string, Completion>> {
  const maxNewTokens = limit + SPARE_TOKENS;
  const drawing = { maxNewTokens, temperature: 1, seed: recipe.seed };
  const settings = hashJson({ model: model.hash, ...drawing });
  const { journal, known } = openAnswers(path, settings);
  const open = new OpenAnswers(maxNewTokens);
  const counted = () => known.size + open.share;
  observer.onWork?.("answering", "answers", rows.length, counted());
  try {
    const asked = rows.filter(({ id }) => !known.has(id)).map(({ id, prompt }) => ({ id, messages: prompt }));
    const answers = model.generate(asked, {
      ...drawing,
      batchSize: BATCH,
      onDraw: (answer) => {
        open.drawn(answer);
        observer.onWorkDone?.(counted());
      },
      ...(signal && { signal }),
    });
    for await (const completion of answers) {
      journal.append({ settings, completion });
      open.finished(completion);
      known.set(completion.id, completion);
      observer.onWorkDone?.(counted());
    }
  } finally {
    journal.close();
  }
  return known;
}
