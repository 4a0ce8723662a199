/** @file Durable files: written to a temporary name and renamed, or appended line by line, so that a kill loses nothing. */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { ConfigError, DatasetError } from "./errors.js";

/** Writes a whole file under a temporary name, flushes it to disk and renames it: old or new, never half. */
export async function writeFileDurably(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = openSync(temporary, "w");
    try {
      writeAll(file, typeof content === "string" ? Buffer.from(content) : content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw writeError(path, cause);
  }
}

/** Writes JSON, indented, durably. */
export async function writeJsonDurably(path: string, value: unknown): Promise<void> {
  await writeFileDurably(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** An append-only JSON Lines file. A last line cut by a kill is dropped on opening; all others are kept. */
export class Journal<Row> {
  private readonly file: number;
  readonly path: string;
  readonly rows: Row[];

  constructor(path: string) {
    this.path = path;
    this.rows = readJournal<Row>(path);
    this.file = openSync(path, "a");
  }

  /** Appends rows as one write. */
  append(...rows: Row[]): void {
    try {
      writeAll(this.file, Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join("")));
    } catch (cause) {
      throw writeError(this.path, cause);
    }
    this.rows.push(...rows);
  }

  /** Flushes to disk and closes. */
  close(): void {
    fsyncSync(this.file);
    closeSync(this.file);
  }
}

function readJournal<Row>(path: string): Row[] {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch {
    return [];
  }
  const end = content.lastIndexOf(10) + 1;
  if (end < content.length) truncateSync(path, end);
  const lines = content.subarray(0, end).toString("utf8").split("\n").slice(0, -1);
  return lines.map((line, i) => parseLine<Row>(line, path, i + 1));
}

function parseLine<Row>(line: string, path: string, number: number): Row {
  try {
    return JSON.parse(line) as Row;
  } catch (cause) {
    throw new DatasetError(
      `${path}:${number}: expected one JSON object a line, got ${line.length} characters that do not parse`,
      {
        hint: "the file was changed by hand; remove that line or the file",
        cause,
      },
    );
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}

function writeError(path: string, cause: unknown): ConfigError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ConfigError(`${path}: cannot be written (${reason})`, {
    hint: "free disk space or check permissions, then run the same command again: it goes on where it stopped",
    cause,
  });
}
