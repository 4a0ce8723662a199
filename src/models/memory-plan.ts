/**
 * @file What a piece of work will hold in memory at most, by parts, said before it starts; and the refusal of what does not
 * fit. Derived from the graphs that will run (engine/graph/peak-memory.ts); how near it comes: docs/experiments.md.
 */
import { ConfigError } from "../core/errors.js";
import type { DimValues } from "../engine/graph/dim.js";
import { graphMemory } from "../engine/graph/peak-memory.js";
import { residentWeights } from "../engine/graph/weight-memory.js";
import type { GraphDefinition } from "../engine/onnx/emit.js";

/** Bytes by part; the parts add up to the peak. */
export interface MemoryPlan {
  /** Peak of the process. */
  readonly bytes: number;
  /** In the order in which they are said. */
  readonly parts: readonly MemoryPart[];
}

/** One part of a plan. */
export interface MemoryPart {
  readonly name: string;
  readonly bytes: number;
}

/** Told of a plan before its work starts, with the bytes that the process may hold in all. */
export type OnMemory = (plan: MemoryPlan, roomBytes: number) => void;

/** Node, ONNX Runtime, the package, a tokenizer and what waits for garbage collection. */
const RUNTIME_BYTES = 240 * 2 ** 20;

/** Bytes of an open session. */
export interface SessionMemory {
  readonly weights: number;
  /** Computed tensors, and the copies of inputs and outputs on the other side of the binding. */
  readonly activations: number;
}

/** What a session holds after runs with each of some dimensions: its allocator keeps the largest. */
export function sessionMemory({ outputs }: GraphDefinition, runs: readonly DimValues[]): SessionMemory {
  const memories = runs.map((dims) => graphMemory(Object.values(outputs), dims));
  const [first] = memories;
  const folded = first?.weights.folded ?? 0;
  return {
    weights: first === undefined ? 0 : residentWeights(first.weights),
    activations: Math.max(folded, ...memories.map(({ activations, outputs }) => activations + outputs)),
  };
}

/** A plan of parts; those of no bytes are left out. */
export function memoryPlan(parts: Readonly<Record<string, number>>): MemoryPlan {
  const named = Object.entries({ ...parts, runtime: RUNTIME_BYTES }).map(([name, bytes]) => ({
    name,
    bytes,
  }));
  return {
    bytes: named.reduce((sum, { bytes }) => sum + bytes, 0),
    parts: named.filter(({ bytes }) => bytes > 0),
  };
}

/**
 * Refuses a plan that does not fit.
 * @param where what does not fit, for the message
 * @param hint  what would fit
 * @throws ConfigError
 */
export function requireRoom(where: string, plan: MemoryPlan, room: number, hint: () => string): void {
  if (plan.bytes <= room) return;
  throw new ConfigError(
    `${where}: expected at most ${gigabytes(room)} GB of memory, got ${describePlan(plan)}`,
    { hint: hint() },
  );
}

/** `2.9 GB (weights 0.5, activations 2.1, …)` */
export function describePlan({ bytes, parts }: MemoryPlan): string {
  const told = parts.filter((part) => part.bytes >= LEAST_TOLD);
  return `${gigabytes(bytes)} GB (${told.map((part) => `${part.name} ${gigabytes(part.bytes)}`).join(", ")})`;
}

/** Smaller parts are counted, not named. */
const LEAST_TOLD = 5e7;

/** Bytes in units of 10⁹, with a decimal below a hundred. */
export function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(bytes < 1e11 ? 1 : 0);
}
