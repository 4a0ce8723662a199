/** @file What the flags of `judge validate` and the catalogue say about a file's labels, put together. */
import { ConfigError } from "../../core/errors.js";
import type { LabelReading } from "../../judges/labelled-rows.js";
import { type Labeller, labelledSet } from "../../judges/labelled-sets.js";
import type { LabelKind } from "../../judges/labels.js";
import type { JudgeValidateOptions } from "../command-options.js";

/** How to read a labelled file, what its labels are about and who made them. */
export interface ResolvedReading extends LabelReading {
  readonly labels: LabelKind;
  /** Null for a file of the user's own. */
  readonly labeller: Labeller | null;
}

/**
 * The catalogue's reading of a data set, changed by what the flags say.
 * @throws ConfigError when neither says which column the labels are in
 */
export function readingOf(options: JudgeValidateOptions, dataset: string | null): ResolvedReading {
  const known = labelledSet(dataset, options.labels);
  const field = options.labelField ?? known?.rule.field;
  if (field === undefined)
    throw new ConfigError(`${options.data}: expected a column of labels, got no --label-field`, {
      hint: "name the column, and with --positive the values that mean harmful (or refused)",
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
