/** @file Typed looks at the columns of a question's row. */
import { DatasetError } from "../../core/errors.js";
import type { Fields } from "./task.js";

/** A column's text. @throws DatasetError when it is none */
export function textOf(fields: Fields, column: string): string {
  const value = fields[column];
  if (typeof value === "string") return value;
  throw new DatasetError(`${rowName(fields)}: expected text in ${column}, got ${kindOf(value)}`);
}

/** A column's list of texts. @throws DatasetError when it is none */
export function textListOf(fields: Fields, column: string): readonly string[] {
  const value = fields[column];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new DatasetError(`${rowName(fields)}: expected a list of texts in ${column}, got ${kindOf(value)}`);
}

/** A column's whole number below a limit. @throws DatasetError when it is none */
export function placeIn(fields: Fields, column: string, limit: number): number {
  const value = fields[column];
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < limit) return value;
  throw new DatasetError(
    `${rowName(fields)}: expected a place from 0 to ${limit - 1} in ${column}, got ${typeof value === "number" ? value : kindOf(value)}`,
  );
}

/** A row by its id, for messages and as a key. @throws DatasetError when it has none */
export function idOf(fields: Fields): string {
  return textOf(fields, "id");
}

function rowName(fields: Fields): string {
  const { id } = fields;
  return typeof id === "string" ? `question ${id}` : "a question without an id";
}

function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  return value === null ? "null" : typeof value;
}
