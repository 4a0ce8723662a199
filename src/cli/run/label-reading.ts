/** @file What the flags of `judge validate`, the catalogue and a file of people's labels say about answers, put together. */
import { ConfigError } from "../../core/errors.js";
import type { SourceRow } from "../../data/readers.js";
import type { LabelReading } from "../../judges/labelled-rows.js";
import { type Labeller, labelledSet } from "../../judges/labelled-sets.js";
import { withLabels } from "../../judges/labelling/join.js";
import { labelsOf, readLabelFile } from "../../judges/labelling/label-file.js";
import { requireWordsOf } from "../../judges/labelling/words.js";
import type { LabelKind } from "../../judges/labels.js";
import type { JudgeValidateOptions } from "../command-options.js";

/** How to read a labelled file, what its labels are about and who made them. */
export interface ResolvedReading extends LabelReading {
  readonly labels: LabelKind;
  /** Null for a file of the user's own. */
  readonly labeller: Labeller | null;
}

/**
 * The rows to judge, and how to read their labels; with a file of labels those that it labels.
 * @throws ConfigError | DatasetError when there are no labels, or they belong to other answers
 */
export function readLabelled(
  options: JudgeValidateOptions,
  dataset: string | null,
  rows: readonly SourceRow[],
): { readonly reading: ResolvedReading; readonly rows: readonly SourceRow[] } {
  const { labelFile: path, labeller } = options;
  if (path === undefined) return { reading: readingOf(options, dataset), rows };
  const labels = labelsOf(path, readLabelFile(path), labeller);
  const words = requireWordsOf(
    path,
    [...labels.values()].map(({ label }) => label),
  );
  const known = labelledSet(dataset);
  const promptField = options.promptField ?? known?.promptField ?? "prompt";
  const reading: ResolvedReading = {
    labels: words.labels,
    labeller: "people",
    rule: { field: LABEL_COLUMN, positive: words.positive },
    promptField,
    categoryField: options.categoryField ?? known?.categoryField ?? null,
  };
  return { reading, rows: withLabels(rows, { promptField, labels, path, column: LABEL_COLUMN }) };
}

/** Column that the labels of a file of their own go into. */
const LABEL_COLUMN = "label";

/**
 * The catalogue's reading of a data set, changed by what the flags say.
 * @throws ConfigError when neither says which column the labels are in
 */
function readingOf(options: JudgeValidateOptions, dataset: string | null): ResolvedReading {
  const known = labelledSet(dataset, options.labels);
  const field = options.labelField ?? known?.rule.field;
  if (field === undefined)
    throw new ConfigError(`${options.data}: expected a column of labels, got no --label-field`, {
      hint: "name the column, and with --positive the values that mean harmful (or refused), or a --label-file of `judge label`",
    });
  const isKnownColumn = field === known?.rule.field;
  const base = isKnownColumn ? known : undefined;
  const positive = options.positive ?? base?.rule.positive;
  return {
    ...base,
    labels: options.labels ?? base?.labels ?? "harm",
    labeller: base?.labeller ?? null,
    rule: { field, ...(positive === undefined ? {} : { positive }) },
    promptField: options.promptField ?? known?.promptField ?? "prompt",
    categoryField: options.categoryField ?? known?.categoryField ?? null,
  };
}
