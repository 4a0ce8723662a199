/**
 * @file Rows with the field's usual columns → the typed rows of training and evaluation. A string prompt is one user
 * message, a string answer one assistant message; lists of messages are taken as they are. Empty answers pass here and
 * are dropped, counted, in `dedupe.ts`.
 * Formats: TRL's prompt-completion, preference (explicit or implicit prompt) and messages; Alpaca's three columns.
 */
import { DatasetError } from "../core/errors.js";
import type { Message } from "../text/messages.js";
import type { CheckedRow } from "./contamination.js";
import type { PreferencePair, PromptCompletion, PromptResponse, PromptRow } from "./examples.js";
import { placeOf, type SourceRow } from "./readers.js";

const ANSWER_COLUMNS = ["completion", "response", "output"] as const;
/** Column of {@link PromptCompletion.maxCompletionLength}. */
export const ANSWER_LIMIT_COLUMN = "max_completion_length";
const ROLES: readonly unknown[] = ["system", "user", "assistant"];

/**
 * Prompt and answer: `prompt` or `instruction` (+ `input`) with `completion`, `response` or `output`; or `messages`
 * that end in the answer. `max_completion_length` cuts the row's answer after so many tokens.
 * @throws DatasetError naming the place and the columns found
 */
export function toPromptCompletions(rows: readonly SourceRow[]): PromptCompletion[] {
  return withUniqueIds(rows, (row) => {
    const limit = answerLimit(row);
    if (lacks(row, ["prompt", "instruction"]) && has(row, "messages"))
      return { ...splitLastTurn(row), ...limit };
    const answer = firstColumn(row, ANSWER_COLUMNS);
    if (answer === null) throw missing(row, "an answer in completion, response or output");
    return { id: idOf(row), prompt: promptOf(row), completion: answerTurns(row, answer), ...limit };
  });
}

function answerLimit(row: SourceRow): Pick<PromptCompletion, "maxCompletionLength"> {
  const value = row.fields[ANSWER_LIMIT_COLUMN];
  if (value === undefined || value === null) return {};
  if (typeof value === "number" && Number.isInteger(value) && value > 0)
    return { maxCompletionLength: value };
  throw wrong(row, ANSWER_LIMIT_COLUMN, "a whole number of tokens", value);
}

/**
 * Preference pairs: `chosen` and `rejected`, with the prompt in `prompt`, `messages` or `instruction`, or, for lists of
 * messages, as the longest common beginning of both.
 * @throws DatasetError naming the place and the columns found
 */
export function toPreferencePairs(rows: readonly SourceRow[]): PreferencePair[] {
  return withUniqueIds(rows, (row) => {
    if (!has(row, "chosen") || !has(row, "rejected")) throw missing(row, "chosen and rejected");
    if (lacks(row, ["prompt", "messages", "instruction"])) return splitCommonPrompt(row);
    const chosen = answerTurns(row, "chosen");
    return { id: idOf(row), prompt: promptOf(row), chosen, rejected: answerTurns(row, "rejected") };
  });
}

/** Prompts: `prompt`, `messages` or `instruction` (+ `input`). @throws DatasetError naming place and columns */
export function toPromptRows(rows: readonly SourceRow[]): PromptRow[] {
  return withUniqueIds(rows, (row) => ({ id: idOf(row), messages: promptOf(row) }));
}

/** Prompts with an answer text to be scored. @throws DatasetError naming place and columns */
export function toPromptResponses(rows: readonly SourceRow[]): PromptResponse[] {
  const answers = ["response", "completion", "output"] as const;
  return withUniqueIds(rows, (row) => {
    const column = firstColumn(row, answers);
    if (column === null) throw missing(row, "an answer in response, completion or output");
    const turns = answerTurns(row, column);
    if (turns.length !== 1)
      throw new DatasetError(`${at(row)}: expected one answer in "${column}", got ${turns.length} messages`);
    return { id: idOf(row), messages: promptOf(row), response: turns[0]?.content ?? "" };
  });
}

/**
 * Alpaca's two columns as the user's words: instruction, a blank line, input; the instruction alone without input. One
 * text under every template, so that a prompt is the same prompt wherever it is asked. Departs: Alpaca's own template
 * gives the input a heading, which here only a prompt of two user messages gets.
 */
export function alpacaPrompt(instruction: string, input: string): string {
  return input.trim() === "" ? instruction : `${instruction}\n\n${input}`;
}

/** The texts of all user turns: what contamination is looked for in. */
export function userTurns(messages: readonly Message[]): string[] {
  return messages.filter((message) => message.role === "user").map((message) => message.content);
}

/**
 * Id and all user turns of rows of any of the formats above, for contamination checks.
 * @throws DatasetError naming the place and the columns found
 */
export function toCheckedRows(rows: readonly SourceRow[]): CheckedRow[] {
  return withUniqueIds(rows, (row) => ({ id: idOf(row), texts: userTurns(conversationOf(row)) }));
}

/** The prompt of a row; the whole conversation where the prompt is not told apart. */
function conversationOf(row: SourceRow): readonly Message[] {
  if (has(row, "prompt")) return promptOf(row);
  if (has(row, "messages")) return messagesOf(row, "messages");
  return has(row, "chosen") && lacks(row, ["instruction"]) ? splitCommonPrompt(row).prompt : promptOf(row);
}

function promptOf(row: SourceRow): readonly Message[] {
  const column = firstColumn(row, ["prompt", "messages", "instruction"]);
  if (column === null) throw missing(row, "a prompt in prompt, messages or instruction");
  const value = row.fields[column];
  if (column === "instruction") return alpacaMessages(row);
  const messages = typeof value === "string" ? [user(row, value, column)] : messagesOf(row, column);
  if (messages.at(-1)?.role !== "user")
    throw new DatasetError(
      `${at(row)}: expected "${column}" to end with a user message, got ${rolesOf(messages)}`,
    );
  return messages;
}

