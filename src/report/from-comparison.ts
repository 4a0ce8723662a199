/** @file A comparison of evaluations as a report. */
import { isHarmful, isRefused } from "../evaluate/aggregate.js";
import type {
  ComparedAnswer,
  ComparedModel,
  ComparedResponse,
  Comparison,
  ReferenceComparison,
  TaskComparison,
  TaskResult,
  TextComparison,
} from "../evaluate/comparison.js";
import type {
  EvaluationJudge,
  EvaluationSampling,
  EvaluationTarget,
  EvaluationTask,
  EvaluationVerdict,
  Expectation,
} from "../evaluate/results.js";
import type { RuleVerdict } from "../evaluate/rule.js";
import { strictest } from "../evaluate/verdict.js";
import { meanDifference } from "../stats/paired.js";
import type { Proportion } from "../text/judge.js";
import { count, shortHash, verdictInWords } from "./format.js";
import type {
  Answer,
  AnswerRow,
  CurvePoint,
  Fact,
  ModelGate,
  PooledShares,
  ReferenceLogProb,
  Report,
  ReportJudge,
  ReportModel,
  ReportSet,
  ReportVerdict,
  SetGroup,
  TextSet,
} from "./report.js";

/** What a comparison does not hold: when and by which version the report is made. */
export interface ReportOrigin {
  /** ISO date. */
  readonly date: string;
  readonly version: string;
}

/**
 * The report of a comparison. With a policy its verdict is the strictest of the models' after the first; without one it is
 * "inconclusive" unless a judge of harm took part: refusals cannot decide.
 */
export function reportFromComparison(comparison: Comparison, origin: ReportOrigin): Report {
  const { models, settings } = comparison;
  const pooled = models.map((_, i) => pooledOf(comparison, i));
  const hasRefusals = comparison.judges.some(({ kind }) => kind === "refusal");
  return {
    kind: "comparison",
    title: titleOf(models),
    verdict: comparisonVerdict(comparison),
    gate: gateOf(labelledVerdicts(comparison), settings.level),
    judge: judgeOf(comparison.judges),
    models: models.map(modelOf),
    level: settings.level,
    settings: [...furtherJudges(comparison.judges), ...settingsOf(settings, origin)],
    pooled,
    sets: comparison.tasks.map((task) => setOf(task, hasRefusals)),
    categories: comparison.categories.map((category) => setOf(category, hasRefusals)),
    references: comparison.references.flatMap((reference) => referencesOf(reference, models)),
    judged: [],
    choices: comparison.choices.map(({ task, metrics }) => ({ name: task, metrics })),
    repeats: [],
    texts: comparison.texts.map((text) => textSetOf(text, models)),
    helpfulness: helpfulnessOf(comparison),
    answers: comparison.answers.map(rowOf),
    curve: curveOf(comparison, pooled),
    warnings: comparison.notes,
  };
}

function textSetOf(
  { task, metrics, differences }: TextComparison,
  models: readonly ComparedModel[],
): TextSet {
  const changesOf = (wanted: TextComparison["differences"][number]["metric"]): TextSet["changes"] =>
    models.map(
      ({ label }) =>
        differences.find(
          ({ from, to, metric }) => from === models[0]?.label && to === label && metric === wanted,
        )?.change ?? null,
    );
  return {
    name: task,
    metrics,
    changes: changesOf("rougeL"),
    bertChanges: changesOf("bertscore-f1"),
  };
}

const GROUPS: Readonly<Record<Expectation, SetGroup>> = {
  "should-refuse": "harmful",
  "should-answer": "harmless",
  neutral: "other",
};

/** What a set's expectation is called in a report. */
export function groupOf(expectation: Expectation): SetGroup {
  return GROUPS[expectation];
}

/** The judge whose shares are shown: the first of kind refusal, else the first. */
export function judgeOf(judges: readonly EvaluationJudge[]): ReportJudge {
  const judge = judges.find(({ kind }) => kind === "refusal") ?? judges[0];
  if (!judge) return { name: "none", kind: "metric", hash: "" };
  const { name, kind, hash, validation } = judge;
  return validation ? { name, kind, hash, validation } : { name, kind, hash };
}

/** The judges beside the one whose shares are shown first. */
export function furtherJudges(judges: readonly EvaluationJudge[]): Fact[] {
  const { hash: first } = judgeOf(judges);
  return judges
    .filter(({ hash }) => hash !== first)
    .map(({ name, kind, hash }) => ({
      name: "Further judge",
      value: `${name} (${kind}, ${shortHash(hash)})`,
    }));
}

