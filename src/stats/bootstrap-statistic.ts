/**
 * @file Percentile bootstrap of any statistic that takes weights (F1, kappa, average precision): rows of one cluster are drawn
 * together. For means see `bootstrap.ts`.
 */
import { ConfigError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
import { type BootstrapOptions, percentileBounds } from "./bootstrap.js";
import { DEFAULT_LEVEL, type Estimate, emptyEstimate } from "./intervals.js";

/**
 * The statistic with its bootstrap interval. A draw for which it is not defined (NaN) is left out; if that leaves fewer than half,
 * the bounds are NaN. The same seed gives the same bounds; `n` counts clusters.
 * @param clusters  name of every row's cluster
 * @param statistic of all rows without weights, of a draw with each row's multiplicity
 * @throws ConfigError when no resample is asked for
 */
export function bootstrapStatistic(
  clusters: readonly (string | number)[],
  statistic: (weights?: Float64Array) => number,
  options: Pick<BootstrapOptions, "level" | "draws" | "seed">,
): Estimate {
  const { level = DEFAULT_LEVEL, draws = 1000, seed } = options;
  if (!(draws >= 1)) throw new ConfigError(`bootstrap: expected at least one resample, got ${draws}`);
  const places = new Map([...new Set(clusters)].map((name, place) => [name, place]));
  const n = places.size;
  if (n === 0) return emptyEstimate(level, "bootstrap");
  const clusterOf = clusters.map((name) => places.get(name) as number);
  const random = new SeededRandom("bootstrap statistic", seed);
  const drawn = Array.from({ length: draws }, () => statistic(drawWeights(clusterOf, n, random)));
  const defined = drawn.filter((value) => !Number.isNaN(value));
  const isEnough = defined.length * 2 >= draws;
  const [low, high] = isEnough ? percentileBounds(defined, level) : [Number.NaN, Number.NaN];
  return { value: statistic(), low, high, n, level, method: "bootstrap" };
}

function drawWeights(clusterOf: readonly number[], n: number, random: SeededRandom): Float64Array {
  const times = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const cluster = random.integer(n);
    times[cluster] = (times[cluster] as number) + 1;
  }
  return Float64Array.from(clusterOf, (cluster) => times[cluster] as number);
}
