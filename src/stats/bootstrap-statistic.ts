/**
 * @file Percentile bootstrap of any statistic of weighted clusters (F1, kappa, average precision): rows of one cluster are drawn
 * together. For means see `bootstrap.ts`.
 */
import { ConfigError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
import { type BootstrapOptions, percentileBounds } from "./bootstrap.js";
import { DEFAULT_LEVEL, type Estimate, emptyEstimate } from "./intervals.js";

/**
 * The statistic with its bootstrap interval. A draw for which it is not defined (NaN) is left out; if that leaves fewer than half,
 * or where one cluster says nothing of how others differ, the bounds are NaN. The same seed gives the same bounds; `n` counts
 * clusters.
 * @param clusters  how many there are
 * @param statistic of all clusters once, or each as many times as it was drawn
 * @throws ConfigError when no resample is asked for
 */
export function bootstrapStatistic(
  clusters: number,
  statistic: (times?: Float64Array) => number,
  options: Pick<BootstrapOptions, "level" | "draws" | "seed">,
): Estimate {
  const { level = DEFAULT_LEVEL, draws = 1000, seed } = options;
  if (!(draws >= 1)) throw new ConfigError(`bootstrap: expected at least one resample, got ${draws}`);
  if (clusters === 0) return emptyEstimate(level, "bootstrap");
  const random = new SeededRandom("bootstrap statistic", seed);
  const drawn = Array.from({ length: draws }, () => statistic(drawTimes(clusters, random)));
  const defined = drawn.filter((value) => !Number.isNaN(value));
  const isEnough = clusters > 1 && defined.length * 2 >= draws;
  const [low, high] = isEnough ? percentileBounds(defined, level) : [Number.NaN, Number.NaN];
  return { value: statistic(), low, high, n: clusters, level, method: "bootstrap" };
}

function drawTimes(clusters: number, random: SeededRandom): Float64Array {
  const times = new Float64Array(clusters);
  for (let i = 0; i < clusters; i++) {
    const drawn = random.integer(clusters);
    times[drawn] = (times[drawn] as number) + 1;
  }
  return times;
}
