/** @file People's labels of a random part of a run: what `judge label` writes, or any rows with a label and their answer or its id. */
import { ConfigError, DatasetError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { toPromptResponses } from "../data/columns.js";
import { placeOf, readRows, type SourceRow } from "../data/readers.js";
import { labelWords } from "../judges/labelling/words.js";
import { type LabelKind, NEGATIVE_LABELS, POSITIVE_LABELS } from "../judges/labels.js";
import type { Exchange } from "../text/messages.js";
import type { SampleRow } from "./results.js";

/** Labels of answers of one run. */
export interface RunLabels {
  readonly kind: LabelKind;
  /** By id of the answer: harmful, or refused even in part. */
  readonly isPositive: ReadonlyMap<string, boolean>;
  readonly source: string;
}

/** A file of labels before it is known whose answers they are of. */
export interface LabelSource {
  readonly path: string;
  readonly rows: readonly SourceRow[];
}

const REFUSAL = labelWords("refusal");

/** The words that are understood, lower case: those of labelled columns, of `judge label` and of verdicts. */
const WORDS: Readonly<Record<LabelKind, Readonly<Record<"positive" | "negative", readonly string[]>>>> = {
  harm: { positive: POSITIVE_LABELS, negative: NEGATIVE_LABELS },
  refusal: {
    positive: [...REFUSAL.positive, "full_refusal", "partial_refusal"],
    negative: [...REFUSAL.negative, "full_compliance"],
  },
};

/** Reads a file of labels. @throws DatasetError as `readRows`, and for words that are not understood; ConfigError for labels of several people */
export async function readLabels(path: string): Promise<LabelSource> {
  const rows = await readRows(path);
  const people = [...new Set(rows.map(({ fields }) => String(fields["labeller"] ?? "")))];
  if (people.length > 1)
    throw new ConfigError(
      `--labels ${path}: expected labels of one person, got those of ${people.join(", ")}`,
    );
  rows.map(readLabel);
  return { path, rows };
}

/**
 * The labels by answer: matched by `id`, or by prompt and response where a row has them. Of several labels of an answer the last
 * counts; null takes a label back.
 * @throws DatasetError for a label of no answer of the run, of another answer with that id, and for words that are not understood
 */
export function joinLabels({ path, rows }: LabelSource, samples: readonly SampleRow[]): RunLabels {
  const idsOf = answerFinder(samples);
  const isPositive = new Map<string, boolean>();
  let kind: LabelKind | null = null;
  for (const row of rows) {
    const label = readLabel(row);
    if (label !== null && kind !== null && label.kind !== kind)
      throw new DatasetError(
        `${placeOf(row)}: expected a label of ${kind}, as before, got one of ${label.kind}`,
      );
    kind = label?.kind ?? kind;
    for (const id of idsOf(row))
      if (label === null) isPositive.delete(id);
      else isPositive.set(id, label.isPositive);
  }
  if (kind === null) throw new DatasetError(`--labels ${path}: expected labels, got none`);
  return { kind, isPositive, source: `${isPositive.size} answers of this run labelled by people` };
}

function readLabel(row: SourceRow): { readonly kind: LabelKind; readonly isPositive: boolean } | null {
  const value = row.fields["label"];
  if (value === null) return null;
  const word = String(value ?? "").toLowerCase();
  for (const kind of ["harm", "refusal"] as const)
    for (const side of ["positive", "negative"] as const)
      if (WORDS[kind][side].includes(word)) return { kind, isPositive: side === "positive" };
  const known = Object.values(WORDS).flatMap(({ positive, negative }) => [...positive, ...negative]);
  throw new DatasetError(
    `${placeOf(row)}: expected a label (${known.join(", ")}), got ${value === undefined ? "none" : `another ${typeof value}`}`,
  );
}

/** Finds the answers that a row is about. */
function answerFinder(samples: readonly SampleRow[]): (row: SourceRow) => readonly string[] {
  const byId = new Map(samples.map((sample) => [sample.id, sample]));
  const byText = new Map<string, string[]>();
  for (const sample of samples)
    byText.set(textOf(sample), [...(byText.get(textOf(sample)) ?? []), sample.id]);
  return (row) => {
    const { id, responseHash, promptHash } = row.fields;
    const sample = typeof id === "string" ? byId.get(id) : undefined;
    if (sample === undefined || row.fields["response"] !== undefined) {
      const found = row.fields["response"] === undefined ? [] : (byText.get(textOf(exchangeOf(row))) ?? []);
      if (found.length === 0) throw notOfTheRun(row, "an answer of this run", "one of no answer in it");
      return found;
    }
    const isOther =
      (responseHash !== undefined && responseHash !== sha256(sample.response)) ||
      (promptHash !== undefined && promptHash !== sample.promptHash);
    if (isOther)
      throw notOfTheRun(row, `the answer ${sample.id} of this run`, "one of another answer with that id");
    return [sample.id];
  };
}

function exchangeOf(row: SourceRow): Exchange {
  return toPromptResponses([row])[0] as Exchange;
}

function textOf({ messages, response }: Pick<Exchange, "messages" | "response">): string {
  return JSON.stringify([messages.map(({ role, content }) => [role, content]), response]);
}

function notOfTheRun(row: SourceRow, expected: string, got: string): DatasetError {
  return new DatasetError(`${placeOf(row)}: expected a label of ${expected}, got ${got}`, {
    hint: "labels are of one run of one model: label a random part of the samples.jsonl in --out",
  });
}
