/** @file Typed reading of fields of a parsed JSON object from a checkpoint, with errors that name file and field. */
import { readFileSync } from "node:fs";
import { CheckpointError } from "../../core/errors.js";

/** A parsed JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads a file that holds one JSON object.
 * @throws CheckpointError when it is missing or is something else
 */
export function readJsonObject(path: string): JsonObject {
  return parseJsonObject(readText(path), path);
}

/** Like {@link readJsonObject}, null when there is no such file. */
export function readOptionalJsonObject(path: string): JsonObject | null {
  const text = readOptionalText(path);
  return text === null ? null : parseJsonObject(text, path);
}

/** The text of a file (UTF-8), null when there is no such file. */
export function readOptionalText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (isMissingFile(cause)) return null;
    throw new CheckpointError(`${path}: cannot be read`, { cause });
  }
}

/** Whether a value is an object of named members. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A finite number above zero; `fallback` when the field is absent or null. */
export function positiveNumber(object: JsonObject, field: string, where: string, fallback?: number): number {
  const value = object[field] ?? fallback;
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw new CheckpointError(`${where}: expected ${field} to be a positive number, got ${shown(value)}`);
}

/** A size that no checkpoint has. */
const LARGEST_SIZE = 2 ** 28;

/** A whole number above zero, and no larger than any checkpoint has it; `fallback` when the field is absent or null. */
export function positiveInteger(object: JsonObject, field: string, where: string, fallback?: number): number {
  const value = object[field] ?? fallback;
  if (typeof value === "number" && Number.isInteger(value) && value > 0 && value <= LARGEST_SIZE)
    return value;
  const most = typeof value === "number" && value > LARGEST_SIZE ? ` of at most ${LARGEST_SIZE}` : "";
  throw new CheckpointError(
    `${where}: expected ${field} to be a positive integer${most}, got ${shown(value)}`,
  );
}

/** Far beyond what exists; layers are listed one by one before any tensor is looked at. */
export const MAX_LAYERS = 4096;

/** A size that memory is taken for before any tensor is looked at: a positive integer of at most `most`. */
export function boundedInteger(
  object: JsonObject,
  field: string,
  where: string,
  most: number,
  fallback?: number,
): number {
  const value = positiveInteger(object, field, where, fallback);
  if (value <= most) return value;
  throw new CheckpointError(`${where}: expected ${field} to be at most ${most}, got ${value}`);
}

/** A whole number, zero included; `fallback` when the field is absent or null. */
export function wholeNumber(object: JsonObject, field: string, where: string, fallback?: number): number {
  const value = object[field] ?? fallback;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new CheckpointError(`${where}: expected ${field} to be a whole number, got ${shown(value)}`);
}

/**
 * Refuses a field whose value changes the arithmetic in a way that is not built.
 * @param built the values that are; an absent field counts as the first
 */
export function requireBuilt(
  object: JsonObject,
  field: string,
  where: string,
  built: readonly unknown[],
): void {
  if (built.includes(object[field] ?? built[0])) return;
  throw new CheckpointError(`${where}: ${field} = ${shown(object[field])} is not supported`, {
    hint: `expected ${built.map(shown).join(" or ")}`,
  });
}

/** A value as messages show it: short JSON. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

function readText(path: string): string {
  const text = readOptionalText(path);
  if (text !== null) return text;
  throw new CheckpointError(`${path}: no such file`, { hint: "the folder is not a complete checkpoint" });
}

function parseJsonObject(text: string, path: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError(`${path}: expected JSON, got text that does not parse`, { cause });
  }
  refuseDeep(value, path);
  if (isJsonObject(value)) return value;
  throw new CheckpointError(`${path}: expected a JSON object, got ${shown(value)}`);
}

/** Lists and mappings inside each other; a tokenizer has about ten. Code that walks a value by calling itself relies on it. */
const MAX_DEPTH = 100;

/** @throws CheckpointError when a parsed JSON value is nested deeper than any file of a checkpoint */
export function refuseDeep(value: unknown, where: string, depth: number = MAX_DEPTH): void {
  if (typeof value !== "object" || value === null) return;
  if (depth === 0)
    throw new CheckpointError(`${where}: expected JSON with at most ${MAX_DEPTH} values inside each other`);
  for (const member of Object.values(value))
    if (typeof member === "object") refuseDeep(member, where, depth - 1);
}

function isMissingFile(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR");
}
