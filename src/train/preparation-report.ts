/** @file The count of what became of every row: kept, cut, dropped and why. */
import { type TrainingRow, tokenCount, trainedTokens } from "./method.js";

/** Why a row was not trained on; the last six are those of samples (RAFT). */
export type DropReason =
  | "empty prompt"
  | "empty completion"
  | "prompt fills the length limit"
  | "longer than the length limit"
  | "identical pair"
  | "identical pair after truncation"
  | "contradictory pair"
  | "duplicate"
  | "prompt of an evaluation set"
  | "prompt of a training row"
  | "not scored"
  | "vetoed"
  | "too short"
  | "repeated"
  | "cut off"
  | "not the best";

/** How many, and the first few of them. */
export interface CountedIds {
  readonly count: number;
  /** At most {@link IDS_KEPT}. */
  readonly ids: readonly string[];
}

/** What became of the rows of a file. */
export interface PreparationReport {
  readonly rowsRead: number;
  readonly rowsTrained: number;
  readonly dropped: Readonly<Partial<Record<DropReason, CountedIds>>>;
  /** Rows of which an answer was cut at the length limit. */
  readonly cut: CountedIds;
  readonly tokens: {
    /** Prompt and answer of every sequence. */
    readonly total: number;
    readonly withLoss: number;
    readonly longestSequence: number;
  };
  /** By answer: two a pair. */
  readonly stopToken: {
    readonly trained: number;
    /** Cut off with the end of the answer. */
    readonly lost: number;
    /** Uncut answers whose end of turn is not a token that the model stops at. */
    readonly uncutWithout: number;
  };
}

/** How many row ids a report keeps a reason. */
export const IDS_KEPT = 20;

/** Collects a {@link PreparationReport}. */
export class DropCounter {
  private readonly rowsRead: number;
  private readonly dropped = new Map<DropReason, string[]>();
  private readonly cutIds: string[] = [];
  private readonly stop = { trained: 0, lost: 0, uncutWithout: 0 };

  constructor(rowsRead: number) {
    this.rowsRead = rowsRead;
  }

  /** Counts a dropped row. */
  drop(id: string, reason: DropReason): void {
    const ids = this.dropped.get(reason);
    if (ids === undefined) this.dropped.set(reason, [id]);
    else ids.push(id);
  }

  /** Counts a row with a cut answer. */
  cut(id: string): void {
    this.cutIds.push(id);
  }

  /** Counts the stop token of a kept answer. */
  answer(isCut: boolean, stop: { readonly isTrained: boolean; readonly isStop: boolean }): void {
    if (stop.isTrained && stop.isStop) this.stop.trained += 1;
    else if (isCut) this.stop.lost += 1;
    else this.stop.uncutWithout += 1;
  }

  /** The report over the rows that are left. */
  report(rows: readonly TrainingRow[]): PreparationReport {
    const lengths = rows.flatMap(({ segment }) =>
      segment.branches.map((b) => segment.prompt.length + b.length),
    );
    return {
      rowsRead: this.rowsRead,
      rowsTrained: rows.length,
      dropped: Object.fromEntries(Array.from(this.dropped, ([reason, ids]) => [reason, counted(ids)])),
      cut: counted(this.cutIds),
      tokens: {
        total: rows.reduce((sum, row) => sum + tokenCount(row), 0),
        withLoss: rows.reduce((sum, row) => sum + trainedTokens(row), 0),
        longestSequence: lengths.reduce((longest, length) => Math.max(longest, length), 0),
      },
      stopToken: { ...this.stop },
    };
  }
}

function counted(ids: readonly string[]): CountedIds {
  return { count: ids.length, ids: ids.slice(0, IDS_KEPT) };
}

/** One report over the rows of several. */
export function sumReports(reports: readonly PreparationReport[]): PreparationReport {
  const sum = (count: (report: PreparationReport) => number) =>
    reports.reduce((total, report) => total + count(report), 0);
  const together = (counts: readonly (CountedIds | undefined)[]): CountedIds => ({
    count: counts.reduce((total, each) => total + (each?.count ?? 0), 0),
    ids: counts.flatMap((each) => each?.ids ?? []).slice(0, IDS_KEPT),
  });
  const reasons = new Set(reports.flatMap(({ dropped }) => Object.keys(dropped) as DropReason[]));
  return {
    rowsRead: sum(({ rowsRead }) => rowsRead),
    rowsTrained: sum(({ rowsTrained }) => rowsTrained),
    dropped: Object.fromEntries(
      Array.from(reasons, (reason) => [reason, together(reports.map(({ dropped }) => dropped[reason]))]),
    ),
    cut: together(reports.map(({ cut }) => cut)),
    tokens: {
      total: sum(({ tokens }) => tokens.total),
      withLoss: sum(({ tokens }) => tokens.withLoss),
      longestSequence: Math.max(0, ...reports.map(({ tokens }) => tokens.longestSequence)),
    },
    stopToken: {
      trained: sum(({ stopToken }) => stopToken.trained),
      lost: sum(({ stopToken }) => stopToken.lost),
      uncutWithout: sum(({ stopToken }) => stopToken.uncutWithout),
    },
  };
}