/** Sampling, seed, prompts, date and version in words. */
export function settingsOf(
  { sampling, seed, sets }: Pick<Comparison["settings"], "sampling" | "seed" | "sets">,
  origin: ReportOrigin,
): Fact[] {
  return [
    { name: "Sampling", value: samplingInWords(sampling) },
    { name: "Seed", value: String(seed) },
    { name: "Prompts", value: promptsInWords(sets) },
    ...workedExamples(sets),
    { name: "Date", value: origin.date },
    { name: "Version", value: `safe-to-serve ${origin.version}` },
  ];
}

/** How many worked examples stand before a question, where there is multiple choice. */
function workedExamples(sets: readonly EvaluationTask[]): Fact[] {
  const counts = new Set(sets.flatMap(({ multipleChoice }) => multipleChoice?.fewShot ?? []));
  if (counts.size === 0) return [];
  return [{ name: "Worked examples a question", value: [...counts].join(" or ") }];
}

/** Of sets with the same expectation the pool with most answers, or the only set. */
export function widestPool<Set extends { readonly isPool: boolean }>(
  sets: readonly Set[],
  sizeOf: (set: Set) => number,
): Set | undefined {
  const pools = sets.filter(({ isPool }) => isPool).sort((a, b) => sizeOf(b) - sizeOf(a));
  return pools[0] ?? (sets.length === 1 ? sets[0] : undefined);
}

/** One answer as a report shows it. */
export function answerOf(response: ComparedResponse): Answer {
  const { verdict } = response;
  return {
    text: response.response,
    words: response.finishReason === "error" ? "failed" : wordsOf(response),
    isRefusal: isRefused(verdict ?? undefined),
    isHarmful: isHarmful(response.harm ?? undefined),
    isCut: response.finishReason === "length",
    isLoop: response.isLoop,
  };
}

/** What the judges say, the one of refusals first: "answered, unsafe". */
function wordsOf({ verdict, harm }: ComparedResponse): string {
  if (harm === null) return verdictInWords(verdict);
  return verdict === null ? verdictInWords(harm) : `${verdictInWords(verdict)}, ${verdictInWords(harm)}`;
}

/** Mean accuracy of each model over the tasks of multiple choice, every task with the same weight. */
function helpfulnessOf({ choices, models, settings }: Comparison): Proportion[] {
  if (choices.length === 0) return [];
  const accuracies = choices.map(({ metrics }) => metrics.find(({ metric }) => metric === "acc"));
  return models.map((_, model) =>
    meanDifference(
      accuracies.flatMap((each) => each?.results[model] ?? []),
      settings.level,
    ),
  );
}

function titleOf(models: readonly ComparedModel[]): string {
  const bases = new Set(models.map(({ target }) => target.model));
  const labels = models.map(({ label }) => label).join(", ");
  return bases.size === 1 ? `${[...bases][0]}: ${labels}` : labels;
}

/** What a policy's rules say about each model; nothing of models that no policy was asked about. */
export function gateOf(
  models: readonly { readonly label: string; readonly verdict: EvaluationVerdict }[],
  level: number,
): readonly ModelGate[] {
  return models.flatMap(({ label, verdict: { decision, policy, rules } }) =>
    rules === undefined
      ? []
      : [{ label, decision, policy: policy ?? "", level: levelOf(rules) ?? level, rules }],
  );
}

function levelOf(rules: readonly RuleVerdict[]): number | undefined {
  return rules.find(({ estimate }) => estimate !== null)?.estimate?.level;
}

function labelledVerdicts({
  models,
  verdicts = [],
}: Comparison): { label: string; verdict: EvaluationVerdict }[] {
  return verdicts.map((verdict, i) => ({ label: models[i]?.label ?? "", verdict }));
}

/** The base is what the others are measured against; whether it may be served is not the question. */
function candidatesVerdict(comparison: Comparison): ReportVerdict {
  const candidates = labelledVerdicts(comparison).slice(1);
  const decision = strictest(candidates.map(({ verdict }) => verdict.decision));
  const telling = candidates.filter(({ verdict }) => verdict.decision === decision);
  const reasons = telling.flatMap(({ label, verdict }) =>
    verdict.reasons.map((reason) => (candidates.length === 1 ? reason : `${label}: ${reason}`)),
  );
  return { decision, reasons: [...new Set(reasons)] };
}

function comparisonVerdict(comparison: Comparison): ReportVerdict {
  const { judges, verdicts } = comparison;
  if (verdicts !== undefined) return candidatesVerdict(comparison);
  if (judges.some(({ kind }) => kind === "harm"))
    return { decision: null, reasons: ["a comparison shows differences and decides nothing"] };
  return {
    decision: "inconclusive",
    reasons: ["no judge of harm took part, and a count of refusals may be shown but never decides"],
  };
}

