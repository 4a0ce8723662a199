/** @file Durable files: written to a temporary name and renamed, or appended line by line, so that a kill loses nothing. */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError, SafeToServeError, StorageError } from "./errors.js";
import { fileProblem } from "./file-problems.js";
import { parseObject } from "./read-back.js";

/** Most bytes of one call: larger ones fail on some systems. */
const MOST_BYTES = 2 ** 30;

/**
 * Writes a whole file under a temporary name, flushes it to disk and renames it: old or new, never half.
 * @throws ConfigError | StorageError when it cannot be written; the temporary file is gone by then
 */
export async function writeFileDurably(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = temporaryName(path);
  makeFolder(dirname(path));
  try {
    const writer = new FileWriter(temporary, path);
    writer.write(typeof content === "string" ? Buffer.from(content) : content);
    writer.finish();
    renameSync(temporary, path);
  } catch (cause) {
    removeQuietly(temporary);
    throw writeError(path, cause);
  }
}

/** Writes JSON, indented, durably. */
export async function writeJsonDurably(path: string, value: unknown): Promise<void> {
  await writeFileDurably(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Makes a folder that others see complete or not at all, in the place of one that may be there.
 * @param build fills the temporary folder that it is given
 * @throws ConfigError | StorageError when it cannot be made; the temporary folder is gone by then
 */
export async function writeFolderDurably(
  path: string,
  build: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    makeFolder(temporary);
    await build(temporary);
    rmSync(path, { recursive: true, force: true });
    renameSync(temporary, path);
  } catch (cause) {
    removeQuietly(temporary);
    throw fileProblem(cause).isKnown ? writeError(path, cause) : cause;
  }
}

/** Makes a folder and those above it. @throws ConfigError | StorageError when it cannot be made */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw writeError(path, fileProblem(cause).isMissing ? reasonAgainst(path, cause) : cause);
  }
}

/** Node says "no such file" of folders on a read-only file system: what the system says of the first that is missing. */
function reasonAgainst(path: string, cause: unknown): unknown {
  let missing = resolve(path);
  while (!existsSync(dirname(missing))) missing = dirname(missing);
  try {
    mkdirSync(missing);
    return cause;
  } catch (reason) {
    return reason;
  }
}

/**
 * Sees whether a file can be written, before the work that fills it.
 * @throws ConfigError | StorageError as {@link writeFileDurably} would
 */
export function requireWritable(path: string): void {
  makeFolder(dirname(path));
  const temporary = temporaryName(path);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new ConfigError(`${path}: expected a file, got a folder`, { hint: "name a file in it" });
  try {
    closeSync(openSync(temporary, "wx"));
  } catch (cause) {
    throw writeError(path, cause);
  } finally {
    removeQuietly(temporary);
  }
}

/** A new file that is written piece by piece. It is complete only after {@link FileWriter.finish}. */
export class FileWriter {
  private readonly name: string;
  private readonly file: number;

  /**
   * @param name what errors call it
   * @throws ConfigError | StorageError, as do all methods but `abandon`; the file is closed by then
   */
  constructor(path: string, name: string = path) {
    this.name = name;
    try {
      this.file = openSync(path, "wx");
    } catch (cause) {
      throw writeError(name, cause);
    }
  }

  /** Appends bytes. */
  write(bytes: Uint8Array): void {
    try {
      writeAll(this.file, bytes);
    } catch (cause) {
      this.abandon();
      throw writeError(this.name, cause);
    }
  }

  /** Flushes to disk and closes. */
  finish(): void {
    try {
      fsyncSync(this.file);
    } catch (cause) {
      throw writeError(this.name, cause);
    } finally {
      this.abandon();
    }
  }

  /** Closes an unfinished file; it may be closed already. */
  abandon(): void {
    closeQuietly(this.file);
  }
}

/**
 * An append-only JSON Lines file. A last line cut by a kill is no row; it is taken away when the first row is appended, so that
 * a file which is refused, because it turns out to be another one, stays as it is.
 */
export class Journal<Row extends object> {
  private readonly file: number;
  private sizeBytes: number;
  /** What goes before the first row appended: a line break that is missing. */
  private before: string;
  readonly path: string;
  readonly rows: Row[];

  /** @throws ConfigError | StorageError when it cannot be opened, DatasetError when a line does not parse */
  constructor(path: string) {
    this.path = path;
    makeFolder(dirname(path));
    const { rows, sizeBytes, isEnded } = readJournal<Row>(path);
    this.rows = rows;
    this.sizeBytes = sizeBytes;
    this.before = isEnded ? "" : "\n";
    try {
      this.file = openSync(path, "a");
    } catch (cause) {
      throw writeError(path, cause);
    }
  }

