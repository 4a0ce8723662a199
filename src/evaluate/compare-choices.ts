/**
 * @file Multiple choice compared question by question: accuracies with Newcombe's interval and exact McNemar on right and
 * wrong, Brier scores with a paired t interval. Holm's correction goes over the tasks of one metric and pair of models.
 */
import { type Estimate, emptyEstimate } from "../stats/intervals.js";
import { holm, mcnemarExact } from "../stats/mcnemar.js";
import { countPairs, pairedDifference, pairedShareDifference } from "../stats/paired.js";
import { brierOf, choiceShare, isRight } from "./aggregate.js";
import type { ChoiceComparison, ChoiceDifference, ChoiceMetricComparison } from "./comparison.js";
import type { ChoiceMetric, EvaluationTask, SampleRow } from "./results.js";

/** One model's questions, by any key that is the same for all models. */
export interface ChoiceSide {
  readonly label: string;
  readonly samples: ReadonlyMap<string, SampleRow>;
}

/** Tasks that are no multiple choice are passed over. @param pairs sides to set against each other, earlier first */
export function compareChoices(
  tasks: readonly EvaluationTask[],
  sides: readonly ChoiceSide[],
  pairs: readonly (readonly [ChoiceSide, ChoiceSide])[],
  level: number,
): ChoiceComparison[] {
  const compared = tasks.flatMap(({ name, prompts, multipleChoice }): ChoiceComparison[] => {
    if (multipleChoice === undefined) return [];
    const { fewShot, metrics } = multipleChoice;
    const compare = (metric: ChoiceMetric): ChoiceMetricComparison => ({
      metric,
      results: sides.map((side) => resultOf(name, side, metric, level)),
      differences: pairs.map(([from, to]) => differenceOf(name, from, to, metric, level)),
    });
    return [{ task: name, questions: prompts, fewShot, metrics: metrics.map(compare) }];
  });
  return withHolm(compared, pairs.length);
}

function resultOf(
  task: string,
  side: ChoiceSide,
  metric: ChoiceMetric,
  level: number,
): ChoiceMetricComparison["results"][number] {
  const rows = [...side.samples.values()].filter((row) => row.task === task);
  const { worstCase: _, bestCase: __, ...estimate } = choiceShare(rows, metric, level);
  return estimate;
}

function differenceOf(
  task: string,
  from: ChoiceSide,
  to: ChoiceSide,
  metric: ChoiceMetric,
  level: number,
): ChoiceDifference {
  const labels = { from: from.label, to: to.label, pValueHolm: null };
  if (metric === "brier_score") {
    const { first, second } = bothHave(task, from, to, brierOf);
    const change: Estimate =
      first.length === 0 ? emptyEstimate(level, "paired-t") : pairedDifference(first, second, level);
    return { ...labels, change, newlyRight: null, newlyWrong: null, pValue: null };
  }
  const { first, second } = bothHave(task, from, to, (row) => isRight(row, metric));
  const counts = countPairs(first, second);
  return {
    ...labels,
    change: pairedShareDifference(counts, level),
    newlyRight: counts.onlySecond,
    newlyWrong: counts.onlyFirst,
    pValue: mcnemarExact(counts.onlySecond, counts.onlyFirst),
  };
}

/** Values of both sides on the questions that both have scored. */
function bothHave<Value>(
  task: string,
  from: ChoiceSide,
  to: ChoiceSide,
  measure: (row: SampleRow) => Value | null,
): { readonly first: Value[]; readonly second: Value[] } {
  const first: Value[] = [];
  const second: Value[] = [];
  for (const [key, row] of from.samples) {
    const twin = to.samples.get(key);
    if (row.task !== task || twin === undefined) continue;
    const [a, b] = [measure(row), measure(twin)];
    if (a === null || b === null) continue;
    first.push(a);
    second.push(b);
  }
  return { first, second };
}

function withHolm(compared: readonly ChoiceComparison[], pairs: number): ChoiceComparison[] {
  const corrected = (metric: ChoiceMetric, pair: number): ReadonlyMap<string, number> => {
    const having = compared.filter(({ metrics }) => metrics.some((each) => each.metric === metric));
    const values = having.map(
      ({ metrics }) =>
        metrics.find((each) => each.metric === metric)?.differences[pair]?.pValue ?? Number.NaN,
    );
    const adjusted = holm(values);
    return new Map(having.map(({ task }, i) => [task, adjusted[i] as number]));
  };
  const table = (["acc", "acc_norm", "acc_bytes"] as const).map(
    (metric) => [metric, Array.from({ length: pairs }, (_, pair) => corrected(metric, pair))] as const,
  );
  const byMetric = new Map<ChoiceMetric, ReadonlyMap<string, number>[]>(table);
  return compared.map((task) => ({
    ...task,
    metrics: task.metrics.map((each) => ({
      ...each,
      differences: each.differences.map((difference, pair) => ({
        ...difference,
        pValueHolm: byMetric.get(each.metric)?.[pair]?.get(task.task) ?? null,
      })),
    })),
  }));
}
