/** @file When to stop, and which stage to keep: the one with the greatest held-out reward, if it is not bettered for long. */

/**
 * Index of the greatest value, of equal ones the first.
 * @param values held-out reward at the start and after every stage; null is no number and never the best
 * @returns −1 when there is none
 */
export function bestStage(values: readonly (number | null)[]): number {
  return values.reduce<number>((best, value, i) => {
    const most = values[best] ?? Number.NEGATIVE_INFINITY;
    return value !== null && value > most ? i : best;
  }, -1);
}

/** Whether the last `patience` stages brought no new best. Without held-out values a run never converges. */
export function hasConverged(values: readonly (number | null)[], patience: number): boolean {
  const best = bestStage(values);
  return best >= 0 && values.length - 1 - best >= patience;
}
