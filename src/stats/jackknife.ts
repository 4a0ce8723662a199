/**
 * @file Jackknife interval of a number that is made of a whole set and is no mean over it: corpus BLEU, distinct-n. Leaving
 * out each member in turn, Efron and Stein (1981, Ann. Stat. 9:586) bound the variance from above, smooth statistic or not.
 */
import { type Estimate, emptyEstimate, mean } from "./intervals.js";
import { tQuantile } from "./quantiles.js";

/**
 * value ± t(n − 1) · √((n − 1)/n · Σ(xᵢ − x̄)²). Of a mean it is Student's interval. Below two members the bounds are NaN.
 * @param value   the statistic of the whole set
 * @param leftOut the statistic without each member in turn
 */
export function jackknifeInterval(value: number, leftOut: readonly number[], level: number): Estimate {
  const n = leftOut.length;
  if (n === 0) return emptyEstimate(level, "jackknife-t");
  const centre = mean(leftOut);
  const squares = leftOut.reduce((sum, x) => sum + (x - centre) ** 2, 0);
  const half = n < 2 ? Number.NaN : tQuantile((1 + level) / 2, n - 1) * Math.sqrt(((n - 1) / n) * squares);
  return { value, low: value - half, high: value + half, n, level, method: "jackknife-t" };
}

/** Items by cluster, in the order in which clusters first appear; each its own without clusters. */
export function clusterMembers<Item>(
  items: readonly Item[],
  clusters: readonly string[] | undefined,
): readonly (readonly Item[])[] {
  const members = new Map<string | number, Item[]>();
  for (const [i, item] of items.entries()) {
    const name = clusters?.[i] ?? i;
    const group = members.get(name);
    if (group === undefined) members.set(name, [item]);
    else group.push(item);
  }
  return [...members.values()];
}
