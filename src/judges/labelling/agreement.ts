/** @file How far people agree on the same answers: Krippendorff's alpha and the share of equal labels, with intervals. */
import { krippendorffAlpha } from "../../stats/agreement.js";
import { bootstrapStatistic } from "../../stats/bootstrap-statistic.js";
import { clusteredShare } from "../../stats/clustered.js";
import type { Estimate } from "../../stats/intervals.js";
import { type LabelRow, latestLabels } from "./label-file.js";

/** One person's labels. */
export interface Rater {
  readonly name: string;
  /** By id of the answer. */
  readonly labels: ReadonlyMap<string, LabelRow & { readonly label: string }>;
}

/** How far raters agree. Intervals count answers to one prompt as alike. */
export interface LabelAgreement {
  readonly raters: readonly string[];
  /** Answers with labels of two or more. */
  readonly n: number;
  readonly alpha: Estimate;
  /** Share of equal labels over all pairs of labels of one answer. */
  readonly raw: Estimate;
  /** Ids of the answers on which labels differ. */
  readonly disagreements: readonly string[];
}

/** The people of a file of labels; a name that occurs in two files is told apart by them. */
export function ratersOf(
  files: readonly { readonly path: string; readonly rows: readonly LabelRow[] }[],
): Rater[] {
  const raters = files.flatMap(({ path, rows }) =>
    [...new Set(rows.map((row) => row.labeller))].map((name) => ({
      path,
      name,
      labels: latestLabels(rows, name),
    })),
  );
  return raters.map(({ path, name, labels }) => {
    const isTaken = raters.filter((each) => each.name === name).length > 1;
    return { name: isTaken ? `${name} (${path})` : name, labels };
  });
}

/** Measures agreement over all answers that two or more labelled; labels of one id are of one answer where hashes agree. */
export function measureLabelAgreement(
  raters: readonly Rater[],
  { seed }: { readonly seed: number },
): LabelAgreement {
  const units = unitsOf(raters);
  const prompts = [...new Set(units.map(({ promptHash }) => promptHash))];
  const places = new Map(prompts.map((prompt, place) => [prompt, place]));
  const clusters = units.map(({ promptHash }) => places.get(promptHash) as number);
  const pairs = units.flatMap((unit) => pairsOf(unit.labels).map((isEqual) => ({ isEqual, unit })));
  const labels = units.map((unit) => unit.labels);
  return {
    raters: raters.map(({ name }) => name),
    n: units.length,
    alpha: bootstrapStatistic(
      prompts.length,
      (times) => krippendorffAlpha(labels, times && clusters.map((cluster) => times[cluster] as number)),
      { seed },
    ),
    raw: clusteredShare(
      pairs.map(({ isEqual }) => isEqual),
      pairs.map(({ unit }) => unit.promptHash),
    ),
    disagreements: units.filter((unit) => new Set(unit.labels).size > 1).map(({ id }) => id),
  };
}

interface Unit {
  readonly id: string;
  readonly promptHash: string;
  readonly labels: string[];
}

function unitsOf(raters: readonly Rater[]): Unit[] {
  const units = new Map<string, Unit>();
  for (const { labels } of raters)
    for (const { id, promptHash, responseHash, label } of labels.values()) {
      const key = `${id} ${promptHash} ${responseHash}`;
      const unit = units.get(key);
      if (unit === undefined) units.set(key, { id, promptHash, labels: [label] });
      else unit.labels.push(label);
    }
  return [...units.values()].filter(({ labels }) => labels.length > 1);
}

/** Whether the two are equal, for every pair of labels. */
function pairsOf(labels: readonly string[]): boolean[] {
  return labels.flatMap((label, i) => labels.slice(i + 1).map((other) => other === label));
}
