/**
 * @file Repetition loops: a small model that is pushed hard repeats itself, and a count of refusals does not see it.
 * Exact over token ids, one pass for each period.
 */

/** Version of the definition; part of the metric's hash. */
export const LOOP_DEFINITION = {
  /** Tokens of the repeated n-gram. */
  longestPeriod: 16,
  /** Complete copies, back to back. */
  fewestCopies: 4,
  /** Tokens that the complete copies cover. */
  fewestTokens: 32,
} as const;

/** Where a loop stands. */
export interface Loop {
  /** Index of its first token. */
  readonly start: number;
  /** Tokens of the repeated n-gram, 1–16, as short as possible. */
  readonly period: number;
  /** Complete copies. */
  readonly copies: number;
}

/**
 * The loop of the shortest period, and of those the first, or undefined: an n-gram of 1–16 tokens that is repeated back
 * to back at least 4 times, these copies covering at least 32 tokens.
 */
export function findLoop(tokenIds: ArrayLike<number>): Loop | undefined {
  for (let period = 1; period <= LOOP_DEFINITION.longestPeriod; period++) {
    const loop = findLoopOfPeriod(tokenIds, period);
    if (loop !== undefined) return loop;
  }
  return undefined;
}

/** A run of r tokens that equal the token one period before is floor(r / period) + 1 copies. */
function findLoopOfPeriod(tokenIds: ArrayLike<number>, period: number): Loop | undefined {
  const copiesNeeded = Math.max(
    LOOP_DEFINITION.fewestCopies,
    Math.ceil(LOOP_DEFINITION.fewestTokens / period),
  );
  let run = 0;
  for (let i = period; i <= tokenIds.length; i++) {
    if (i < tokenIds.length && tokenIds[i] === tokenIds[i - period]) {
      run++;
      continue;
    }
    const copies = Math.floor(run / period) + 1;
    if (copies >= copiesNeeded) return { start: i - run - period, period, copies };
    run = 0;
  }
  return undefined;
}
