/** @file How opening a model reports what it is doing; the command line draws it. */

/** A step of opening a model. */
export interface OpenProgress {
  readonly phase: "download" | "hash" | "convert" | "quantise";
  /** What is being worked on: a file or model name. */
  readonly label: string;
  readonly doneBytes: number;
  /** Null when not known beforehand. */
  readonly totalBytes: number | null;
}

/** Called as work goes on; must not throw. */
export type OnProgress = (progress: OpenProgress) => void;
