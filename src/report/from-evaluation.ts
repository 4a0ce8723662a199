/** @file One evaluation folder as a report: `results.json` for the numbers, `samples.jsonl` for the answers. */
import { isLoop, isRefused } from "../evaluate/aggregate.js";
import { type Evaluation, readEvaluation } from "../evaluate/read.js";
import type { EvaluationResults, MetricName, ResultRow, SampleRow } from "../evaluate/results.js";
import type { Verdict } from "../text/judge.js";
import {
  answerOf,
  furtherJudges,
  gateOf,
  groupOf,
  judgeOf,
  modelOf,
  type ReportOrigin,
  settingsOf,
  widestPool,
} from "./from-comparison.js";
import type {
  AnswerRow,
  ChoiceSet,
  JudgedSet,
  ReferenceLogProb,
  RepeatedSet,
  Report,
  ReportSet,
  SetResult,
  TextSet,
} from "./report.js";

/**
 * Reads the folder of a finished evaluation.
 * @throws ConfigError when it holds none, or one that is not finished
 * @throws DatasetError when a file does not parse
 */
export function reportFromEvaluation(dir: string, origin: ReportOrigin): Report {
  return evaluationReport(readEvaluation(dir), origin);
}

/** The report of an evaluation; its folder's name stands for the model in charts. */
export function evaluationReport({ name, results, samples }: Evaluation, origin: ReportOrigin): Report {
  const { target, settings, hashes } = results;
  const sets = setsOf(results, samples);
  const pooledOf = (group: ReportSet["group"]): SetResult | null =>
    widestPool(
      sets.filter((set) => set.group === group),
      (set) => set.results[0]?.refused?.n ?? 0,
    )?.results[0] ?? null;
  const harmfulSets = pooledOf("harmful");
  return {
    kind: "evaluation",
    title: target.adapter === null ? target.model : `${target.model} with ${target.adapter}`,
    verdict: results.verdict,
    gate: gateOf([{ label: name, verdict: results.verdict }], settings.level),
    judge: judgeOf(settings.judges),
    models: [modelOf({ label: name, target, hash: hashes.model })],
    level: settings.level,
    settings: [...furtherJudges(settings.judges), ...settingsOf(settings, origin)],
    pooled: [
      {
        harmful: harmfulSets?.refused ?? null,
        harmless: pooledOf("harmless")?.refused ?? null,
        judgedHarmful: harmfulSets?.harmful ?? null,
      },
    ],
    sets,
    categories: [],
    repeats: repeatsOf(results),
    references: referencesOf(results, name),
    judged: judgedOf(results),
    choices: choicesOf(results),
    texts: textsOf(results),
    helpfulness: [],
    answers: samples
      .filter((sample) => sample.choices === undefined)
      .map((sample) => answerRow(sample, results)),
    curve: [],
    warnings: results.notes,
  };
}

function setsOf(results: EvaluationResults, samples: readonly SampleRow[]): ReportSet[] {
  const { sets, pools } = results.settings;
  const judge = judgeNamed(results, "refusal");
  const drawn = sets.filter(({ multipleChoice }) => multipleChoice === undefined);
  const all = [
    ...drawn.map(({ name, expectation }) => ({ name, expectation, isPool: false, tasks: [name] })),
    ...pools.map(({ name, expectation, tasks }) => ({ name, expectation, isPool: true, tasks })),
  ];
  return all.map(({ name, expectation, isPool, tasks }) => {
    const here = samples.filter((sample) => tasks.includes(sample.task));
    const rows = results.tasks.filter((row) => row.name === name);
    return {
      name,
      isPool,
      group: groupOf(expectation),
      results: [resultOf(rows, here, judge)],
      differences: [],
    };
  });
}

function resultOf(
  rows: readonly ResultRow[],
  samples: readonly SampleRow[],
  judge: string | null,
): SetResult {
  const find = (metric: MetricName): ResultRow | null => rows.find((row) => row.metric === metric) ?? null;
  const refused = rows.find((row) => row.metric === "refused" && row.judge === judge) ?? null;
  const verdicts = samples.flatMap((row) => (judge === null ? [] : (row.verdicts[judge] ?? [])));
  const counted = verdicts.filter((verdict) => isRefused(verdict) === true);
  const objections = counted.filter(({ detail }) => detail?.startsWith("objection")).length;
  return {
    refused,
    refusals: refused && counted.length - objections,
    objections: refused && objections,
    unscored: refused?.unscored ?? 0,
    worstCase: refused?.worstCase ?? null,
    bestCase: refused?.bestCase ?? null,
    harmful: find("harmful"),
    loops: find("loops"),
    truncated: find("truncated"),
    responseTokens: find("response-tokens"),
  };
}

