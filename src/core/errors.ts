/**
 * @file The error family. Every deliberate throw of this package extends {@link SafeToServeError}; anything else that
 * surfaces is a bug of ours. Messages read `where: expected X, got Y`; the hint is what the reader can do next.
 */
import { oneLine } from "./one-line.js";

/** Options common to all errors. */
export interface ErrorDetails {
  /** What the reader can do about it, one sentence. */
  readonly hint?: string;
  /** The underlying error, kept for the log. */
  readonly cause?: unknown;
}

/** Base of all deliberate errors; `code` is stable and meant for machines. */
export abstract class SafeToServeError extends Error {
  abstract readonly code: string;
  readonly hint: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(oneLine(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.hint = details.hint === undefined ? undefined : oneLine(details.hint);
  }
}

/** Command line, options and files: the user's to mend. Printed without a stack; exit code 2. */
export class ConfigError extends SafeToServeError {
  override readonly name = "ConfigError";
  readonly code = "config";

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { hint: "change what the message names; --help lists what a command takes", ...details });
  }
}

/** A graph that cannot be built. */
export class GraphError extends SafeToServeError {
  override readonly name: string = "GraphError";
  readonly code: string = "graph";
}

/** Shapes that do not fit an operation. */
export class ShapeError extends GraphError {
  override readonly name = "ShapeError";
  override readonly code = "graph.shape";
}

/** Element types that do not fit an operation. */
export class DTypeError extends GraphError {
  override readonly name = "DTypeError";
  override readonly code = "graph.dtype";
}

/** A gradient was asked for where none is defined. */
export class MissingGradientError extends GraphError {
  override readonly name = "MissingGradientError";
  override readonly code = "graph.missing-gradient";
}

/** A file whose content is not what its format says; exit code 2. */
export class FormatError extends SafeToServeError {
  override readonly name: string = "FormatError";
  readonly code: string = "format";
}

/** Checkpoints and adapters (safetensors, GGUF, PEFT, config.json). */
export class CheckpointError extends FormatError {
  override readonly name = "CheckpointError";
  override readonly code = "format.checkpoint";

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, {
      hint: "the file is damaged or of a kind that is not supported; fetch it again",
      ...details,
    });
  }
}

/** Tokenizer files and chat templates. */
export class TokenizerError extends FormatError {
  override readonly name = "TokenizerError";
  override readonly code = "format.tokenizer";

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, {
      hint: "the tokenizer's files are damaged or of a kind that is not supported",
      ...details,
    });
  }
}

/** Data files; the message names file and line. */
export class DatasetError extends FormatError {
  override readonly name = "DatasetError";
  override readonly code = "format.dataset";

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { hint: "mend or remove that row; the guide on data lists what rows can be", ...details });
  }
}

/** ONNX Runtime failed; the message names the graph. */
export class ExecutionError extends SafeToServeError {
  override readonly name = "ExecutionError";
  readonly code = "execution";
}

/** Training cannot go on. */
export class TrainingError extends SafeToServeError {
  override readonly name: string = "TrainingError";
  readonly code: string = "training";
}

/** Loss or gradient is NaN or infinite; names step and rows. */
export class NonFiniteLossError extends TrainingError {
  override readonly name = "NonFiniteLossError";
  override readonly code = "training.non-finite";
}

/** Sampling cannot go on. */
export class GenerationError extends SafeToServeError {
  override readonly name: string = "GenerationError";
  readonly code: string = "generation";
}

/** Prompt and answer do not fit the model's context. */
export class ContextLengthError extends GenerationError {
  override readonly name = "ContextLengthError";
  override readonly code = "generation.context-length";
}

/** An endpoint cannot be used: not there, not for this key, not this model, or it fails again and again. */
export class EndpointError extends GenerationError {
  override readonly name = "EndpointError";
  override readonly code = "generation.endpoint";
  /** HTTP status, where it answered. */
  readonly status: number | undefined;

  constructor(message: string, details: ErrorDetails & { readonly status?: number } = {}) {
    super(message, details);
    this.status = details.status;
  }
}

/** A judge failed. */
export class JudgeError extends SafeToServeError {
  override readonly name: string = "JudgeError";
  readonly code: string = "judge";
}

/** The disk is full or fails; what was finished is kept. Exit code 1: nothing on the command line is wrong. */
export class StorageError extends SafeToServeError {
  override readonly name = "StorageError";
  readonly code = "storage";
}

/** Something could not be downloaded or its checksum is wrong. */
export class FetchError extends SafeToServeError {
  override readonly name = "FetchError";
  readonly code = "fetch";
}

/** Our bug: please report. */
export class InternalError extends SafeToServeError {
  override readonly name = "InternalError";
  readonly code = "internal";
}
