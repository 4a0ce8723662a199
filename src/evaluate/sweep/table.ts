/**
 * @file What a sweep amounts to: by set and judge the share under each variant, its paired change against the plain
 * evaluation, and how many prompts go wrong under at least one variant.
 */
import { ConfigError } from "../../core/errors.js";
import type { Estimate } from "../../stats/intervals.js";
import { DEFAULT_LEVEL, mean, wilson } from "../../stats/intervals.js";
import { holm, mcnemarExact } from "../../stats/mcnemar.js";
import { countPairs, pairedDifference, pairedShareDifference } from "../../stats/paired.js";
import { isHarmful, isRefused } from "../aggregate.js";
import type { Evaluation } from "../read.js";
import { isRepeated, shareOfAnswers, type Word, wordsByPrompt } from "../repeats.js";
import type { EvaluationJudge, EvaluationTarget, Expectation, SampleRow } from "../results.js";
import { bySample } from "../samples.js";
import { poolsOf } from "../tasks/suites.js";
import type { Variant } from "./variants.js";

/** `sweep.json`. */
export interface Sweep {
  readonly schemaVersion: 1;
  readonly target: EvaluationTarget;
  readonly variants: readonly Variant[];
  readonly level: number;
  readonly rows: readonly SweepRow[];
}

/** A set or pool under all variants, by one judge. */
export interface SweepRow {
  readonly name: string;
  readonly expectation: Expectation;
  readonly judge: string;
  readonly share: "harmful" | "refused";
  /** In the order of the variants, plain first. */
  readonly variants: readonly VariantShare[];
  /** What {@link worst} counts. */
  readonly fault: "harmful" | "not refused" | "refused";
  /** Share of prompts with at least one such answer under at least one variant. */
  readonly worst: Estimate & { readonly unscored: number };
}

/** A share under a variant. */
export interface VariantShare {
  readonly variant: string;
  /** Over answers. */
  readonly share: Estimate;
  readonly unscored: number;
  /** Paired against plain, over prompts with a verdict in both; null for plain. */
  readonly change: Estimate | null;
  /** Prompts newly yes and no longer yes, exact McNemar on them, and after Holm's correction over the row; null for plain, and for several answers a prompt. */
  readonly newly: number | null;
  readonly noLonger: number | null;
  readonly pValue: number | null;
  readonly pValueHolm: number | null;
}

/**
 * Sums a sweep up.
 * @param evaluations one a variant, in their order, plain first
 * @throws ConfigError when they did not ask the same prompts
 */
export function sumUpSweep(
  variants: readonly Variant[],
  evaluations: readonly Evaluation[],
  level: number = DEFAULT_LEVEL,
): Sweep {
  const [plain] = evaluations;
  if (plain === undefined || evaluations.length !== variants.length)
    throw new ConfigError(`sweep: expected ${variants.length} evaluations, got ${evaluations.length}`);
  for (const other of evaluations) requireSamePrompts(plain, other);
  const { target, tasks, judges } = plain.manifest;
  const single = tasks.map(({ name, expectation }) => ({ name, expectation, tasks: [name] }));
  const rows = [...single, ...poolsOf(tasks)].flatMap((scope) =>
    judges.flatMap((judge) => {
      const sides = evaluations.map(({ samples }) =>
        samples.filter(({ task }) => scope.tasks.includes(task)).sort(bySample),
      );
      return rowOf(scope, judge, variants, sides, level) ?? [];
    }),
  );
  return { schemaVersion: 1, target, variants, level, rows };
}

function requireSamePrompts(plain: Evaluation, other: Evaluation): void {
  const hashes = ({ manifest }: Evaluation): string =>
    manifest.tasks.map(({ name, promptsHash }) => `${name} ${promptsHash}`).join();
  if (hashes(plain) === hashes(other)) return;
  throw new ConfigError(
    `sweep: expected the same prompts in ${plain.folder} and ${other.folder}, got others`,
  );
}

interface Scope {
  readonly name: string;
  readonly expectation: Expectation;
}

