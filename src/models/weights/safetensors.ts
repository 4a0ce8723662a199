/**
 * @file The safetensors format: 8 bytes of header length, a JSON header of name → dtype, shape and offsets, then data.
 * Parsing is as strict as the reference implementation: offsets must tile the data without gap or overlap.
 * Source: https://github.com/huggingface/safetensors, README, "Format".
 */
import { CheckpointError, InternalError } from "../../core/errors.js";
import { FileWriter, writeFileDurably } from "../../core/files.js";
import type { ByteSource } from "./byte-source.js";
import { duplicateKey } from "./duplicate-key.js";
import { decodeBF16, decodeF16, refuseNonFinite } from "./float-formats.js";
import { refuseDeep } from "./json-fields.js";

/** Bytes an element, by dtype name. */
const DTYPE_BYTES: ReadonlyMap<string, number> = new Map([
  ["F64", 8],
  ["F32", 4],
  ["F16", 2],
  ["BF16", 2],
  ["F8_E4M3", 1],
  ["F8_E5M2", 1],
  ["I64", 8],
  ["I32", 4],
  ["I16", 2],
  ["I8", 1],
  ["U64", 8],
  ["U32", 4],
  ["U16", 2],
  ["U8", 1],
  ["BOOL", 1],
]);

/** The element types that {@link readTensor} turns into float32. */
export const READABLE_DTYPES: readonly string[] = ["F32", "F16", "BF16"];

/** About a hundred bytes describe a tensor, so this is some 80,000 of them; the reference implementation takes 100 MB. */
const MAX_HEADER_BYTES = 1 << 23;
/** Where data begins is a multiple of this, so that float32 rows start on a cache line. */
const DATA_ALIGNMENT = 64;

/** A tensor of a safetensors file. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** From the beginning of the file. */
  readonly offset: number;
  readonly length: number;
}

/** A parsed header; entries by name, in the order of their data. */
export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A tensor to be written. */
export interface AnnouncedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Default F32. */
  readonly dtype?: "F32" | "U8";
}

/** A float32 tensor in memory, row major. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Parses and checks the header of a safetensors file.
 * @throws CheckpointError naming the file, the tensor and what is wrong
 */
export function parseSafetensors(source: ByteSource): SafetensorsHeader {
  const length = readHeaderLength(source);
  const header = parseJsonObject(source.name, source.read(8, length));
  const entries: SafetensorsEntry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") metadata = parseMetadata(source.name, value);
    else entries.push(parseEntry(source.name, name, value, 8 + length));
  }
  entries.sort((a, b) => a.offset - b.offset || a.length - b.length);
  checkTiling(source, entries, 8 + length);
  return { entries: new Map(entries.map((entry) => [entry.name, entry])), metadata };
}

/**
 * Reads one tensor as float32.
 * @throws CheckpointError when its dtype is not one of {@link READABLE_DTYPES}, and for NaN and infinite numbers
 */
export function readTensor(source: ByteSource, entry: SafetensorsEntry): Float32Array {
  const values = decode(source, entry);
  refuseNonFinite(values, `${source.name}: tensor ${entry.name}`);
  return values;
}

function decode(source: ByteSource, entry: SafetensorsEntry): Float32Array {
  const buffer = source.read(entry.offset, entry.length).buffer;
  if (entry.dtype === "F32") return new Float32Array(buffer);
  if (entry.dtype === "F16") return decodeF16(new Uint16Array(buffer));
  if (entry.dtype === "BF16") return decodeBF16(new Uint16Array(buffer));
  throw new CheckpointError(
    `${source.name}: tensor ${entry.name} has dtype ${entry.dtype}, expected one of ${READABLE_DTYPES.join(", ")}`,
    { hint: "quantised checkpoints must be dequantised first" },
  );
}

/** Writes a small file of float32 tensors in one piece, durably. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, FloatTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const shapes = Array.from(tensors, ([name, tensor]) => ({ name, shape: tensor.shape }));
  const parts: Uint8Array[] = [encodeHeader(shapes, metadata)];
  for (const [name, tensor] of tensors) parts.push(checkedBytes({ name, shape: tensor.shape }, tensor.data));
  await writeFileDurably(path, Buffer.concat(parts));
}

/**
 * Writes a large file of float32 tensors one tensor at a time, in the announced order. The file is complete only after
 * {@link SafetensorsWriter.finish}; write into a temporary folder and rename that.
 */
export class SafetensorsWriter {
  private readonly file: FileWriter;
  private readonly shapes: readonly AnnouncedTensor[];
  private next = 0;

  constructor(
    path: string,
    shapes: readonly AnnouncedTensor[],
    metadata: Readonly<Record<string, string>> = {},
  ) {
    this.shapes = shapes;
    this.file = new FileWriter(path);
    this.file.write(encodeHeader(shapes, metadata));
  }

