/** @file The labels of a class head, as transformers' configurations name them. */
import { CheckpointError } from "../../core/errors.js";
import { boundedInteger, isJsonObject, type JsonObject, shown } from "../weights/json-fields.js";

/** Far beyond any head; they are listed one by one. */
const MAX_LABELS = 4096;

/**
 * `id2label` in the order of its ids; where it is absent, `LABEL_0` … for `num_labels`, 2 by default.
 * @throws CheckpointError when ids are not 0, 1, …
 */
export function classLabels(json: JsonObject, where: string): readonly string[] {
  const named = json["id2label"];
  if (named === undefined || named === null) {
    const count = boundedInteger(json, "num_labels", where, MAX_LABELS, 2);
    return Array.from({ length: count }, (_, id) => `LABEL_${id}`);
  }
  const labels = isJsonObject(named) ? Object.keys(named).map((_, id) => named[`${id}`]) : [];
  if (labels.length > 0 && labels.every((label) => typeof label === "string")) return labels;
  throw new CheckpointError(`${where}: expected id2label to name ids 0, 1, …, got ${shown(named)}`);
}
