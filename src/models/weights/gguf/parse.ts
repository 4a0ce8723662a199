/**
 * @file The header of a GGUF file: metadata and where each tensor lies. Everything is checked against the file's size
 * before memory is taken for it. Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3).
 */
import { CheckpointError } from "../../../core/errors.js";
import type { ByteSource } from "../byte-source.js";
import { refuseNonFinite } from "../float-formats.js";
import { elementCount } from "../safetensors.js";
import { type BlockType, blockType } from "./blocks.js";

/** A metadata value; 64-bit integers are rounded to doubles. */
export type GgufValue = string | number | boolean | readonly GgufValue[];

/** A tensor of a GGUF file. */
export interface GgufTensor {
  readonly name: string;
  /** Row major, outermost first: [out, in]. */
  readonly shape: readonly number[];
  readonly type: BlockType;
  /** From the beginning of the file. */
  readonly offset: number;
  readonly length: number;
}

/** A parsed header. */
export interface GgufFile {
  readonly name: string;
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

const DEFAULT_ALIGNMENT = 32;
const MAX_DIMENSIONS = 4;
const MAX_ARRAY_DEPTH = 4;
/** Far above what files hold: some thousand tensors, some hundred thousand tokens and merges, templates of some kilobytes. */
const MAX_TENSORS = 100_000;
const MAX_PAIRS = 65_536;
const MAX_STRING_BYTES = 1 << 24;
/** Items of all arrays together; each becomes a number or a text in memory. */
const MAX_ITEMS = 1 << 23;
const STRING = 8;
const ARRAY = 9;

/** Fixed-size metadata types by id: bytes and reader. */
const SCALARS: ReadonlyMap<number, readonly [number, (view: DataView, at: number) => number | boolean]> =
  new Map([
    [0, [1, (view: DataView, at: number) => view.getUint8(at)]],
    [1, [1, (view: DataView, at: number) => view.getInt8(at)]],
    [2, [2, (view: DataView, at: number) => view.getUint16(at, true)]],
    [3, [2, (view: DataView, at: number) => view.getInt16(at, true)]],
    [4, [4, (view: DataView, at: number) => view.getUint32(at, true)]],
    [5, [4, (view: DataView, at: number) => view.getInt32(at, true)]],
    [6, [4, (view: DataView, at: number) => view.getFloat32(at, true)]],
    [7, [1, (view: DataView, at: number) => view.getUint8(at) !== 0]],
    [10, [8, (view: DataView, at: number) => Number(view.getBigUint64(at, true))]],
    [11, [8, (view: DataView, at: number) => Number(view.getBigInt64(at, true))]],
    [12, [8, (view: DataView, at: number) => view.getFloat64(at, true)]],
  ]);

/**
 * Parses and checks the header of a GGUF file.
 * @throws CheckpointError naming the file and what is wrong; unsupported block types by name
 */
export function parseGguf(source: ByteSource): GgufFile {
  const cursor = new Cursor(source);
  const version = readVersion(cursor, source.name);
  const tensorCount = cursor.count("the number of tensors", 24, MAX_TENSORS);
  const pairCount = cursor.count("the number of metadata pairs", 13, MAX_PAIRS);
  const metadata = readMetadata(cursor, source.name, pairCount);
  const descriptions = Array.from({ length: tensorCount }, () => readTensorInfo(cursor, source.name));
  const tensors = placeTensors(source, descriptions, cursor.position, alignmentOf(metadata, source.name));
  return { name: source.name, version, metadata, tensors };
}

/**
 * Reads one tensor as float32, row major.
 * @throws CheckpointError for NaN and infinite numbers
 */
export function readGgufTensor(source: ByteSource, tensor: GgufTensor): Float32Array {
  const values = tensor.type.decode(source.read(tensor.offset, tensor.length));
  refuseNonFinite(values, `${source.name}: tensor ${tensor.name}`);
  return values;
}

interface TensorInfo {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: BlockType;
  readonly relativeOffset: number;
}

function readVersion(cursor: Cursor, where: string): number {
  const magic = cursor.uint32();
  if (magic !== 0x46554747)
    throw new CheckpointError(`${where}: expected a GGUF file, got another magic number`, {
      hint: "fetch it again; a Git LFS pointer or an HTML page was perhaps saved instead",
    });
  const version = cursor.uint32();
  if (version === 2 || version === 3) return version;
  throw new CheckpointError(`${where}: expected GGUF version 2 or 3 (little endian), got ${version}`);
}

function readMetadata(cursor: Cursor, where: string, count: number): ReadonlyMap<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = cursor.string();
    if (metadata.has(key)) throw new CheckpointError(`${where}: metadata key ${clip(key)} occurs twice`);
    metadata.set(key, cursor.value(cursor.uint32(), 0));
  }
  return metadata;
}

function readTensorInfo(cursor: Cursor, where: string): TensorInfo {
  const name = cursor.string();
  const dimensions = cursor.uint32();
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS)
    throw new CheckpointError(
      `${where}: tensor ${clip(name)}: expected 1 to ${MAX_DIMENSIONS} dimensions, got ${dimensions}`,
    );
  const shape = Array.from({ length: dimensions }, () => cursor.uint64("a dimension")).reverse();
  const type = blockType(cursor.uint32(), `${where}: tensor ${clip(name)}`);
  return { name, shape, type, relativeOffset: cursor.uint64("a tensor offset") };
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>, where: string): number {
  const alignment = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  if (typeof alignment === "number" && Number.isInteger(alignment) && alignment > 0 && alignment % 8 === 0)
    return alignment;
  throw new CheckpointError(`${where}: expected general.alignment to be a positive multiple of 8`);
}