  /** Appends the next tensor. */
  write(name: string, data: Float32Array | Uint8Array): void {
    const expected = this.shapes[this.next];
    if (expected?.name !== name)
      throw new InternalError(`safetensors: expected tensor ${expected?.name ?? "(none)"} next, got ${name}`);
    this.file.write(checkedBytes(expected, data));
    this.next++;
  }

  /** Flushes to disk and closes; every announced tensor must have been written. */
  finish(): void {
    if (this.next !== this.shapes.length)
      throw new InternalError(`safetensors: expected ${this.shapes.length} tensors, got ${this.next}`);
    this.file.finish();
  }

  /** Closes an unfinished file. */
  abandon(): void {
    this.file.abandon();
  }
}

function readHeaderLength(source: ByteSource): number {
  const view = new DataView(source.read(0, Math.min(8, source.sizeBytes)).buffer);
  const length = view.byteLength < 8 ? Number.NaN : Number(view.getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES && 8 + length <= source.sizeBytes)
    throw new CheckpointError(
      `${source.name}: expected a safetensors header of at most ${MAX_HEADER_BYTES} bytes, got ${length}`,
    );
  if (length >= 2 && 8 + length <= source.sizeBytes) return length;
  throw new CheckpointError(
    `${source.name}: expected a safetensors header that fits into ${source.sizeBytes} bytes, got length ${length}`,
    { hint: "the file is cut, or it is a Git LFS pointer or another format; fetch it again" },
  );
}

function parseJsonObject(where: string, bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError(`${where}: the safetensors header does not parse as JSON`, { cause });
  }
  refuseDeep(value, where);
  const twice = duplicateKey(text);
  if (twice !== null)
    throw new CheckpointError(`${where}: ${clip(twice)} occurs twice in the safetensors header`);
  if (isObject(value)) return value;
  throw new CheckpointError(`${where}: expected the safetensors header to be a JSON object`);
}

function parseMetadata(where: string, value: unknown): Record<string, string> {
  if (isObject(value) && Object.values(value).every((text) => typeof text === "string"))
    return value as Record<string, string>;
  throw new CheckpointError(`${where}: expected __metadata__ to map names to strings`);
}

function parseEntry(where: string, name: string, value: unknown, dataStart: number): SafetensorsEntry {
  const fail = (expected: string): CheckpointError =>
    new CheckpointError(`${where}: tensor ${name}: expected ${expected}, got ${clip(value)}`);
  if (!isObject(value)) throw fail("an object with dtype, shape and data_offsets");
  const { dtype, shape, data_offsets: offsets } = value;
  const width = typeof dtype === "string" ? DTYPE_BYTES.get(dtype) : undefined;
  if (typeof dtype !== "string" || width === undefined)
    throw fail(`a dtype among ${[...DTYPE_BYTES.keys()].join(", ")}`);
  if (!isCounts(shape)) throw fail("a shape of non-negative integers");
  if (!isCounts(offsets) || offsets.length !== 2) throw fail("two data_offsets");
  const [begin, end] = offsets as [number, number];
  if (end - begin !== elementCount(shape) * width)
    throw fail(`data_offsets that span shape times ${width} bytes`);
  return { name, dtype, shape, offset: dataStart + begin, length: end - begin };
}

function checkTiling(source: ByteSource, entries: readonly SafetensorsEntry[], dataStart: number): void {
  let position = dataStart;
  for (const entry of entries) {
    if (entry.offset !== position)
      throw new CheckpointError(
        `${source.name}: tensor ${entry.name}: expected its data at byte ${position}, got ${entry.offset}; tensors overlap or leave a gap`,
      );
    position += entry.length;
  }
  if (position === source.sizeBytes) return;
  throw new CheckpointError(
    `${source.name}: expected ${position} bytes by its header, got ${source.sizeBytes}; the file is cut or damaged`,
    { hint: "fetch it again" },
  );
}

function encodeHeader(
  shapes: readonly AnnouncedTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const members: [string, unknown][] = Object.keys(metadata).length > 0 ? [["__metadata__", metadata]] : [];
  let offset = 0;
  for (const { name, shape, dtype = "F32" } of shapes) {
    const end = offset + elementCount(shape) * (dtype === "F32" ? 4 : 1);
    members.push([name, { dtype, shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(members)));
  // Trailing spaces are allowed in the header; they align the data.
  const length = Math.ceil((8 + json.length) / DATA_ALIGNMENT) * DATA_ALIGNMENT - 8;
  const header = Buffer.alloc(8 + length, 0x20);
  header.writeBigUInt64LE(BigInt(length), 0);
  json.copy(header, 8);
  return header;
}

function checkedBytes(
  { name, shape, dtype = "F32" }: AnnouncedTensor,
  data: Float32Array | Uint8Array,
): Uint8Array {
  const isRight = (data instanceof Float32Array ? "F32" : "U8") === dtype;
  if (!isRight || elementCount(shape) !== data.length)
    throw new InternalError(
      `safetensors: ${name}: expected ${elementCount(shape)} values of ${dtype}, got ${data.length}`,
    );
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function clip(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
