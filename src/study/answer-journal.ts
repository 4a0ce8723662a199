/** @file The answers that a study asks of a model, kept as they come, so that none is drawn twice. */
import { ConfigError } from "../core/errors.js";
import { Journal } from "../core/files.js";
import type { Completion } from "../text/chat-model.js";

/** One line of the journal: an answer and the hash of what it depends on. */
export interface AnswerLine {
  readonly settings: string;
  readonly completion: Completion;
}

/** Opens a journal of answers. @throws ConfigError when it holds those of another model, or under another limit */
export function openAnswers(
  path: string,
  settings: string,
): { readonly journal: Journal<AnswerLine>; readonly known: Map<string, Completion> } {
  const journal = new Journal<AnswerLine>(path);
  if (journal.rows.some((row) => row.settings !== settings)) {
    journal.close();
    throw new ConfigError(`${path}: expected answers of this model under this limit, got others`, {
      hint: "remove the file, or name another folder with --out",
    });
  }
  return { journal, known: new Map(journal.rows.map(({ completion }) => [completion.id, completion])) };
}