/** What was evaluated; weights that are not float32 stand beside the model's name. */
export function modelOf({
  label,
  target,
  hash,
}: Pick<ComparedModel, "label" | "target" | "hash">): ReportModel {
  const { model, adapter, strength, template, weights = "f32" } = target;
  const name = weights === "f32" ? model : `${model} (${weights})`;
  return { label, model: name, adapter, strength, template, hash };
}

/** @param hasRefusals whether a judge of refusals took part */
function setOf(task: TaskComparison, hasRefusals: boolean): ReportSet {
  const { name, isPool, differences } = task;
  const results = task.results.map((result) => ({ ...result, refused: hasRefusals ? result.refused : null }));
  return { name, isPool, group: groupOf(task.expectation), results, differences };
}

function referencesOf(reference: ReferenceComparison, models: readonly ComparedModel[]): ReferenceLogProb[] {
  const first = models[0]?.label;
  return reference.results.map((perToken, i) => {
    const model = models[i]?.label ?? "";
    const change = reference.differences.find(({ from, to }) => from === first && to === model);
    return { model, set: reference.task, perToken, change: change?.perToken ?? null };
  });
}

function rowOf({ promptId, task, expectation, messages, answers }: ComparedAnswer): AnswerRow {
  return { id: promptId, set: task, group: groupOf(expectation), messages, answers: answers.map(answerOf) };
}

function pooledOf(comparison: Comparison, model: number): PooledShares {
  const hasRefusals = comparison.judges.some(({ kind }) => kind === "refusal");
  const poolOf = (expectation: Expectation): TaskResult | undefined =>
    widestPool(
      comparison.tasks.filter((task) => task.expectation === expectation),
      ({ prompts }) => prompts,
    )?.results[model];
  const harmfulSets = poolOf("should-refuse");
  return {
    harmful: hasRefusals ? (harmfulSets?.refused ?? null) : null,
    harmless: hasRefusals ? (poolOf("should-answer")?.refused ?? null) : null,
    judgedHarmful: harmfulSets?.harmful ?? null,
  };
}

/** What was really asked: "200 of 1,052 in 5 sets", or "400 in 2 whole sets". */
function promptsInWords(sets: readonly EvaluationTask[]): string {
  const asked = sets.reduce((sum, set) => sum + set.prompts, 0);
  const all = sets.reduce((sum, set) => sum + set.of, 0);
  const places = sets.length === 1 ? "set" : "sets";
  return asked === all
    ? `${count(asked)} in ${sets.length} whole ${places}`
    : `${count(asked)} of ${count(all)} in ${sets.length} ${places}`;
}

/** Models that are one adapter at several strengths, with their base as strength 0, in order of strength. */
function curveOf(comparison: Comparison, pooled: readonly PooledShares[]): CurvePoint[] {
  const { models } = comparison;
  const dialled = models.find(({ target }) =>
    models.some((other) => isSameDial(target, other.target)),
  )?.target;
  if (!dialled) return [];
  const points = models.flatMap(({ label, target }, i): CurvePoint[] => {
    const safe = pooled[i] ? safeShare(pooled[i]) : null;
    const overRefused = pooled[i]?.harmless ?? null;
    const isOnDial = target.model === dialled.model && [dialled.adapter, null].includes(target.adapter);
    if (!isOnDial || !safe || !overRefused) return [];
    return [{ label, strength: target.adapter === null ? 0 : (target.strength ?? 1), safe, overRefused }];
  });
  return points.sort((a, b) => a.strength - b.strength);
}

/** Answers to harmful sets not judged harmful; without a judge of harm those that refuse. */
export function safeShare({ judgedHarmful, harmful }: PooledShares): Proportion | null {
  if (judgedHarmful === null) return harmful;
  const { value, low, high, n } = judgedHarmful;
  return { value: 1 - value, low: 1 - high, high: 1 - low, n };
}

function isSameDial(one: EvaluationTarget, other: EvaluationTarget): boolean {
  return (
    one.adapter !== null && one.adapter === other.adapter && (one.strength ?? 1) !== (other.strength ?? 1)
  );
}

function samplingInWords(sampling: EvaluationSampling): string {
  const { temperature, topK, topP, frequencyPenalty, maxNewTokens, minNewTokens } = sampling;
  const parts = [
    temperature === 0 ? "greedy" : `temperature ${temperature}`,
    topK > 0 && `top-k ${topK}`,
    topP < 1 && `top-p ${topP}`,
    `at most ${maxNewTokens} new tokens`,
    minNewTokens > 0 && `at least ${minNewTokens}`,
    frequencyPenalty === 0 ? "no frequency penalty" : `frequency penalty ${frequencyPenalty}`,
    sampling.stop.length > 0 && `${sampling.stop.length} stop texts`,
  ];
  return parts.filter((part) => part !== false).join(", ");
}
