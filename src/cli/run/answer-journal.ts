/**
 * @file The file that `generate` writes: a journal of answers, and beside it (`<file>.settings.json`) what they depend
 * on, so that a resumed run never mixes two models, seeds or sampling settings.
 */
import { existsSync } from "node:fs";
import { ConfigError, DatasetError } from "../../core/errors.js";
import { Journal, writeFileDurably, writeJsonDurably } from "../../core/files.js";
import { canonicalJson, type Json } from "../../core/hash.js";
import { readJsonFile } from "../../core/read-back.js";
import type { Completion } from "../../text/chat-model.js";
import type { Message } from "../../text/messages.js";

/** A prompt, and its id and text as the user's file spells them. */
export interface PromptSource {
  readonly id: string;
  readonly messages: readonly Message[];
  readonly rowId: unknown;
  readonly prompt: unknown;
}

/** One line of the file. */
export interface AnswerRow {
  readonly id: unknown;
  /** As the prompts file has it: text, or a list of messages. */
  readonly prompt: unknown;
  readonly sample: number;
  /** Without special tokens. */
  readonly response: string;
  /** Drawn tokens, the end of turn included. */
  readonly token_ids: readonly number[];
  readonly finish_reason: Completion["finishReason"];
  readonly seed: number;
}

/** Finished answers by prompt and sample. */
export class AnswerJournal {
  private readonly journal: Journal<AnswerRow>;
  private readonly prompts: ReadonlyMap<string, PromptSource>;
  private readonly samples: number;
  private readonly finished: Map<string, AnswerRow>;

  private constructor(
    journal: Journal<AnswerRow>,
    prompts: ReadonlyMap<string, PromptSource>,
    samples: number,
  ) {
    this.journal = journal;
    this.prompts = prompts;
    this.samples = samples;
    this.finished = new Map(journal.rows.map((row) => [keyOf(String(row.id), row.sample), row]));
  }

  /**
   * Opens or creates the file.
   * @param samples  answers wanted of each prompt
   * @param settings what answers depend on
   * @throws ConfigError  when the file was written under other settings, or by something else
   * @throws DatasetError when it holds answers to other prompts
   */
  static async open(
    path: string,
    prompts: readonly PromptSource[],
    samples: number,
    settings: Json,
  ): Promise<AnswerJournal> {
    const journal = new Journal<AnswerRow>(path);
    try {
      await checkSettings(path, settings, journal.rows.length > 0);
      const byId = new Map(prompts.map((prompt) => [prompt.id, prompt]));
      journal.rows.forEach((row, i) => {
        checkPrompt(`${path}:${i + 1}`, row, byId);
      });
      return new AnswerJournal(journal, byId, samples);
    } catch (cause) {
      journal.close();
      throw cause;
    }
  }

  /** Answers so far. */
  get count(): number {
    return this.finished.size;
  }

  /** Answers so far that ended at the limit of new tokens. */
  get cutAtLimit(): number {
    return [...this.finished.values()].filter((row) => row.finish_reason === "length").length;
  }

  /** Samples of a prompt that have no answer yet. */
  missing(id: string): number[] {
    const all = Array.from({ length: this.samples }, (_, sample) => sample);
    return all.filter((sample) => !this.finished.has(keyOf(id, sample)));
  }

  /** Appends an answer. */
  append(completion: Completion): void {
    const { id, sample, response, tokenIds, finishReason, seed } = completion;
    const source = this.prompts.get(id);
    const row: AnswerRow = {
      id: source?.rowId ?? id,
      prompt: source?.prompt,
      sample,
      response,
      token_ids: tokenIds,
      finish_reason: finishReason,
      seed,
    };
    this.journal.append(row);
    this.finished.set(keyOf(id, sample), row);
  }

  /** Flushes and closes the file. */
  close(): void {
    this.journal.close();
  }

  /** Rewrites the closed file in the order of prompts and samples: equal runs give equal files. */
  async sort(): Promise<void> {
    const place = new Map([...this.prompts.keys()].map((id, i) => [id, i]));
    const placeOf = (row: AnswerRow) => place.get(String(row.id)) ?? 0;
    const rows = [...this.finished.values()].sort((a, b) => placeOf(a) - placeOf(b) || a.sample - b.sample);
    await writeFileDurably(this.journal.path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  }
}

async function checkSettings(path: string, settings: Json, hasAnswers: boolean): Promise<void> {
  const settingsPath = `${path}.settings.json`;
  if (!hasAnswers) return writeJsonDurably(settingsPath, settings);
  const hint = "name another --out, or remove the file and its settings to draw anew";
  if (!existsSync(settingsPath)) {
    throw new ConfigError(`${path}: expected a file that generate wrote, got one without ${settingsPath}`, {
      hint,
    });
  }
  const changed = changedNames(readJsonFile<object>(settingsPath, "the settings of generate"), settings);
  if (changed.length === 0) return;
  throw new ConfigError(`${path}: expected the settings it was begun with, got other ${changed.join(", ")}`, {
    hint,
  });
}

/** The model is known by its hash; its name may be a path that has moved. */
const UNCOMPARED = "model";

function changedNames(before: object, now: Json): string[] {
  const [old, current] = [before, now].map((value) => new Map(Object.entries(value ?? {})));
  const text = (value: unknown) => canonicalJson((value ?? null) as Json);
  const names = new Set([...(old?.keys() ?? []), ...(current?.keys() ?? [])]);
  return [...names].filter(
    (name) => name !== UNCOMPARED && text(old?.get(name)) !== text(current?.get(name)),
  );
}

function checkPrompt(where: string, row: AnswerRow, prompts: ReadonlyMap<string, PromptSource>): void {
  const source = prompts.get(String(row.id));
  const isSame = source !== undefined && JSON.stringify(row.prompt) === JSON.stringify(source.prompt);
  if (isSame) return;
  throw new DatasetError(
    `${where}: expected an answer to a prompt of --prompts, got one to ${source === undefined ? "an id that is not there" : "another text"}`,
    { hint: "name another --out for other prompts" },
  );
}

function keyOf(id: string, sample: number): string {
  return JSON.stringify([id, sample]);
}
