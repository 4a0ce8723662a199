/** @file Sampling options with their defaults filled in and their ranges checked, once, at the edge. */
import { ConfigError } from "../core/errors.js";
import type { SamplingOptions } from "../text/chat-model.js";

/** {@link SamplingOptions} without gaps. */
export interface ResolvedSampling {
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly frequencyPenalty: number;
  readonly stop: readonly string[];
  readonly seed: number;
  readonly batchSize: number;
}

/** What holds where nothing is said: greedy, 128 tokens, 16 sequences side by side. */
export const SAMPLING_DEFAULTS: ResolvedSampling = {
  maxNewTokens: 128,
  minNewTokens: 0,
  temperature: 0,
  topK: 0,
  topP: 1,
  frequencyPenalty: 0,
  stop: [],
  seed: 0,
  batchSize: 16,
};

/**
 * Fills in the defaults.
 * @throws ConfigError when an option is out of its range
 */
export function resolveSampling(options: SamplingOptions): ResolvedSampling {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const resolved = { ...SAMPLING_DEFAULTS, ...Object.fromEntries(given) } as ResolvedSampling;
  checkInteger("maxNewTokens", resolved.maxNewTokens, 1);
  checkInteger("minNewTokens", resolved.minNewTokens, 0);
  checkInteger("topK", resolved.topK, 0);
  checkInteger("batchSize", resolved.batchSize, 1);
  checkInteger("seed", resolved.seed, Number.MIN_SAFE_INTEGER);
  check("temperature", resolved.temperature, resolved.temperature >= 0, "a number of at least 0");
  check("topP", resolved.topP, resolved.topP > 0 && resolved.topP <= 1, "a number above 0, at most 1");
  check("frequencyPenalty", resolved.frequencyPenalty, true, "a finite number");
  if (resolved.stop.includes("")) throw outOfRange("stop", "texts that are not empty", '""');
  return resolved;
}

function checkInteger(name: string, value: number, least: number): void {
  check(name, value, Number.isSafeInteger(value) && value >= least, `an integer of at least ${least}`);
}

function check(name: string, value: number, isInRange: boolean, expected: string): void {
  if (!isInRange || !Number.isFinite(value)) throw outOfRange(name, expected, String(value));
}

function outOfRange(name: string, expected: string, got: string): ConfigError {
  return new ConfigError(`sampling option ${name}: expected ${expected}, got ${got}`);
}