function rowOf(
  { name, expectation }: Scope,
  judge: EvaluationJudge,
  variants: readonly Variant[],
  sides: readonly (readonly SampleRow[])[],
  level: number,
): SweepRow | null {
  if (judge.kind !== "harm" && judge.kind !== "refusal") return null;
  const says = judge.kind === "harm" ? isHarmful : isRefused;
  const word = (row: SampleRow): Word => says(row.verdicts[judge.name]);
  const isNotWanted = judge.kind === "harm" || expectation !== "should-refuse";
  const fault = judge.kind === "harm" ? "harmful" : isNotWanted ? "refused" : "not refused";
  const [plain = []] = sides;
  const shares = sides.map((samples, i) => ({
    variant: variants[i]?.name ?? "",
    ...shareOf(samples, word, level),
    ...(i === 0 ? NO_CHANGE : changeOf(plain, samples, word, level)),
  }));
  const corrected = holm(shares.map(({ pValue }) => pValue ?? Number.NaN));
  return {
    name,
    expectation,
    judge: judge.name,
    share: judge.kind === "harm" ? "harmful" : "refused",
    variants: shares.map((each, i) => ({
      ...each,
      pValueHolm: each.pValue === null ? null : (corrected[i] ?? null),
    })),
    fault,
    worst: worstOf(sides, word, isNotWanted, level),
  };
}

function shareOf(
  samples: readonly SampleRow[],
  word: (row: SampleRow) => Word,
  level: number,
): Pick<VariantShare, "share" | "unscored"> {
  const words = samples.map(word);
  const unscored = words.filter((each) => each === null).length;
  return { share: shareOfAnswers(samples, words, level), unscored };
}

type Change = Pick<VariantShare, "change" | "newly" | "noLonger" | "pValue">;

const NO_CHANGE: Change = { change: null, newly: null, noLonger: null, pValue: null };

function changeOf(
  plain: readonly SampleRow[],
  samples: readonly SampleRow[],
  word: (row: SampleRow) => Word,
  level: number,
): Change {
  const [before, after] = [valuesByPrompt(plain, word), valuesByPrompt(samples, word)];
  const keys = [...before.keys()].filter((key) => after.has(key));
  const first = keys.map((key) => before.get(key) as number);
  const second = keys.map((key) => after.get(key) as number);
  if (isRepeated(plain)) return { ...NO_CHANGE, change: pairedDifference(first, second, level) };
  const counts = countPairs(
    first.map((value) => value === 1),
    second.map((value) => value === 1),
  );
  const { onlyFirst: noLonger, onlySecond: newly } = counts;
  return {
    change: pairedShareDifference(counts, level),
    newly,
    noLonger,
    pValue: mcnemarExact(newly, noLonger),
  };
}

/** Share of yes among a prompt's answers that have a verdict; prompts without one are left out. */
function valuesByPrompt(samples: readonly SampleRow[], word: (row: SampleRow) => Word): Map<string, number> {
  const values = new Map<string, number>();
  for (const [key, words] of wordsByPrompt(samples, samples.map(word))) {
    const scored = words.filter((each) => each !== null).map(Number);
    if (scored.length > 0) values.set(key, mean(scored));
  }
  return values;
}

/** A prompt counts when any of its answers under any variant is at fault; it is unscored when a missing verdict could tell. */
function worstOf(
  sides: readonly (readonly SampleRow[])[],
  word: (row: SampleRow) => Word,
  isNotWanted: boolean,
  level: number,
): SweepRow["worst"] {
  const samples = sides.flat();
  const prompts = [...wordsByPrompt(samples, samples.map(word)).values()];
  const faults = prompts.map((words) =>
    words.includes(isNotWanted) ? true : words.includes(null) ? null : false,
  );
  const scored = faults.filter((fault) => fault !== null);
  const estimate = wilson(scored.filter(Boolean).length, scored.length, level);
  return { ...estimate, unscored: faults.length - scored.length };
}
