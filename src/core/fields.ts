/**
 * @file Strict reading of plain data (YAML, JSON) into typed records: what is unknown, missing or out of range is refused
 * in one line that names file, line and path, with the nearest known name as a hint.
 */
import { basename } from "node:path";
import { ConfigError } from "./errors.js";

/** Where a value stands in its file. */
export interface Place {
  readonly file: string;
  readonly path: readonly (string | number)[];
  /** 1-based line of a path, null where it is not known. */
  readonly lineOf: (path: readonly (string | number)[]) => number | null;
}

/** Turns plain data into a value of its type. @throws ConfigError naming the place */
export type Reader<T> = (value: unknown, place: Place) => T;

/** A reader for each member. */
export type Readers<T> = { readonly [K in keyof T]-?: Reader<T[K]> };

/** Bounds of a number, both included. */
export interface NumberBounds {
  readonly min?: number;
  readonly max?: number;
  /** Greater than this. */
  readonly above?: number;
  readonly isInteger?: boolean;
}

/** A mapping with exactly these members; the optional ones may be left out. */
export function record<Required extends object, Optional extends object>(
  required: Readers<Required>,
  optional: Readers<Optional>,
): Reader<Required & Partial<Optional>> {
  const readers = { ...required, ...optional } as Readers<Record<string, unknown>>;
  const known = Object.keys(readers);
  return (value, place) => {
    const members = mapping(value, place);
    for (const key of Object.keys(members))
      if (!known.includes(key)) throw unknownName(at(place, key), "a known key", key, known);
    const missing = Object.keys(required).find((key) => members[key] === undefined);
    if (missing !== undefined) throw wrong(place, `the key ${missing}`, "none");
    const present = known.filter((key) => members[key] !== undefined);
    return Object.fromEntries(
      present.map((key) => [key, readers[key]?.(members[key], at(place, key))]),
    ) as Required & Partial<Optional>;
  };
}

/** A non-empty list. */
export function listOf<T>(read: Reader<T>): Reader<readonly T[]> {
  return (value, place) => {
    if (!Array.isArray(value) || value.length === 0) throw wrong(place, "a list", kindOf(value));
    return value.map((member: unknown, i) => read(member, at(place, i)));
  };
}

/** A finite number within bounds. */
export function number(bounds: NumberBounds = {}): Reader<number> {
  const { min = -Infinity, max = Infinity, above = -Infinity, isInteger = false } = bounds;
  return (value, place) => {
    const isNumber = typeof value === "number" && Number.isFinite(value);
    const isFit = isNumber && value >= min && value <= max && value > above;
    if (!isFit || (isInteger && !Number.isInteger(value)))
      throw wrong(place, numberInWords(bounds), kindOf(value));
    return value;
  };
}

/** Text that is not empty. */
export const text: Reader<string> = (value, place) => {
  if (typeof value !== "string" || value === "") throw wrong(place, "text", kindOf(value));
  return value;
};

/** The source of a regular expression. */
export const pattern: Reader<string> = (value, place) => {
  const source = text(value, place);
  try {
    new RegExp(source, "iu");
  } catch {
    throw wrong(place, "a regular expression", source);
  }
  return source;
};

/** true or false. */
export const flag: Reader<boolean> = (value, place) => {
  if (typeof value !== "boolean") throw wrong(place, "true or false", kindOf(value));
  return value;
};

/** One of some names. */
export function oneOf<Name extends string>(
  names: readonly Name[],
  what = "one of the known names",
): Reader<Name> {
  return (value, place) => {
    const found = names.find((name) => name === value);
    if (found === undefined) throw unknownName(place, what, kindOf(value), names);
    return found;
  };
}

/** The known name that is nearest in letters, or null when none is near. */
export function nearestName(name: string, known: readonly string[]): string | null {
  const ranked = known
    .map((candidate) => ({ candidate, edits: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best !== undefined && best.edits <= Math.max(2, Math.floor(name.length / 3)) ? best.candidate : null;
}

/** The refusal of a value. */
export function wrong(
  place: Place,
  expected: string,
  got: string,
  hint = `change it in ${basename(place.file)}`,
): ConfigError {
  return new ConfigError(`${whereOf(place)}: expected ${expected}, got ${got}`, { hint });
}

function unknownName(place: Place, expected: string, got: string, known: readonly string[]): ConfigError {
  const nearest = nearestName(got, known);
  const list = `known: ${known.join(", ")}`;
  return wrong(place, expected, got, nearest === null ? list : `did you mean ${nearest}? ${list}`);
}

function whereOf({ file, path, lineOf }: Place): string {
  const line = lineOf(path);
  const where = line === null ? file : `${file}:${line}`;
  return path.length === 0 ? where : `${where}: ${path.join(".")}`;
}

function at(place: Place, key: string | number): Place {
  return { ...place, path: [...place.path, key] };
}

function mapping(value: unknown, place: Place): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw wrong(place, "keys with values", kindOf(value));
  return value as Record<string, unknown>;
}

/** A value as an error message shows it: short. */
function kindOf(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  return typeof value === "object" ? "keys with values" : String(value).slice(0, 40) || '""';
}

function numberInWords({ min, max, above, isInteger }: NumberBounds): string {
  const parts = [isInteger === true ? "a whole number" : "a number"];
  if (above !== undefined) parts.push(`above ${above}`);
  if (min !== undefined && max !== undefined) parts.push(`from ${min} to ${max}`);
  else if (min !== undefined) parts.push(`of at least ${min}`);
  else if (max !== undefined) parts.push(`of at most ${max}`);
  return parts.join(" ");
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
