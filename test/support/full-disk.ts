/**
 * @file A disk that is full from a chosen moment on, for one folder and in this process: calls of `node:fs` that need room
 * fail as the system lets them fail, a write half-way. Reading, renaming over and removing go on.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { resolve } from "node:path";

/** What calls fail with. */
export type DiskFault = "ENOSPC" | "EACCES";

/** As Node reports a failed call. */
class DiskFaultError extends Error {
  readonly code: DiskFault;
  readonly path: string;

  constructor(code: DiskFault, call: string, path: string) {
    super(`${code}: a fault of the test, ${call} '${path}'`);
    this.code = code;
    this.path = path;
  }
}

/** Counts the calls that need room below `root`, and lets them fail from one of them on. */
export class FullDisk {
  private readonly root: string;
  private readonly original = { ...fs };
  private readonly open = new Map<number, string>();
  private failFrom = Number.POSITIVE_INFINITY;
  private fault: DiskFault = "ENOSPC";
  /** Calls so far that need room. */
  calls = 0;

  constructor(root: string) {
    this.root = resolve(root);
    this.install();
  }

  /** Lets the call number `call` (from 1, counted anew) and all after it fail. */
  failFromCall(call: number, fault: DiskFault = "ENOSPC"): void {
    this.calls = 0;
    this.failFrom = call;
    this.fault = fault;
  }

  /** There is room again. */
  heal(): void {
    this.failFromCall(Number.POSITIVE_INFINITY);
  }

  /** Puts everything back. */
  remove(): void {
    const { openSync, writeSync, fsyncSync, mkdirSync, closeSync } = this.original;
    Object.assign(fs, { openSync, writeSync, fsyncSync, mkdirSync, closeSync });
    syncBuiltinESMExports();
  }

  private install(): void {
    const { openSync, writeSync, fsyncSync, mkdirSync, closeSync } = this.original;
    fs.openSync = (path, flags, mode) => {
      if (flags !== "r") this.spend("open", String(path));
      const file = openSync(path, flags, mode);
      if (flags !== "r" && this.covers(String(path))) this.open.set(file, String(path));
      return file;
    };
    fs.closeSync = (file) => {
      this.open.delete(file);
      closeSync(file);
    };
    fs.fsyncSync = (file) => {
      this.spend("fsync", this.open.get(file));
      fsyncSync(file);
    };
    fs.mkdirSync = ((path: string, options: fs.MakeDirectoryOptions) => {
      if (!fs.existsSync(path)) this.spend("mkdir", path);
      return mkdirSync(path, options);
    }) as typeof fs.mkdirSync;
    const write = (file: number, bytes: Uint8Array, offset: number, length: number): number => {
      const isFirst = this.failFrom === this.calls + 1;
      // A full disk takes what fits: one write comes back short, the next one fails.
      if (this.open.has(file) && isFirst && length > 1)
        return this.shortWrite(file, bytes, offset, Math.floor(length / 2));
      this.spend("write", this.open.get(file));
      return writeSync(file, bytes, offset, length);
    };
    fs.writeSync = write as typeof fs.writeSync;
    syncBuiltinESMExports();
  }

  private shortWrite(file: number, bytes: Uint8Array, offset: number, length: number): number {
    this.failFrom = this.calls;
    return this.original.writeSync(file, bytes, offset, length);
  }

  private covers(path: string): boolean {
    return resolve(path).startsWith(this.root);
  }

  private spend(call: string, path: string | undefined): void {
    if (path === undefined || !this.covers(path)) return;
    this.calls++;
    if (this.calls < this.failFrom) return;
    throw new DiskFaultError(this.fault, call, path);
  }
}
