/**
 * @file Rows whose answers are the base's own: what it would say anyway is trained, so that safety instruction tuning keeps
 * it on harmless prompts. Greedy; the answers are journalled as they come.
 */
import { hashJson } from "../core/hash.js";
import type { PromptCompletion } from "../data/examples.js";
import { matchRefusal } from "../judges/refusal-matcher.js";
import type { Completion } from "../text/chat-model.js";
import { OpenAnswers } from "../text/open-answers.js";
import { openAnswers } from "./answer-journal.js";
import type { Workbench } from "./workbench.js";

/** Answers drawn side by side. */
const BATCH = 32;
/** Drawn beyond the limit: an answer encoded again may be shorter, and its end must not be taken for a stop. */
const SPARE_TOKENS = 4;

/**
 * The rows with the base's answers, without those that it refuses.
 * @param rows     of one limit each, `maxCompletionLength`
 * @param journal  path of the journal of answers
 */
export async function withOwnAnswers(
  bench: Workbench,
  rows: readonly PromptCompletion[],
  journal: string,
): Promise<PromptCompletion[]> {
  if (rows.length === 0) return [];
  const answers = await askBase(bench, rows, journal);
  return rows.flatMap((row) => {
    const { response = "" } = answers.get(row.id) ?? {};
    if (response.trim() === "" || matchRefusal(response) !== undefined) return [];
    return [{ ...row, completion: [{ role: "assistant" as const, content: response }] }];
  });
}

async function askBase(
  bench: Workbench,
  rows: readonly PromptCompletion[],
  path: string,
): Promise<ReadonlyMap<string, Completion>> {
  const { observer, signal } = bench;
  const maxNewTokens =
    Math.max(...rows.map(({ maxCompletionLength = 0 }) => maxCompletionLength)) + SPARE_TOKENS;
  const model = await bench.chatModel("base");
  const settings = hashJson({ model: model.hash, maxNewTokens });
  const { journal, known } = openAnswers(path, settings);
  const open = new OpenAnswers(maxNewTokens);
  const counted = () => known.size + open.share;
  observer.onWork?.("answering", "answers", rows.length, counted());
  try {
    const asked = rows.filter(({ id }) => !known.has(id)).map(({ id, prompt }) => ({ id, messages: prompt }));
    const answers = model.generate(asked, {
      maxNewTokens,
      temperature: 0,
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
    await model.close();
  }
  return known;
}
