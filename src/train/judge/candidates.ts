/**
 * @file Which hidden states a probe reads: each candidate is measured on the training sources alone, on prompts and on whole
 * sources that its probe was not fitted on, by the area under the ROC curve (no threshold to choose). The mean of both decides.
 */
import { logOdds } from "../../judges/harm-judge/head.js";
import { areaUnderRoc } from "../../stats/binary-metrics.js";
import { type FitData, type FitSettings, fitProbe } from "./fit.js";
import { foldsOf } from "./folds.js";
import type { Candidate } from "./recipe.js";
import { hasBothClasses, type JudgeRow } from "./rows.js";

/** A candidate and how its probe does by source: on other prompts, and where the source is left out. */
export interface CandidateFigures {
  readonly candidate: Candidate;
  readonly sources: readonly { readonly source: string; readonly folds: number; readonly leftOut: number }[];
  /** Mean of all of them. */
  readonly mean: number;
}

/** Measures one candidate. @param data its features @param folds how many */
export function measureCandidate(
  candidate: Candidate,
  data: FitData,
  folds: number,
  settings: Omit<FitSettings, "l2">,
): CandidateFigures {
  const fold = foldsOf(data.rows, folds, settings.seed);
  const own = { ...settings, l2: candidate.l2 };
  const measured = twoClassSources(data.rows);
  const byFold = scoresByOthers(data, fold, own);
  const bySource = scoresByOthers(
    data,
    data.rows.map(({ source }) => source),
    own,
    measured,
  );
  const sources = measured.map((source) => ({
    source,
    folds: areaOf(data.rows, byFold, source),
    leftOut: areaOf(data.rows, bySource, source),
  }));
  const all = sources.flatMap((each) => [each.folds, each.leftOut]);
  return { candidate, sources, mean: all.reduce((sum, area) => sum + area, 0) / all.length };
}

/** Log-odds by a probe that was fitted without the row's group; NaN for groups that are not asked for. */
function scoresByOthers<Group>(
  data: FitData,
  groups: readonly Group[],
  settings: FitSettings,
  asked: readonly Group[] = [...new Set(groups)],
): number[] {
  const scores = data.rows.map(() => Number.NaN);
  for (const group of asked) {
    const rest = [...groups.keys()].filter((place) => groups[place] !== group);
    if (rest.length === 0) continue;
    const probe = fitProbe(data, rest, settings);
    for (const [place, own] of groups.entries())
      if (own === group) scores[place] = logOdds(probe, data.features[place] as Float32Array);
  }
  return scores;
}

function twoClassSources(rows: readonly JudgeRow[]): string[] {
  return [...new Set(rows.map(({ source }) => source))].filter((source) =>
    hasBothClasses(rows.filter((row) => row.source === source)),
  );
}

function areaOf(rows: readonly JudgeRow[], scores: readonly number[], source: string): number {
  const own = [...rows.keys()].filter(
    (place) => rows[place]?.source === source && rows[place]?.label !== null,
  );
  return areaUnderRoc(
    own.map((place) => rows[place]?.label === true),
    own.map((place) => scores[place] as number),
  );
}
