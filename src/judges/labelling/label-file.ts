/**
 * @file The file of people's labels: one line a label, the last line for an answer and a labeller wins. It holds no text; hashes
 * say which prompt and answer a label belongs to, so that it is never joined with another answer of the same id.
 */
import { existsSync } from "node:fs";
import { ConfigError, DatasetError } from "../../core/errors.js";
import { number, type Place, type Reader, record, text } from "../../core/fields.js";
import { hashJson, sha256 } from "../../core/hash.js";
import { readTextFile } from "../../core/read-back.js";
import type { Exchange } from "../../text/messages.js";

/** One line. */
export interface LabelRow {
  /** Of the answer, as in the labelled file. */
  readonly id: string;
  /** sha256 of the messages, as in `samples.jsonl`. */
  readonly promptHash: string;
  readonly responseHash: string;
  /** Null takes a label back. */
  readonly label: string | null;
  readonly labeller: string;
  /** How long the answer was looked at; null where that is not known. */
  readonly seconds: number | null;
}

/** What a label says of the answer it belongs to. */
export function hashesOf({ messages, response }: Exchange): Pick<LabelRow, "promptHash" | "responseHash"> {
  const promptHash = hashJson(messages.map(({ role, content }) => ({ role, content })));
  return { promptHash, responseHash: sha256(response) };
}

/**
 * All lines of a file of labels, none where there is no file. A last line that a kill cut off is passed over.
 * @throws ConfigError naming the place, for lines that are not labels: the file is another one
 */
export function readLabelFile(path: string): LabelRow[] {
  if (!existsSync(path)) return [];
  const lines = readTextFile(path, "labels").split("\n");
  const last = lines.pop() ?? "";
  if (last !== "" && !isCutLabel(last)) lines.push(last);
  return lines.map((line, i) => readLine(line, path, i + 1));
}

/**
 * The labels that count, by id of the answer: of each labeller the last, none where it was taken back.
 * @param labeller whose; may be left out where the file has labels of one person
 * @throws ConfigError when there are none, or of several people and none is named
 */
export function labelsOf(
  path: string,
  rows: readonly LabelRow[],
  labeller?: string,
): ReadonlyMap<string, LabelRow & { readonly label: string }> {
  const names = [...new Set(rows.map((row) => row.labeller))];
  const [name = "", another] = labeller === undefined ? names : [labeller];
  if (another !== undefined)
    throw new ConfigError(`${path}: expected labels of one person, got those of ${names.join(", ")}`, {
      hint: "name one with --labeller",
    });
  const labels = latestLabels(rows, name);
  if (labels.size === 0)
    throw new ConfigError(
      `${path}: expected labels${labeller === undefined ? "" : ` of ${name}`}, got none`,
      {
        hint: names.length === 0 ? "make them with `judge label`" : `it has labels of ${names.join(", ")}`,
      },
    );
  return labels;
}

/** The labels of one person that were not taken back, by id of the answer. */
export function latestLabels(
  rows: readonly LabelRow[],
  labeller: string,
): Map<string, LabelRow & { readonly label: string }> {
  const latest = new Map<string, LabelRow & { readonly label: string }>();
  for (const row of rows) {
    if (row.labeller !== labeller) continue;
    if (row.label === null) latest.delete(row.id);
    else latest.set(row.id, { ...row, label: row.label });
  }
  return latest;
}

/** @throws DatasetError when a label belongs to another answer than the one with its id */
export function requireSameAnswer(path: string, row: LabelRow, exchange: Exchange): void {
  const { promptHash, responseHash } = hashesOf(exchange);
  if (row.promptHash === promptHash && row.responseHash === responseHash) return;
  const what = row.promptHash === promptHash ? "another answer to its prompt" : "another prompt";
  throw new DatasetError(`${path}: expected a label of the answer ${row.id}, got one of ${what}`, {
    hint: "these labels were made on other data; name that, or another file of labels",
  });
}

const readRow = record<LabelRow, object>(
  {
    id: text,
    promptHash: text,
    responseHash: text,
    label: orNull(text),
    labeller: text,
    seconds: orNull(number({ min: 0 })),
  },
  {},
);

function readLine(line: string, path: string, number: number): LabelRow {
  const place: Place = { file: path, path: [], lineOf: () => number };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new ConfigError(
      `${path}:${number}: expected a label of \`judge label\`, got text that does not parse`,
      { hint: "name another file with --out; this one is left as it is", cause },
    );
  }
  return readRow(value, place);
}

function orNull<T>(read: Reader<T>): Reader<T | null> {
  return (value, place) => (value === null ? null : read(value, place));
}

/** A line begun as labels are begun, and not ended. */
function isCutLabel(line: string): boolean {
  return '{"id":'.startsWith(line.slice(0, 6)) && !line.endsWith("}");
}