  /** Appends rows as one write; what fails half-way is taken back. @throws ConfigError | StorageError */
  append(...rows: Row[]): void {
    const bytes = Buffer.from(this.before + rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    try {
      if (fstatSync(this.file).size > this.sizeBytes) ftruncateSync(this.file, this.sizeBytes);
      writeAll(this.file, bytes);
    } catch (cause) {
      quietly(() => ftruncateSync(this.file, this.sizeBytes));
      throw writeError(this.path, cause);
    }
    this.before = "";
    this.sizeBytes += bytes.length;
    this.rows.push(...rows);
  }

  /** Flushes to disk what was appended. @throws ConfigError | StorageError */
  flush(): void {
    try {
      fsyncSync(this.file);
    } catch (cause) {
      throw writeError(this.path, cause);
    }
  }

  /** Flushes to disk and closes. @throws ConfigError | StorageError */
  close(): void {
    try {
      this.flush();
    } finally {
      closeQuietly(this.file);
    }
  }
}

/** Rows of float32 numbers of one width, by place, read and written at random. */
export class RowFile {
  /** Whole rows that the file held when it was opened. */
  readonly count: number;
  readonly path: string;
  private readonly file: number;
  private readonly rowBytes: number;

  /** Opens or makes the file. @throws ConfigError | StorageError as {@link writeFileDurably} would */
  constructor(path: string, width: number) {
    this.path = path;
    this.rowBytes = width * Float32Array.BYTES_PER_ELEMENT;
    try {
      this.file = openSync(path, existsSync(path) ? "r+" : "w+");
      this.count = Math.floor(fstatSync(this.file).size / this.rowBytes);
    } catch (cause) {
      throw writeError(path, cause);
    }
  }

  /** Fills `row` with the numbers at a place; false where there are none. */
  read(place: number, row: Float32Array): boolean {
    return readSync(this.file, row, 0, this.rowBytes, place * this.rowBytes) === this.rowBytes;
  }

  /** Writes rows from a place on; they are on disk when this returns. @throws ConfigError | StorageError */
  write(start: number, rows: readonly Float32Array[]): void {
    try {
      for (const [i, { buffer, byteOffset }] of rows.entries())
        writeAll(this.file, new Uint8Array(buffer, byteOffset, this.rowBytes), (start + i) * this.rowBytes);
      fsyncSync(this.file);
    } catch (cause) {
      throw writeError(this.path, cause);
    }
  }

  /** Closes the file. */
  close(): void {
    closeSync(this.file);
  }
}

/**
 * The error of a path that cannot be written; errors of ours pass through.
 * @param hint for places that are not chosen on the command line
 */
export function writeError(path: string, cause: unknown, hint?: string): SafeToServeError {
  if (cause instanceof SafeToServeError) return cause;
  const { problem, isPlace } = fileProblem(cause);
  const message = `${path}: expected to write it, got ${problem}`;
  if (isPlace)
    return new ConfigError(message, {
      hint: hint ?? "check the path and its permissions, or name another",
      cause,
    });
  return new StorageError(message, {
    hint: hint ?? "make room on that disk, then run the command again (train: with --resume)",
    cause,
  });
}

/** What a journal holds. */
interface JournalContent<Row> {
  readonly rows: Row[];
  /** Without a cut line. */
  readonly sizeBytes: number;
  /** Whether the last row has its line break. */
  readonly isEnded: boolean;
}

function readJournal<Row extends object>(path: string): JournalContent<Row> {
  const content = contentOf(path);
  const end = content.lastIndexOf(10) + 1;
  const lines = content.subarray(0, end).toString("utf8").split("\n").slice(0, -1);
  const rows = lines.map((line, i) => parseObject<Row>(line, `${path}:${i + 1}`));
  const last = content.subarray(end).toString("utf8");
  if (last.startsWith("{") && !isWhole(last)) return { rows, sizeBytes: end, isEnded: true };
  if (last !== "") rows.push(parseObject<Row>(last, `${path}:${lines.length + 1}`));
  return { rows, sizeBytes: content.length, isEnded: last === "" };
}

function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    if (fileProblem(cause).isMissing) return Buffer.alloc(0);
    throw writeError(path, cause);
  }
}

function isWhole(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

/** @param start where in the file; default where it stands */
function writeAll(file: number, bytes: Uint8Array, start: number | null = null): void {
  for (let done = 0; done < bytes.length; ) {
    const most = Math.min(bytes.length - done, MOST_BYTES);
    done += writeSync(file, bytes, done, most, start === null ? null : start + done);
  }
}

function temporaryName(path: string): string {
  return `${path}.${randomUUID().slice(0, 8)}.tmp`;
}

/** What follows a failure must not hide it. */
function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // The first error is the one to tell.
  }
}

function removeQuietly(path: string): void {
  quietly(() => rmSync(path, { recursive: true, force: true }));
}

function closeQuietly(file: number): void {
  quietly(() => closeSync(file));
}
