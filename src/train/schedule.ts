/** @file Learning-rate schedules with linear warm-up, as transformers.get_scheduler defines them. */
import { ConfigError } from "../core/errors.js";

/** The schedules by the name that `--scheduler` takes. */
export const SCHEDULERS = ["constant", "linear", "cosine"] as const;
/** Name of a schedule. */
export type SchedulerName = (typeof SCHEDULERS)[number];

/** What fixes a schedule. */
export interface ScheduleOptions {
  readonly scheduler: SchedulerName;
  /** Peak learning rate. */
  readonly learningRate: number;
  /** Steps over which the rate rises from 0. */
  readonly warmupSteps: number;
  /** Optimiser steps of the whole run. */
  readonly totalSteps: number;
}

/** Learning rate that optimiser step `step` (0-based) uses. */
export function learningRateAt(step: number, options: ScheduleOptions): number {
  return options.learningRate * factorAt(step, options);
}

/** Takes a schedule's name. @throws ConfigError for another name */
export function schedulerName(name: string): SchedulerName {
  const known = SCHEDULERS.find((candidate) => candidate === name);
  if (known !== undefined) return known;
  throw new ConfigError(`--scheduler: expected one of ${SCHEDULERS.join(", ")}, got ${name}`);
}

function factorAt(step: number, { scheduler, warmupSteps, totalSteps }: ScheduleOptions): number {
  if (step < warmupSteps) return step / Math.max(1, warmupSteps);
  if (scheduler === "constant") return 1;
  const rest = Math.max(1, totalSteps - warmupSteps);
  if (scheduler === "linear") return Math.max(0, (totalSteps - step) / rest);
  return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((step - warmupSteps) / rest))));
}