function alpacaMessages(row: SourceRow): Message[] {
  const instruction = textOf(row, "instruction");
  const input = row.fields["input"] ?? "";
  if (typeof input !== "string") throw wrong(row, "input", "text", input);
  return [user(row, alpacaPrompt(instruction, input), "instruction")];
}

function user(row: SourceRow, content: string, column: string): Message {
  if (content.trim() === "")
    throw new DatasetError(`${at(row)}: expected a prompt in "${column}", got empty text`);
  return { role: "user", content };
}

function answerTurns(row: SourceRow, column: string): readonly Message[] {
  const value = row.fields[column];
  if (typeof value === "string") return [{ role: "assistant", content: value }];
  const messages = messagesOf(row, column);
  if (messages[0]?.role !== "assistant" || messages.at(-1)?.role !== "assistant")
    throw new DatasetError(
      `${at(row)}: expected "${column}" to begin and end with an assistant message, got ${rolesOf(messages)}`,
    );
  return messages;
}

function splitLastTurn(row: SourceRow): PromptCompletion {
  const messages = messagesOf(row, "messages");
  if (messages.at(-1)?.role !== "assistant" || messages.at(-2)?.role !== "user")
    throw new DatasetError(
      `${at(row)}: expected "messages" to end with a user and an assistant message, got ${rolesOf(messages)}`,
    );
  return { id: idOf(row), prompt: messages.slice(0, -1), completion: messages.slice(-1) };
}

/** TRL's implicit prompt: the longest common beginning of the two conversations. */
function splitCommonPrompt(row: SourceRow): PreferencePair {
  if (typeof row.fields["chosen"] === "string")
    throw missing(row, "a prompt in prompt, messages or instruction (only lists of messages may contain it)");
  const chosen = messagesOf(row, "chosen");
  const rejected = messagesOf(row, "rejected");
  let length = 0;
  while (length < chosen.length && isSame(chosen[length], rejected[length])) length++;
  // Two equal conversations have no difference to learn; the pair stays, to be dropped and counted as identical.
  if (length === chosen.length && length === rejected.length) length--;
  const prompt = chosen.slice(0, length);
  const pair = { id: idOf(row), prompt, chosen: chosen.slice(length), rejected: rejected.slice(length) };
  const isPair = [pair.chosen, pair.rejected].every((answer) => answer.at(-1)?.role === "assistant");
  if (prompt.at(-1)?.role !== "user" || !isPair)
    throw new DatasetError(
      `${at(row)}: expected chosen and rejected that share a beginning up to a user message, got ${rolesOf(chosen)} and ${rolesOf(rejected)}`,
    );
  return pair;
}

function isSame(a: Message | undefined, b: Message | undefined): boolean {
  return a !== undefined && a.role === b?.role && a.content === b.content;
}

function messagesOf(row: SourceRow, column: string): Message[] {
  const value = row.fields[column];
  if (!Array.isArray(value) || value.length === 0)
    throw wrong(row, column, "text or a list of messages", value);
  return value.map((each: unknown, i) => {
    const { role, content } = (typeof each === "object" && each !== null ? each : {}) as Record<
      string,
      unknown
    >;
    if (!ROLES.includes(role) || typeof content !== "string")
      throw new DatasetError(
        `${at(row)}: expected {role, content} with role system, user or assistant in "${column}[${i}]", got ${shapeOf(each)}`,
      );
    return { role: role as Message["role"], content };
  });
}

/** Ids are what results are matched by: two equal ones in a file are refused. */
function withUniqueIds<T extends { readonly id: string }>(
  rows: readonly SourceRow[],
  convert: (row: SourceRow) => T,
): T[] {
  const first = new Map<string, SourceRow>();
  return rows.map((row) => {
    const converted = convert(row);
    const earlier = first.get(converted.id);
    if (earlier !== undefined)
      throw new DatasetError(`${at(row)}: expected an id of its own, got that of line ${earlier.line}`);
    first.set(converted.id, row);
    return converted;
  });
}

function idOf(row: SourceRow): string {
  const id = row.fields["id"] ?? placeOf(row);
  if (typeof id === "number" || (typeof id === "string" && id !== "")) return String(id);
  throw wrong(row, "id", "text or a number", id);
}

function textOf(row: SourceRow, column: string): string {
  const value = row.fields[column];
  if (typeof value !== "string") throw wrong(row, column, "text", value);
  return value;
}

function firstColumn<C extends string>(row: SourceRow, columns: readonly C[]): C | null {
  return columns.find((column) => has(row, column)) ?? null;
}

function has(row: SourceRow, column: string): boolean {
  return row.fields[column] !== undefined && row.fields[column] !== null;
}

function lacks(row: SourceRow, columns: readonly string[]): boolean {
  return !columns.some((column) => has(row, column));
}

function at(row: SourceRow): string {
  return `${row.file}:${row.line}`;
}

function missing(row: SourceRow, what: string): DatasetError {
  return new DatasetError(
    `${at(row)}: expected ${what}, got the columns ${Object.keys(row.fields).join(", ")}`,
  );
}

function wrong(row: SourceRow, column: string, expected: string, got: unknown): DatasetError {
  return new DatasetError(`${at(row)}: expected ${expected} in "${column}", got ${shapeOf(got)}`);
}

/** Kind of a value without its text. */
function shapeOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === "object" ? `{${Object.keys(value).join(", ")}}` : `a ${typeof value}`;
}

function rolesOf(messages: readonly Message[]): string {
  return messages.length === 0 ? "none" : messages.map((message) => message.role).join(", ");
}
