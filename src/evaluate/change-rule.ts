/**
 * @file The rule about helpfulness: the accuracy on multiple choice, averaged over sets, falls by no more than a margin
 * against the base (non-inferiority, paired question by question). Newcombe's interval for each set, joined to one of their
 * mean; questions that only one of the two has scored count for the base when it must pass, against it when it must fail.
 */
import type { Estimate } from "../stats/intervals.js";
import { meanDifference, nonInferiority, type PairedCounts, pairedShareDifference } from "../stats/paired.js";
import { pairsFactorNeeded } from "../stats/power.js";
import { isRight } from "./aggregate.js";
import type { ChangeRule } from "./policy.js";
import { inCount, inPoints, type Measured, openRule, type RuleVerdict } from "./rule.js";
import { absentSets, type Evidence } from "./share-rule.js";

/**
 * Decides about the change of a model against its base.
 * @param base null where there is none to compare with: undecided; the model itself passes
 */
export function decideChange(
  rule: ChangeRule,
  level: number,
  model: Evidence,
  base: Evidence | null,
): RuleVerdict {
  const open = openRule({
    rule: "helpfulness",
    requirement: `lower bound of the change of ${rule.metric} against the base at least ${inPoints(rule.lowerBoundAtLeast)}`,
    bound: rule.lowerBoundAtLeast,
    sets: rule.sets,
    judge: null,
  });
  if (base === null)
    return {
      ...open,
      reason: "helpfulness: a change needs a base; compare --gate takes its evaluation first",
    };
  if (model === base)
    return { ...open, outcome: "pass", needed: 0, reason: "helpfulness: it is the base itself" };
  const absent = [
    ...new Set([...absentSets(rule.sets, model.manifest), ...absentSets(rule.sets, base.manifest)]),
  ];
  if (absent.length > 0) return { ...open, reason: `helpfulness: not asked of both: ${absent.join(", ")}` };
  return { ...open, ...weigh(rule, level, model, base) };
}

/** What became of a set's questions, base first; unscored ones by what is known of them. */
interface SetCounts extends PairedCounts {
  readonly unscored: number;
}

function weigh(rule: ChangeRule, level: number, model: Evidence, base: Evidence): Measured {
  const sets = rule.sets.map((set) => countSet(set, rule.metric, model, base));
  const margin = -rule.lowerBoundAtLeast;
  const joined = (counts: readonly PairedCounts[]): Estimate =>
    meanDifference(
      counts.map((each) => pairedShareDifference(each, level)),
      level,
    );
  const estimate = joined(sets);
  const worst = joined(sets.map((set) => ({ ...set, onlyFirst: set.onlyFirst + set.unscored })));
  const best = joined(sets.map((set) => ({ ...set, onlySecond: set.onlySecond + set.unscored })));
  const unscored = sets.reduce((sum, set) => sum + set.unscored, 0);
  const outcome =
    nonInferiority(worst, margin) === "non-inferior"
      ? "pass"
      : nonInferiority(best, margin) === "inferior"
        ? "fail"
        : "undecided";
  const numbers = { outcome, estimate, unscored, worstBound: worst.low, bestBound: best.high } as const;
  const measured = `helpfulness: mean ${rule.metric} changed by ${changeInWords(estimate)}${unscored === 0 ? "" : `, ${inCount(unscored)} unscored`}`;
  const asked = inPoints(rule.lowerBoundAtLeast);
  if (outcome === "pass") return { ...numbers, needed: 0, reason: `${measured}, at least ${asked} as asked` };
  if (outcome === "fail") return { ...numbers, needed: 0, reason: `${measured}, below the ${asked} allowed` };
  return { ...numbers, ...plan(measured, sets, margin, level, unscored) };
}

function plan(
  measured: string,
  sets: readonly SetCounts[],
  margin: number,
  level: number,
  unscored: number,
): Pick<RuleVerdict, "needed" | "reason"> {
  if (unscored > 0)
    return {
      needed: null,
      reason: `${measured}: score those ${inCount(unscored)} first, they could turn it either way`,
    };
  const factor = pairsFactorNeeded(sets, margin, level);
  const pairs = sets.map(
    ({ both, onlyFirst, onlySecond, neither }) => both + onlyFirst + onlySecond + neither,
  );
  if (!Number.isFinite(factor))
    return { needed: null, reason: `${measured}: the observed change is the bound itself, or close to it` };
  const needed = pairs.reduce((sum, n) => sum + Math.ceil(factor * n) - n, 0);
  return { needed, reason: `${measured}: ${inCount(needed)} more questions needed at the observed rates` };
}

function changeInWords({ value, low, high, n }: Estimate): string {
  return `${inPoints(value)} (${inPoints(low)} to ${inPoints(high)}) over ${inCount(n)} questions`;
}

function countSet(set: string, metric: ChangeRule["metric"], model: Evidence, base: Evidence): SetCounts {
  const before = outcomesOf(base, set, metric);
  const after = outcomesOf(model, set, metric);
  const counts = { both: 0, onlyFirst: 0, onlySecond: 0, neither: 0, unscored: 0 };
  for (const id of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(id) ?? null, after.get(id) ?? null];
    if (was === null || is === null) counts.unscored++;
    else if (was) counts[is ? "both" : "onlyFirst"]++;
    else counts[is ? "onlySecond" : "neither"]++;
  }
  return counts;
}

/** Right or wrong by the question itself, so that only the very same questions are paired; null where unscored. */
function outcomesOf(
  evidence: Evidence,
  set: string,
  metric: ChangeRule["metric"],
): Map<string, boolean | null> {
  const rows = evidence.samples.filter((row) => row.task === set);
  return new Map(rows.map((row) => [`${row.promptId} ${row.promptHash}`, isRight(row, metric)]));
}
