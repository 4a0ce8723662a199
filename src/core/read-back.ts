/** @file Files that this package wrote, and files that describe work, read back: whatever they hold, one line says what is wrong. */
import { readFileSync } from "node:fs";
import { ConfigError, DatasetError } from "./errors.js";
import { fileProblem } from "./file-problems.js";

/**
 * The text of a file.
 * @param what what the file should be, for the message: "a recipe"
 * @throws ConfigError when there is none or it cannot be read
 */
export function readTextFile(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { problem } = fileProblem(cause);
    throw new ConfigError(`${path}: expected ${what}, got ${problem}`, {
      hint: "check the path and its permissions",
      cause,
    });
  }
}

/**
 * The JSON object that a file of ours holds. Its members are taken as they are.
 * @throws ConfigError as {@link readTextFile}; DatasetError when it is no JSON object
 */
export function readJsonFile<T extends object>(path: string, what: string): T {
  return parseObject<T>(readTextFile(path, what), path, what);
}

/** Parses text that should be one JSON object. @throws DatasetError naming `where` */
export function parseObject<T extends object>(text: string, where: string, what = "a JSON object"): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw changedByHand(where, what, `${text.length} characters that do not parse`, cause);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as T;
  throw changedByHand(where, what, value === null ? "null" : Array.isArray(value) ? "a list" : typeof value);
}

/**
 * Looks whether an object read back is of its kind, by members that all of them have.
 * @param members what `typeof` says of each
 * @throws DatasetError naming `where` and the first that is missing
 */
export function requireMembers(
  value: object,
  where: string,
  members: Readonly<Record<string, string>>,
): void {
  for (const [name, type] of Object.entries(members)) {
    const member: unknown = Reflect.get(value, name);
    if (typeof member !== type || member === null)
      throw changedByHand(where, `${name} in it`, member === undefined ? "none" : typeof member);
  }
}

function changedByHand(where: string, what: string, got: string, cause?: unknown): DatasetError {
  return new DatasetError(`${where}: expected ${what}, got ${got}`, {
    hint: "the file is damaged or was changed by hand; put it right, or remove it or its folder and begin anew",
    cause,
  });
}
