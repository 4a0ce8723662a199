/** @file Labels of a file of their own, put beside the answers that they belong to. */
import { DatasetError } from "../../core/errors.js";
import type { SourceRow } from "../../data/readers.js";
import { toExchanges } from "../labelled-rows.js";
import { type LabelRow, requireSameAnswer } from "./label-file.js";

/** Which labels, and the column that they go into. */
export interface LabelJoin {
  readonly promptField: string;
  readonly labels: ReadonlyMap<string, LabelRow>;
  /** The file of the labels, for messages. */
  readonly path: string;
  readonly column: string;
}

/**
 * The rows that have a label, with it.
 * @throws DatasetError when no label belongs to a row, or one to another answer than that with its id
 */
export function withLabels(
  rows: readonly SourceRow[],
  { promptField, labels, path, column }: LabelJoin,
): SourceRow[] {
  const labelled = toExchanges(rows, promptField).flatMap((exchange, i) => {
    const label = labels.get(exchange.id);
    if (label === undefined) return [];
    requireSameAnswer(path, label, exchange);
    const row = rows[i] as SourceRow;
    return [{ ...row, fields: { ...row.fields, [column]: label.label } }];
  });
  if (labelled.length === 0)
    throw new DatasetError(`${path}: expected labels of these answers, got none with the id of one`, {
      hint: "name the data that was labelled with --data",
    });
  return labelled;
}
