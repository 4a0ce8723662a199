/** @file What training a judge leaves behind, as data: `training.json` beside the judge, and `folds.json`. */
import type { JudgeBase } from "../../judges/harm-judge/folder.js";
import type { CandidateFigures } from "./candidates.js";
import type { CalibrationPoint, SourceFigures } from "./figures.js";
import type { Candidate, JudgeRecipe } from "./recipe.js";
import type { SourceRecord } from "./rows.js";

/** Content of `training.json`. */
export interface TrainingRecord {
  readonly schemaVersion: 1;
  readonly recipe: JudgeRecipe;
  readonly base: JudgeBase;
  /** What the probe reads, chosen on the training sources. */
  readonly candidate: Candidate;
  readonly sources: readonly SourceRecord[];
  readonly neverSeen: readonly SourceRecord[];
  /** Rows that were learnt from. */
  readonly rows: number;
  /** Answers, of all sources, that were longer than is read. */
  readonly cut: number;
  /** Rows whose prompt left the answer no room. */
  readonly unreadable: number;
}

/** All figures. */
export interface JudgeFigures {
  readonly candidates: readonly CandidateFigures[];
  /** Each row called by heads that saw no row of its prompt. */
  readonly folds: readonly SourceFigures[];
  /** Each source called by heads that saw none of its rows. */
  readonly leftOut: readonly SourceFigures[];
  readonly neverSeen: readonly SourceFigures[];
  /** Mean balanced accuracy over the never-seen sets. */
  readonly neverSeenMean: Pick<SourceFigures, "byJudge" | "ahead">;
  readonly calibration: {
    readonly folds: readonly CalibrationPoint[];
    readonly neverSeen: readonly CalibrationPoint[];
  };
}

/** What `judge train` made. */
export interface JudgeReport {
  /** The judge's folder. */
  readonly judge: string;
  readonly hash: string;
  readonly record: TrainingRecord;
  readonly figures: JudgeFigures;
}
