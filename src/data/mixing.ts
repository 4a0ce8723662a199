/**
 * @file The mix of safety instruction tuning (SIT): safety examples among instruction data, by number or by share.
 * Bianchi et al. 2023 (arXiv 2309.07875) and the paper mix 100 to 2,000 into 20,000.
 */
import { ConfigError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
import type { PromptCompletion } from "./examples.js";
import { seededOrder } from "./splits.js";

/** How many safety examples: a number of rows, or their share of the whole mix. */
export type SafetyAmount = { readonly count: number } | { readonly share: number };

/** A mix, shuffled, with its counts for the certificate. */
export interface SafetyMix {
  readonly rows: PromptCompletion[];
  readonly counts: {
    readonly instructions: number;
    readonly safety: number;
    readonly safetyAvailable: number;
  };
  /** Ids of the safety rows that were drawn. */
  readonly safetyIds: readonly string[];
}

/**
 * Draws safety rows by seed and shuffles them into the instruction rows. A larger amount under the same seed contains
 * the smaller one, so that runs along an ablation differ in what was added only.
 * @throws ConfigError when more are asked for than there are, or when two rows share an id
 */
export function mixSafety(
  instructions: readonly PromptCompletion[],
  safety: readonly PromptCompletion[],
  amount: SafetyAmount,
  seed: number,
): SafetyMix {
  const count = safetyCount(instructions.length, amount);
  if (count > safety.length)
    throw new ConfigError(
      `safety examples: expected at most ${safety.length}, as many as there are, got ${count}`,
      {
        hint: "lower --safety-examples or give more --safety-data",
      },
    );
  const drawn = seededOrder(safety, (row) => row.id, seed).slice(0, count);
  const rows = new SeededRandom(seed, "sit-mix").shuffled([...instructions, ...drawn]);
  refuseSharedIds(rows);
  return {
    rows,
    counts: { instructions: instructions.length, safety: count, safetyAvailable: safety.length },
    safetyIds: drawn.map((row) => row.id),
  };
}

/** A share s of the whole mix is s / (1 − s) of the instruction rows. */
function safetyCount(instructions: number, amount: SafetyAmount): number {
  if ("count" in amount) return amount.count;
  if (!(amount.share >= 0 && amount.share < 1))
    throw new ConfigError(`safety examples: expected a share from 0 to below 1, got ${amount.share}`, {
      hint: "a share is of the whole mix; a whole number is a count of rows",
    });
  return Math.round((amount.share / (1 - amount.share)) * instructions);
}

function refuseSharedIds(rows: readonly PromptCompletion[]): void {
  const seen = new Set<string>();
  for (const { id } of rows) {
    if (seen.has(id)) throw new ConfigError(`safety mix: expected distinct ids, got ${id} in both files`);
    seen.add(id);
  }
}
