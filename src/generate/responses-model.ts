/**
 * @file Answers that are there already, as a {@link ChatModel}: a file of rows with `id` or `prompt` and `response`. What it
 * has no answer to is counted and never scored; what could belong to two prompts is refused, for an answer judged against
 * another's prompt is worse than none.
 */
import { basename } from "node:path";
import { DatasetError } from "../core/errors.js";
import { hashJson, sha256File } from "../core/hash.js";
import { toPromptRows } from "../data/columns.js";
import { readRows, type SourceRow } from "../data/readers.js";
import {
  type ChatModel,
  type Completion,
  type GenerationRequest,
  type SamplingOptions,
  wantedSamples,
} from "../text/chat-model.js";
import type { Message } from "../text/messages.js";

/** An answer and where it stands. */
interface FiledAnswer {
  readonly place: string;
  readonly id: string | null;
  readonly promptHash: string | null;
  readonly sample: number;
  readonly response: string;
  readonly finishReason: "stop" | "length";
  readonly tokenIds: readonly number[];
}

/** A file of answers. */
export class ResponsesModel implements ChatModel {
  readonly id: string;
  readonly hash: string;
  private readonly byId = new Map<string, FiledAnswer>();
  private readonly byPrompt = new Map<string, FiledAnswer[]>();
  /** Whose prompt an answer was taken for. */
  private readonly takenBy = new Map<FiledAnswer, string>();

  private constructor(path: string, hash: string, answers: readonly FiledAnswer[]) {
    this.id = basename(path);
    this.hash = hashJson({ responses: hash });
    for (const answer of answers) this.add(answer);
  }

  /**
   * Reads a file: JSON Lines, JSON or Parquet. A row names its prompt by `id` (a task's own, or `task/id`), by `prompt` (text
   * or messages), or by both, which must agree; `sample` (default 0), `finish_reason` and `token_ids` are taken where they
   * are. What `generate` and `evaluate` write is such a file.
   * @throws DatasetError `file:line: expected …` for what is malformed or answers one prompt twice
   */
  static async open(path: string): Promise<ResponsesModel> {
    const rows = await readRows(path);
    return new ResponsesModel(
      path,
      await sha256File(path),
      rows.flatMap((row) => readAnswer(row) ?? []),
    );
  }

  notes(): readonly string[] {
    return [
      `${this.id}: answers from a file; sampling options, template and system prompt were not applied to them`,
    ];
  }

  /** @throws DatasetError when an answer could belong to several prompts, or its row's prompt is not the one asked */
  async *generate(
    requests: readonly GenerationRequest[],
    options: SamplingOptions,
  ): AsyncGenerator<Completion> {
    for (const request of requests) {
      const { id, messages } = request;
      for (const sample of wantedSamples(request)) {
        if (options.signal?.aborted === true) throw options.signal.reason;
        yield this.complete(id, sample, this.find(id, messages, sample), options.seed ?? 0);
      }
    }
  }

  private complete(id: string, sample: number, answer: FiledAnswer | null, seed: number): Completion {
    const key = { id, sample, seed };
    if (answer === null)
      return {
        ...key,
        response: "",
        tokenIds: [],
        tokenCount: null,
        finishReason: "error",
        error: "no answer in the file",
      };
    const { response, tokenIds, finishReason } = answer;
    return { ...key, response, tokenIds, tokenCount: tokenIds.length || null, finishReason };
  }

  private add(answer: FiledAnswer): void {
    const { id, promptHash, sample } = answer;
    const prompt = promptHash === null ? null : keyOf(promptHash, sample);
    const alike = prompt === null ? [] : (this.byPrompt.get(prompt) ?? []);
    const twin = id === null ? alike[0] : this.byId.get(keyOf(id, sample));
    if (twin !== undefined)
      throw new DatasetError(
        `${answer.place}: expected one answer a prompt, got another to that of ${twin.place}`,
        {
          hint: "remove one, or number them in a column sample",
        },
      );
    if (id !== null) this.byId.set(keyOf(id, sample), answer);
    if (prompt !== null) this.byPrompt.set(prompt, [...alike, answer]);
  }

  /** By id, the whole one first; else by prompt. */
  private find(id: string, messages: readonly Message[], sample: number): FiledAnswer | null {
    const promptHash = hashPrompt(messages);
    const ownId = id.slice(id.indexOf("/") + 1);
    const named = this.byId.get(keyOf(id, sample)) ?? this.byId.get(keyOf(ownId, sample));
    const alike = this.byPrompt.get(keyOf(promptHash, sample)) ?? [];
    if (named === undefined && alike.length > 1)
      throw ambiguous(alike[0] as FiledAnswer, `the prompt of ${id}, as ${alike[1]?.place} does`);
    const answer = named ?? alike[0] ?? null;
    if (answer !== null) this.take(answer, id, promptHash);
    return answer;
  }

  private take(answer: FiledAnswer, id: string, promptHash: string): void {
    if (answer.promptHash !== null && answer.promptHash !== promptHash)
      throw new DatasetError(`${answer.place}: expected the prompt of ${id}, got another under its id`, {
        hint: "an answer must not be judged against another's prompt; mend id or prompt",
      });
    const taker = this.takenBy.get(answer);
    if (answer.promptHash === null && taker !== undefined && taker !== id)
      throw ambiguous(answer, `both ${taker} and ${id}`);
    this.takenBy.set(answer, id);
  }
}

function ambiguous(answer: FiledAnswer, which: string): DatasetError {
  return new DatasetError(
    `${answer.place}: expected an answer to one prompt, got one that answers ${which}`,
    {
      hint: "write ids as task/id, or add the prompts",
    },
  );
}

/** null for a row that says itself that it holds no answer. */
function readAnswer(row: SourceRow): FiledAnswer | null {
  const { fields } = row;
  const place = `${row.file}:${row.line}`;
  const finishReason = fields["finish_reason"] ?? fields["finishReason"] ?? "stop";
  if (finishReason === "error") return null;
  if (finishReason !== "stop" && finishReason !== "length")
    throw new DatasetError(`${place}: expected finish_reason stop, length or error, got another`);
  const { response, sample = 0, token_ids: tokenIds = [] } = fields;
  if (typeof response !== "string") throw new DatasetError(`${place}: expected text in "response", got none`);
  if (typeof sample !== "number" || !Number.isSafeInteger(sample) || sample < 0)
    throw new DatasetError(`${place}: expected a number from 0 in "sample", got another value`);
  if (!isIds(tokenIds)) throw new DatasetError(`${place}: expected a list of ids in "token_ids", got none`);
  const id = idOf(row);
  const hasPrompt = ["prompt", "messages", "instruction"].some((column) => (fields[column] ?? null) !== null);
  if (id === null && !hasPrompt)
    throw new DatasetError(
      `${place}: expected an id or a prompt, got the columns ${Object.keys(fields).join(", ")}`,
    );
  const promptHash = hasPrompt ? hashPrompt(toPromptRows([row])[0]?.messages ?? []) : null;
  return { place, id, promptHash, sample, response, finishReason, tokenIds };
}

/** `samples.jsonl` has task and prompt apart. */
function idOf({ fields }: SourceRow): string | null {
  const { id, task, promptId } = fields;
  if (typeof task === "string" && typeof promptId === "string") return `${task}/${promptId}`;
  return typeof id === "string" || typeof id === "number" ? String(id) : null;
}

function isIds(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(Number.isSafeInteger);
}

function keyOf(name: string, sample: number): string {
  return `${name}#${sample}`;
}

function hashPrompt(messages: readonly Message[]): string {
  return hashJson(messages.map(({ role, content }) => ({ role, content })));
}
