/**
 * @file Signs that the reward model is being pleased rather than the reader: diversity of the selected set falls first
 * (Dong et al. 2023), answers grow or shrink, and a second reward model falls while the first rises (Gao et al. 2022,
 * arXiv 2210.10760).
 */
import type { MetricsLine } from "../run-folder.js";

/** From where on a change since the first stage is worth a warning. */
export const RAFT_LIMITS = {
  /** Share of the first stage's distinct-2 that is left, over all samples: their number does not change. */
  diversityLeft: 0.7,
  /** Growth of the selected answers, and its inverse for shrinking. */
  lengthFactor: 1.5,
} as const;

/** What went wrong between the first stage and this one, in words. */
export function stageWarnings(first: MetricsLine, now: MetricsLine): string[] {
  const ratio = (name: string) => Number(now[name]) / Number(first[name]);
  const diversity = ratio("distinct_2/all");
  const length = ratio("length/selected");
  const found: string[] = [];
  if (diversity < RAFT_LIMITS.diversityLeft) {
    found.push(
      `distinct-2 of the samples is ${percent(diversity)} of the first stage's: read selected.jsonl; raise --temperature or --kl-weight`,
    );
  }
  if (length > RAFT_LIMITS.lengthFactor || length < 1 / RAFT_LIMITS.lengthFactor) {
    found.push(
      `selected answers are ${length.toFixed(2)} times as long as in the first stage: the reward may be for length`,
    );
  }
  if (Number(now["held_out/gain_low"]) > 0 && Number(now["held_out/second_gain_high"]) < 0) {
    found.push(
      "the second reward model has fallen while the reward has risen: the reward model is over-optimised",
    );
  }
  return found;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
