/** @file Options that several commands share, and parsers that answer a bad value in one line. Light: commander only. */
import { InvalidArgumentError, Option } from "commander";
import { ConfigError } from "../core/errors.js";
import type { WeightScheme } from "../models/loaded-model.js";
import type { TemplateName } from "../text/messages.js";

/** The embedded model's registry name. */
export const DEFAULT_MODEL = "smollm2-135m-instruct";

/** A count of rows, or a share of them. */
export type CountOrShare = { readonly count: number } | { readonly share: number };

/** Bounds of a number on the command line, both included. */
export interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

type Parser<T> = (text: string) => T;

/** Parses a whole number within bounds. */
export function integer(bounds: Bounds = {}): Parser<number> {
  return (text) => {
    const value = Number(text);
    const isInteger = /^[+-]?\d+$/.test(text.trim()) && Number.isSafeInteger(value);
    if (!isInteger || !isWithin(value, bounds)) throw bad(`a whole number${within(bounds)}`, text);
    return value;
  };
}

/** Parses a finite number within bounds; scientific notation is fine. */
export function decimal(bounds: Bounds = {}): Parser<number> {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!Number.isFinite(value) || !isWithin(value, bounds)) throw bad(`a number${within(bounds)}`, text);
    return value;
  };
}

/** Parses a share: `0.25` or `25%`. */
export function share(text: string): number {
  const value = /%$/.test(text) ? decimalOrNaN(text.slice(0, -1)) / 100 : decimalOrNaN(text);
  if (!(value >= 0 && value <= 1)) throw bad("a share from 0 to 1 (0.25 or 25%)", text);
  return value;
}

/** Parses `300` as a count and `0.1`, `1.0` or `10%` as a share. */
export function countOrShare(text: string): CountOrShare {
  return /^\d+$/.test(text) ? { count: integer()(text) } : { share: share(text) };
}

/** `--model`; the embedded model unless named. */
export function modelOption(): Option {
  return new Option("--model <name>", "registry name, folder, file or hub id").default(DEFAULT_MODEL);
}

/** `--adapter` */
export function adapterOption(description = "folder of a PEFT LoRA adapter"): Option {
  return new Option("--adapter <folder>", description);
}

/** `--adapter-strength`: 0 is the base, 1 the adapter as trained. */
export function adapterStrengthOption(): Option {
  return new Option("--adapter-strength <s>", "scale of the adapter: 0 is the base, 1 as trained")
    .argParser(decimal())
    .default(1);
}

/** `--adapter-strength` of `evaluate`: one strength, or several by commas, each once and from small to large. */
export function adapterStrengthsOption(): Option {
  return new Option(
    "--adapter-strength <s,…>",
    "scale of the adapter: 0 is the base, 1 as trained; several (0,0.25,…) make the safety dial",
  )
    .argParser(strengths)
    .default([1], "1");
}

function strengths(text: string): readonly number[] {
  const values = text.split(",").map(decimal());
  return [...new Set(values)].sort((a, b) => a - b);
}

/** `--template` chat | alpaca | none */
export function templateOption(): Option {
  const names: readonly TemplateName[] = ["chat", "alpaca", "none"];
  return new Option("--template <name>", "how a conversation becomes text").choices(names).default("chat");
}

/** `--system` */
export function systemOption(): Option {
  return new Option("--system <text>", "system prompt put before conversations that have none");
}

/** `--weights` f32 | int8 | int4 */
export function weightsOption(): Option {
  const schemes: readonly WeightScheme[] = ["f32", "int8", "int4"];
  return new Option(
    "--weights <scheme>",
    "how the base's weights are held; int4 is fastest for one answer at a time",
  )
    .choices(schemes)
    .default("f32");
}

/** `--threads` */
export function threadsOption(): Option {
  return new Option("--threads <n>", "threads of the engine (default: the machine's cores)").argParser(
    integer({ min: 1 }),
  );
}

/** `--seed`, 0 unless given. */
export function seedOption(): Option {
  return new Option("--seed <n>", "seed of every random draw")
    .argParser(integer({ min: 0, max: 4294967295 }))
    .default(0);
}

/** `--json`: the result on stdout for machines, no progress. */
export function jsonOption(): Option {
  return new Option("--json", "print the result as JSON on stdout, no progress");
}

/** `--device`: cpu; other known names are refused with what is missing. */
export function deviceOption(): Option {
  return new Option("--device <name>", "where the engine computes: cpu").argParser(device).default("cpu");
}

function device(text: string): "cpu" {
  if (text === "cpu") return text;
  if (text === "cuda" || text === "webgpu") {
    throw new ConfigError(`--device ${text}: this version has no ${text} engine, expected cpu`, {
      hint: `leave --device out to run on the CPU; sessions and caches of the ${text} provider of ONNX Runtime are not built yet`,
    });
  }
  throw bad("cpu, cuda or webgpu", text);
}

function decimalOrNaN(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text);
}

function isWithin(value: number, { min, max }: Bounds): boolean {
  return value >= (min ?? -Infinity) && value <= (max ?? Infinity);
}

function within({ min, max }: Bounds): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? "" : ` of at most ${max}`;
}

function bad(expected: string, text: string): InvalidArgumentError {
  return new InvalidArgumentError(`expected ${expected}, got "${text}"`);
}
