/**
 * @file Random access to the bytes of a checkpoint, checked against its size: headers are parsed, and tensors are read
 * one at a time, without holding a file of gigabytes in memory. The machine is little endian, as every Node target is.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { CheckpointError } from "../../core/errors.js";

/** Bytes that can be read from anywhere. */
export interface ByteSource {
  /** For messages: the path. */
  readonly name: string;
  readonly sizeBytes: number;
  /**
   * A fresh copy of `length` bytes from `offset`, aligned for any typed array.
   * @throws CheckpointError when the range leaves the source
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
  close(): void;
}

/**
 * Opens a file.
 * @throws CheckpointError when it cannot be opened or is no regular file
 */
export function openFile(path: string): ByteSource {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    throw new CheckpointError(`${path}: cannot be opened (${reasonOf(cause)})`, { cause });
  }
  const status = fstatSync(file);
  if (!status.isFile()) {
    closeSync(file);
    throw new CheckpointError(`${path}: expected a file`);
  }
  return {
    name: path,
    sizeBytes: status.size,
    read: (offset, length) => readRange(file, path, status.size, offset, length),
    close: () => closeSync(file),
  };
}

/** Bytes that are in memory already. */
export function bytesInMemory(name: string, bytes: Uint8Array): ByteSource {
  const read = (offset: number, length: number): Uint8Array<ArrayBuffer> => {
    checkRange(name, bytes.length, offset, length);
    return new Uint8Array(bytes.subarray(offset, offset + length));
  };
  return { name, sizeBytes: bytes.length, read, close: () => {} };
}

/** Opens a file, hands it to `use` and closes it whatever happens. */
export function withFile<T>(path: string, use: (source: ByteSource) => T): T {
  const source = openFile(path);
  try {
    return use(source);
  } finally {
    source.close();
  }
}

function readRange(
  file: number,
  path: string,
  size: number,
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  checkRange(path, size, offset, length);
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const count = readSync(file, bytes, done, Math.min(length - done, 1 << 30), offset + done);
    if (count === 0)
      throw new CheckpointError(`${path}: expected ${size} bytes, the file has become shorter`);
    done += count;
  }
  return bytes;
}

function checkRange(name: string, size: number, offset: number, length: number): void {
  const inside = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (inside && offset + length <= size) return;
  throw new CheckpointError(
    `${name}: expected at least ${offset + length} bytes, got ${size}; the file is cut or damaged`,
    { hint: "fetch it again" },
  );
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
