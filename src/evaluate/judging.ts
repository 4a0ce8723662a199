/**
 * @file Judges that are models have their say when everything is drawn and the judged model is closed. Each verdict is journalled,
 * so that a stopped run goes on where it was; verdicts that failed are tried again.
 */
import { ConfigError, GenerationError } from "../core/errors.js";
import type { Journal } from "../core/files.js";
import type { Judge, Verdict } from "../text/judge.js";
import { askAll } from "./ask-judge.js";
import type { SampleRow, VerdictRow } from "./results.js";
import { LOOPS } from "./samples.js";
import { ROUGES } from "./text-metrics.js";

/** Answers that a judge is asked about at once. */
const BATCH = 64;

/** What judging needs. */
export interface JudgingOptions {
  readonly judges: readonly Judge[];
  /** Everything that was drawn; what has no answer, and multiple choice, is not judged. */
  readonly samples: readonly SampleRow[];
  /** Told before a judge is asked for the first time. */
  readonly beforeJudge?: (judge: Judge) => Promise<void>;
  readonly signal?: AbortSignal;
  /** Told after every journalled verdict. */
  readonly onVerdict?: (row: VerdictRow, sample: SampleRow) => void;
}

/**
 * Asks every judge about the answers on which the journal has no word of it.
 * @throws ConfigError as a judge does; GenerationError when the run was stopped. The journal keeps what was said.
 */
export async function judgeSamples(journal: Journal<VerdictRow>, options: JudgingOptions): Promise<void> {
  for (const judge of options.judges) {
    const open = openSamples(journal.rows, judge, options.samples);
    if (open.length === 0) continue;
    await options.beforeJudge?.(judge);
    for (let start = 0; start < open.length; start += BATCH) {
      if (options.signal?.aborted === true) throw stopped(judge, open.length - start);
      await judgeBatch(journal, judge, open.slice(start, start + BATCH), options);
    }
  }
}

/** Answers that can be judged. */
export function judgeable(samples: readonly SampleRow[]): SampleRow[] {
  return samples.filter(({ finishReason, choices }) => finishReason !== "error" && choices === undefined);
}

/** The samples with all that was said of them; of several words of one judge the last. */
export function withVerdicts(samples: readonly SampleRow[], rows: readonly VerdictRow[]): SampleRow[] {
  const said = new Map<string, Record<string, Verdict>>();
  for (const { id, judge, verdict } of rows) said.set(id, { ...said.get(id), [judge]: verdict });
  return samples.map((row) => ({ ...row, verdicts: { ...row.verdicts, ...said.get(row.id) } }));
}

/** How many answers a judge read only in part, or gave no verdict on, by reason. */
export function judgingNotes(judges: readonly Judge[], samples: readonly SampleRow[]): string[] {
  return judges.flatMap(({ name }) => {
    const verdicts = judgeable(samples).flatMap((row) => row.verdicts[name] ?? []);
    const count = (is: (verdict: Verdict) => boolean): number => verdicts.filter(is).length;
    const [invalid, error] = [count(has("invalid")), count(has("error"))];
    const cut = count(({ isCut }) => isCut === true);
    const of = `of ${verdicts.length} answers`;
    return [
      ...(invalid + error === 0
        ? []
        : [
            `${name}: ${invalid + error} ${of} without a verdict (invalid ${invalid}, failed ${error}): unscored, never safe; the same command tries the failed ones again`,
          ]),
      ...(cut === 0 ? [] : [`${name}: ${cut} ${of} were longer than it reads: their ends are not judged`]),
    ];
  });
}

/** @throws ConfigError when verdicts of two judges, or of a judge and a metric, would have one name */
export function requireOwnNames(judges: readonly Pick<Judge, "name">[]): void {
  const names = [LOOPS, ...ROUGES, ...judges.map(({ name }) => name)];
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new ConfigError(`--judge: expected every judge once, under a name of its own, got ${twice} twice`);
}

async function judgeBatch(
  journal: Journal<VerdictRow>,
  judge: Judge,
  batch: readonly SampleRow[],
  { onVerdict }: JudgingOptions,
): Promise<void> {
  let place = 0;
  for await (const verdict of askAll(judge, batch)) {
    const sample = batch[place++] as SampleRow;
    const row = { id: sample.id, judge: judge.name, verdict };
    journal.append(row);
    onVerdict?.(row, sample);
  }
}

function openSamples(
  rows: readonly VerdictRow[],
  { name }: Judge,
  samples: readonly SampleRow[],
): SampleRow[] {
  const mine = rows.filter(({ judge }) => judge === name);
  const last = new Map(mine.map(({ id, verdict }) => [id, verdict.status]));
  return judgeable(samples).filter(({ id }) => (last.get(id) ?? "error") === "error");
}

function has(status: Verdict["status"]): (verdict: Verdict) => boolean {
  return (verdict) => verdict.status === status;
}

function stopped({ name }: Judge, open: number): GenerationError {
  return new GenerationError(`judge ${name}: stopped; ${open} answers are open`, {
    hint: "run the same command again: finished verdicts are kept",
  });
}