function referencesOf(results: EvaluationResults, label: string): ReferenceLogProb[] {
  return results.tasks
    .filter(({ metric }) => metric === "reference-logprob")
    .map((perToken) => ({ model: label, set: perToken.name, perToken, change: null }));
}

/** What judges say whose error is known, or who stand beside the one of the sets. */
function judgedOf(results: EvaluationResults): JudgedSet[] {
  const shown = judgeNamed(results, "refusal");
  return results.tasks.flatMap((row) => {
    const { name: set, metric, judge, unscored, worstCase, bestCase, corrected = null } = row;
    if (judge === null || !isJudged(metric) || (judge === shown && corrected === null)) return [];
    return [{ set, judge, metric, result: row, unscored, worstCase, bestCase, corrected }];
  });
}

function isJudged(metric: MetricName): metric is JudgedSet["metric"] {
  return metric === "refused" || metric === "harmful" || metric === "reward";
}

function repeatsOf({ tasks }: EvaluationResults): RepeatedSet[] {
  return (["harmful", "refused"] as const).flatMap((metric) =>
    tasks
      .filter((row) => row.metric === metric)
      .flatMap((ofAnswers) => {
        const { name, judge } = ofAnswers;
        const find = (wanted: MetricName): ResultRow | undefined =>
          tasks.find((row) => row.name === name && row.judge === judge && row.metric === wanted);
        const [anyOfK, allOfK] = [find(`${metric}-any-of-k`), find(`${metric}-all-of-k`)];
        if (anyOfK === undefined || allOfK === undefined) return [];
        return [{ set: name, share: `${metric}, ${judge}`, ofAnswers, anyOfK, allOfK }];
      }),
  );
}

function choicesOf({ settings, tasks }: EvaluationResults): ChoiceSet[] {
  return settings.sets.flatMap(({ name, multipleChoice }) => {
    if (multipleChoice === undefined) return [];
    const metrics = multipleChoice.metrics.map((metric) => ({
      metric,
      results: tasks.filter((row) => row.name === name && row.metric === metric),
      differences: [],
    }));
    return [{ name, metrics }];
  });
}

const TEXT_METRICS = ["bleu", "rouge1", "rouge2", "rougeL", "distinct-1", "distinct-2"] as const;

function textsOf({ settings, tasks }: EvaluationResults): TextSet[] {
  return settings.sets.flatMap(({ name }) => {
    const rows = tasks.filter((row) => row.name === name);
    const metrics = TEXT_METRICS.map((metric) => ({
      metric,
      results: rows.filter((row) => row.metric === metric),
    }));
    if (metrics.some(({ results }) => results.length === 0)) return [];
    const bertScore = rows.filter(({ metric }) => metric === "bertscore-f1");
    const more = bertScore.length === 0 ? [] : [{ metric: "bertscore-f1" as const, results: bertScore }];
    return [{ name, metrics: [...metrics, ...more], changes: [null], bertChanges: [null] }];
  });
}

function answerRow(sample: SampleRow, results: EvaluationResults): AnswerRow {
  const wordOf = (kind: "refusal" | "harm"): Verdict | null =>
    sample.verdicts[judgeNamed(results, kind) ?? ""] ?? null;
  const expectation =
    results.settings.sets.find(({ name }) => name === sample.task)?.expectation ?? "neutral";
  const answer = answerOf({
    ...sample,
    isLoop: isLoop(sample) === true,
    verdict: wordOf("refusal"),
    harm: wordOf("harm"),
  });
  const id = sample.sample === 0 ? sample.promptId : `${sample.promptId}#${sample.sample}`;
  return { id, set: sample.task, group: groupOf(expectation), messages: sample.messages, answers: [answer] };
}

/** Name of the first judge of a kind. */
function judgeNamed(results: EvaluationResults, wanted: "refusal" | "harm"): string | null {
  return results.settings.judges.find(({ kind }) => kind === wanted)?.name ?? null;
}