function placeTensors(
  source: ByteSource,
  infos: readonly TensorInfo[],
  headerEnd: number,
  alignment: number,
): ReadonlyMap<string, GgufTensor> {
  const dataStart = Math.ceil(headerEnd / alignment) * alignment;
  const tensors = infos.map((info) => placeTensor(source, info, dataStart, alignment));
  checkOverlap(source.name, tensors);
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  if (byName.size === tensors.length) return byName;
  throw new CheckpointError(`${source.name}: expected distinct tensor names, got one twice`);
}

function placeTensor(source: ByteSource, info: TensorInfo, dataStart: number, alignment: number): GgufTensor {
  const where = `${source.name}: tensor ${clip(info.name)}`;
  const { name, shape, type } = info;
  const row = shape.at(-1) ?? 0;
  const elements = elementCount(shape);
  if (elements === 0 || row % type.elements !== 0)
    throw new CheckpointError(
      `${where}: expected rows of whole ${type.name} blocks, got shape [${shape.join(",")}]`,
    );
  if (info.relativeOffset % alignment !== 0)
    throw new CheckpointError(
      `${where}: expected an offset aligned to ${alignment}, got ${info.relativeOffset}`,
    );
  const offset = dataStart + info.relativeOffset;
  const length = (elements / type.elements) * type.sizeBytes;
  if (!Number.isSafeInteger(offset + length) || offset + length > source.sizeBytes)
    throw new CheckpointError(
      `${where}: expected ${offset + length} bytes in the file, got ${source.sizeBytes}`,
      {
        hint: "the file is cut or damaged; fetch it again",
      },
    );
  return { name, shape, type, offset, length };
}

function checkOverlap(where: string, tensors: readonly GgufTensor[]): void {
  let end = 0;
  for (const tensor of tensors.toSorted((a, b) => a.offset - b.offset)) {
    if (tensor.offset < end)
      throw new CheckpointError(`${where}: tensor ${clip(tensor.name)} overlaps the one before it`);
    end = tensor.offset + tensor.length;
  }
}

/** Reads forward through the header, a window of the file at a time. */
class Cursor {
  private static readonly WINDOW_BYTES = 1 << 20;
  private readonly source: ByteSource;
  private readonly decoder = new TextDecoder("utf-8", { fatal: true });
  private window = new Uint8Array(0);
  private view = new DataView(this.window.buffer);
  private windowStart = 0;
  /** Array items read so far. */
  private items = 0;
  position = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** Moves on by `length` bytes and returns where they begin in the window. */
  private take(length: number): number {
    let at = this.position - this.windowStart;
    if (at + length > this.window.length) {
      const rest = this.source.sizeBytes - this.position;
      this.window = this.source.read(this.position, Math.max(length, Math.min(rest, Cursor.WINDOW_BYTES)));
      this.view = new DataView(this.window.buffer);
      this.windowStart = this.position;
      at = 0;
    }
    this.position += length;
    return at;
  }

  uint32(): number {
    const at = this.take(4);
    return this.view.getUint32(at, true);
  }

  uint64(what: string): number {
    const at = this.take(8);
    const value = Number(this.view.getBigUint64(at, true));
    if (Number.isSafeInteger(value)) return value;
    throw new CheckpointError(`${this.source.name}: expected ${what} below 2^53, got ${value}`);
  }

  /** A number of things of at least `minimumBytes` each, which must still fit into the file; at most `limit` of them. */
  count(what: string, minimumBytes: number, limit: number): number {
    const value = this.uint64(what);
    if (value > limit)
      throw new CheckpointError(`${this.source.name}: expected ${what} to be at most ${limit}, got ${value}`);
    if (value * minimumBytes <= this.source.sizeBytes - this.position) return value;
    throw new CheckpointError(
      `${this.source.name}: expected ${what} to fit into ${this.source.sizeBytes} bytes, got ${value}`,
      { hint: "the file is cut or damaged; fetch it again" },
    );
  }

  string(): string {
    const length = this.count("the length of a string", 1, MAX_STRING_BYTES);
    const at = this.take(length);
    try {
      return this.decoder.decode(this.window.subarray(at, at + length));
    } catch (cause) {
      throw new CheckpointError(`${this.source.name}: a string before byte ${this.position} is not UTF-8`, {
        cause,
      });
    }
  }

  value(type: number, depth: number): GgufValue {
    if (type === STRING) return this.string();
    if (type === ARRAY) return this.array(depth);
    const scalar = SCALARS.get(type);
    if (scalar === undefined)
      throw new CheckpointError(`${this.source.name}: expected a metadata type 0 to 12, got ${type}`);
    const at = this.take(scalar[0]);
    return scalar[1](this.view, at);
  }

  private array(depth: number): GgufValue[] {
    if (depth >= MAX_ARRAY_DEPTH)
      throw new CheckpointError(`${this.source.name}: expected arrays at most ${MAX_ARRAY_DEPTH} deep`);
    const type = this.uint32();
    const smallest = type === STRING ? 8 : type === ARRAY ? 12 : (SCALARS.get(type)?.[0] ?? 1);
    const length = this.count("the length of an array", smallest, MAX_ITEMS - this.items);
    this.items += length;
    const values: GgufValue[] = [];
    for (let i = 0; i < length; i++) values.push(this.value(type, depth + 1));
    return values;
  }
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
