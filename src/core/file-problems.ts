/** @file What the operating system's error codes mean to a reader, and whose they are to mend. */

/** Codes of places that are not as the command line takes them to be. */
const PLACES: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "a read-only file system",
  EISDIR: "a folder where a file is expected",
  ENOTDIR: "a file where a folder is expected",
  EEXIST: "a file where a folder is expected",
  ENOTEMPTY: "a folder that is not empty",
  ENAMETOOLONG: "a name that is too long",
  ELOOP: "links that lead in a circle",
  ETXTBSY: "a file that is being executed",
};

/** Codes of disks. */
const DISKS: Readonly<Record<string, string>> = {
  ENOSPC: "no space left on the disk",
  EDQUOT: "no space left in the user's quota",
  EFBIG: "a file larger than the file system or the user's limit allows",
  EIO: "an error of the disk",
  EMFILE: "too many open files",
  ENFILE: "too many open files",
};

/** A failed call of the file system, in words. */
export interface FileProblem {
  /** With the system's code where it has one. */
  readonly problem: string;
  /** Whether the path is at fault rather than the disk. */
  readonly isPlace: boolean;
  /** Whether it is a code that is known here. */
  readonly isKnown: boolean;
  /** Whether there is nothing at the path. */
  readonly isMissing: boolean;
}

/** Describes what a call of the file system threw. */
export function fileProblem(cause: unknown): FileProblem {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const known = PLACES[code] ?? DISKS[code];
  const text = cause instanceof Error ? cause.message : String(cause);
  return {
    problem: known === undefined ? text : `${known} (${code})`,
    isPlace: code in PLACES,
    isKnown: known !== undefined,
    isMissing: code === "ENOENT",
  };
}
