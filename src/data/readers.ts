/**
 * @file Reads data files into rows: JSON Lines, a JSON array, Parquet, each also gzip-compressed. Strict: what does not
 * parse is refused with file and line. Columns are not looked at here, see `columns.ts`.
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";
import { brotliDecompressSync, gunzip, gunzipSync } from "node:zlib";
import { type AsyncBuffer, type Compressors, parquetReadObjects } from "hyparquet";
import { DatasetError } from "../core/errors.js";

/** One row and where it stands. */
export interface SourceRow {
  /** Path as given. */
  readonly file: string;
  /** 1-based line of a JSON Lines file, 1-based row of an array or a Parquet file. */
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a compressed file may hold: a few kilobytes can stand for terabytes. The largest that Node reads of a plain one. */
const MAX_UNPACKED_BYTES = 2 ** 31 - 1;
/** Lists and mappings inside each other in a row. */
const MAX_DEPTH = 100;

/** `<file>:<line>` with the bare file name: the id of a row that has none. */
export function placeOf(row: SourceRow): string {
  return `${basename(row.file)}:${row.line}`;
}

/**
 * All rows of a data file, in order. Blank lines are passed over.
 * @throws DatasetError `file:line: expected …, got …` for a missing, empty or malformed file, rows that are not objects
 *   and text that is not well-formed Unicode
 */
export async function readRows(path: string): Promise<SourceRow[]> {
  const content = await readContent(path);
  const rows = isParquet(content) ? await parquetRows(path, content) : textRows(path, content);
  if (rows.length === 0) throw new DatasetError(`${path}: expected at least one row, got none`);
  return rows;
}

/** The bytes of a file, decompressed if its name ends in `.gz`. @throws DatasetError when it cannot be read */
export async function readContent(path: string): Promise<Buffer> {
  try {
    const bytes = await readFile(path);
    return path.endsWith(".gz")
      ? await promisify(gunzip)(bytes, { maxOutputLength: MAX_UNPACKED_BYTES })
      : bytes;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError(`${path}: expected a readable file, got: ${reason}`, {
      hint: "check the path; a file whose name ends in .gz must be gzip-compressed, and hold at most 2 GiB",
      cause,
    });
  }
}

function textRows(path: string, content: Buffer): SourceRow[] {
  const start = content.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])) ? 3 : 0;
  const body = content.subarray(start);
  return firstCharacter(body) === "[" ? arrayRows(path, body) : lineRows(path, body);
}

function firstCharacter(content: Buffer): string {
  return content.subarray(0, 4096).toString("latin1").trimStart().charAt(0);
}

function lineRows(path: string, content: Buffer): SourceRow[] {
  const rows: SourceRow[] = [];
  for (let start = 0, line = 1; start < content.length; line++) {
    const found = content.indexOf(10, start);
    const end = found < 0 ? content.length : found;
    const text = decode(content.subarray(start, end), `${path}:${line}`);
    if (text.trim() !== "") rows.push(row(path, line, parseLine(path, line, text)));
    start = end + 1;
  }
  return rows;
}

function parseLine(path: string, line: number, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new DatasetError(`${path}:${line}: expected a JSON object, got ${reasonOf(cause)}`, {
      hint: "a data file is one JSON object a line, or one JSON array of objects",
      cause,
    });
  }
}

function arrayRows(path: string, content: Buffer): SourceRow[] {
  const text = decode(content, path);
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (cause) {
    throw new DatasetError(
      `${path}:${errorLine(cause, text)}: expected a JSON array, got ${reasonOf(cause)}`,
      { cause },
    );
  }
  return (values as unknown[]).map((value, i) => row(path, i + 1, value));
}

/** V8 names the position, or the text ended too early. */
function errorLine(cause: unknown, text: string): number {
  const position = /position (\d+)/.exec(reasonOf(cause))?.[1];
  return text.slice(0, position === undefined ? text.length : Number(position)).split("\n").length;
}

/** What JSON.parse said, without the piece of text that it quotes: that may be harmful. */
function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.replace(/,? ?\.{0,3}"[\s\S]*"(\.{3})? is not valid JSON/, ", which is not valid JSON");
}

function decode(bytes: Buffer, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DatasetError(`${where}: expected UTF-8, got bytes that are not`, { cause });
  }
}

function row(file: string, line: number, value: unknown): SourceRow {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new DatasetError(`${file}:${line}: expected a JSON object, got ${kindOf(value)}`);
  const fields = value as Record<string, unknown>;
  for (const [column, member] of Object.entries(fields)) {
    const fault = faultOf(member, MAX_DEPTH);
    if (fault !== null)
      throw new DatasetError(`${file}:${line}: expected ${fault[0]} in "${column}", got ${fault[1]}`, {
        hint: "the text was cut inside a character, or the row is damaged; restore or remove it",
      });
  }
  return { file, line, fields };
}

/** What was expected of a value and what it is instead; null when nothing is wrong. */
function faultOf(value: unknown, depth: number): readonly [string, string] | null {
  if (typeof value === "string")
    return /\p{Surrogate}/u.test(value) ? ["well-formed Unicode", "a lone surrogate"] : null;
  if (typeof value !== "object" || value === null) return null;
  if (depth === 0) return [`at most ${MAX_DEPTH} values inside each other`, "more"];
  for (const member of Object.values(value)) {
    const fault = faultOf(member, depth - 1);
    if (fault !== null) return fault;
  }
  return null;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

function isParquet(content: Buffer): boolean {
  return content.subarray(0, 4).toString("latin1") === "PAR1";
}

/** Snappy is built in; these two come from Node. A page says how long it is unpacked. */
const COMPRESSORS: Compressors = {
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: unpackedLimit(length) }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: unpackedLimit(length) }),
};

function unpackedLimit(length: number): number {
  return Math.min(Math.max(1, length), MAX_UNPACKED_BYTES);
}

async function parquetRows(path: string, content: Buffer): Promise<SourceRow[]> {
  let values: Record<string, unknown>[];
  try {
    values = await parquetValues(content);
  } catch (cause) {
    throw new DatasetError(`${path}: expected a Parquet file, got: ${reasonOf(cause)}`, {
      hint: "codecs that are read: none, snappy, gzip, brotli",
      cause,
    });
  }
  return values.map((value, i) => row(path, i + 1, plain(value)));
}

/**
 * Hands out bytes only after the library has looked at the whole schema: when that fails, columns that it had begun are
 * never answered, and cannot fail later with nobody listening, which would end the process.
 */
async function parquetValues(content: Buffer): Promise<Record<string, unknown>[]> {
  const bytes = Uint8Array.from(content).buffer;
  let hasFailed = false;
  const file: AsyncBuffer = {
    byteLength: bytes.byteLength,
    slice: async (start, end) => {
      await new Promise((resolve) => setImmediate(resolve));
      return hasFailed ? new Promise<never>(() => undefined) : bytes.slice(start, end);
    },
  };
  try {
    return await parquetReadObjects({ file, compressors: COMPRESSORS });
  } catch (cause) {
    hasFailed = true;
    throw cause;
  }
}

/** 64-bit integers that fit become numbers, as JSON would give them. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}
