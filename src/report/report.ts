/**
 * @file What a report shows, whatever it was made from: one evaluation or a comparison of several. Everything that draws
 * (HTML, Markdown, terminal) reads this and nothing else, so the three always say the same.
 */
import type { CorrectedShare } from "../evaluate/results.js";
import type { RuleVerdict } from "../evaluate/rule.js";
import type { JudgeKind, JudgeValidation, Proportion } from "../text/judge.js";
import type { Message } from "../text/messages.js";

/** A report, ready to be drawn. */
export interface Report {
  readonly kind: "evaluation" | "comparison";
  readonly title: string;
  readonly verdict: ReportVerdict;
  /** What a policy's rules say about each model; empty where no policy was given. */
  readonly gate: readonly ModelGate[];
  readonly judge: ReportJudge;
  /** In the order of training; the first is what the others are compared with unless a difference says otherwise. */
  readonly models: readonly ReportModel[];
  /** Confidence of every interval but the judge's own, in (0, 1). */
  readonly level: number;
  /** Sampling, seed, date, version: name and value. */
  readonly settings: readonly Fact[];
  /** Pooled over harmful and harmless sets, for the summary chart; one per model, same order. */
  readonly pooled: readonly PooledShares[];
  readonly sets: readonly ReportSet[];
  /** Kinds of prompts inside the sets, for what got worse; empty for a single evaluation. */
  readonly categories: readonly ReportSet[];
  /** Several answers a prompt; empty where each has one. */
  readonly repeats: readonly RepeatedSet[];
  /** Mean log-probability of reference answers; empty where none was measured. */
  readonly references: readonly ReferenceLogProb[];
  /** What judges say whose error is known, or who stand beside the one of the sets. */
  readonly judged: readonly JudgedSet[];
  /** Tasks of multiple choice; they are not among the sets. */
  readonly choices: readonly ChoiceSet[];
  /** Answers against reference answers; empty where no set has any. */
  readonly texts: readonly TextSet[];
  /** Mean accuracy over the tasks of multiple choice, one per model; empty where there are none. */
  readonly helpfulness: readonly Proportion[];
  readonly answers: readonly AnswerRow[];
  /** Points of the safety dial; empty where only one strength was evaluated. */
  readonly curve: readonly CurvePoint[];
  /** What the reader should know before trusting the numbers; shown under the verdict. */
  readonly warnings: readonly string[];
}

/** The decision and why. */
export interface ReportVerdict {
  readonly decision: "serve" | "do-not-serve" | "inconclusive" | null;
  readonly reasons: readonly string[];
}

/** What a policy's rules say about one model. */
export interface ModelGate {
  readonly label: string;
  readonly decision: ReportVerdict["decision"];
  /** Name of the policy's file. */
  readonly policy: string;
  /** Level of the rules' intervals. */
  readonly level: number;
  readonly rules: readonly RuleVerdict[];
}

/** Who judged, and how well that judge agrees with people. */
export interface ReportJudge {
  readonly name: string;
  readonly kind: JudgeKind;
  readonly hash: string;
  readonly validation?: JudgeValidation;
}

/** Name and value of one setting. */
export interface Fact {
  readonly name: string;
  readonly value: string;
}

/** One evaluated model: base, or base with an adapter at a strength. */
export interface ReportModel {
  /** Short, unique in the report: "base", "sit", "dpo". */
  readonly label: string;
  readonly model: string;
  readonly adapter: string | null;
  readonly strength: number | null;
  readonly template: string | null;
  readonly hash: string;
}

/** What a set's prompts are: to be refused, to be answered, or neither. */
export type SetGroup = "harmful" | "harmless" | "other";

/** Shares refused over all harmful and all harmless sets. */
export interface PooledShares {
  readonly harmful: Proportion | null;
  readonly harmless: Proportion | null;
  /** Share of the answers to harmful sets that are judged harmful; null where no judge of harm took part. */
  readonly judgedHarmful: Proportion | null;
}

/** One prompt set, or several pooled. */
export interface ReportSet {
  readonly name: string;
  readonly isPool: boolean;
  readonly group: SetGroup;
  /** One per model, same order; null where a model was not evaluated on the set. */
  readonly results: readonly (SetResult | null)[];
  readonly differences: readonly SetDifference[];
}

/** A model on a set. Shares are in [0, 1]; null where it was not measured. */
export interface SetResult {
  /** Share refused or objected to, over the answers with a verdict; null where no refusal judge took part. */
  readonly refused: Proportion | null;
  /** How many of them refuse and how many object; null where the judge does not tell. */
  readonly refusals: number | null;
  readonly objections: number | null;
  /** Answers without a usable verdict. */
  readonly unscored: number;
  /** The share if every unscored answer fell the bad way, and the good way. */
  readonly worstCase: number | null;
  readonly bestCase: number | null;
  /** Share judged harmful, with the share if every unscored answer were harmful and if none were; null without such a judge. */
  readonly harmful: HarmResult | null;
  /** Share of answers that run into a repetition loop, and that were cut at the token limit. */
  readonly loops: Proportion | null;
  readonly truncated: Proportion | null;
  /** Mean length of an answer in tokens. */
  readonly responseTokens: Proportion | null;
}

/** What a judge says of a set, or of several pooled. */
export interface JudgedSet {
  readonly set: string;
  readonly judge: string;
  /** Shares refused or harmful, or a mean reward. */
  readonly metric: "refused" | "harmful" | "reward";
  readonly result: Proportion;
  /** Answers without a usable verdict, and the share if all of them fell the bad way, and the good way. */
  readonly unscored: number;
  readonly worstCase: number;
  readonly bestCase: number;
  /** The share corrected for the judge's error; null where that is not known. */
  readonly corrected: CorrectedShare | null;
}

/** Share judged harmful, and what unscored answers could make of it. */
export interface HarmResult extends Proportion {
  readonly unscored: number;
  readonly worstCase: number;
  readonly bestCase: number;
}

/** Paired difference on the same prompts, `to` minus `from` (labels of models). */
export interface SetDifference {
  readonly from: string;
  readonly to: string;
  /** Of the share refused. */
  readonly refused: Proportion;
  /** Newly refused (b) and no longer refused (c). */
  readonly newlyRefused: number;
  readonly noLongerRefused: number;
  /** Exact two-sided McNemar, and after Holm's correction over the sets; null for pools. */
  readonly pValue: number;
  readonly pValueHolm: number | null;
  /** Prompts without a verdict on either side, and the least and the most that they could make of the difference. */
  readonly unscored: number;
  readonly lowest: number;
  readonly highest: number;
  /** The same of the share judged harmful; null where no judge of harm took part. */
  readonly harmful: HarmChange | null;
  /** Of the share of loops. */
  readonly loops: Proportion | null;
}

/** How the share judged harmful changed, in the terms of {@link SetDifference}. */
export interface HarmChange {
  readonly change: Proportion;
  readonly newlyHarmful: number;
  readonly noLongerHarmful: number;
  readonly pValue: number;
  readonly pValueHolm: number | null;
  readonly unscored: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Mean log-probability of reference answers under a model, nats a token. */
export interface ReferenceLogProb {
  readonly model: string;
  readonly set: string;
  readonly perToken: Proportion;
  /** Paired change against the first model; null for it. */
  readonly change: Proportion | null;
}

/** A set's shares where every prompt has k answers. */
export interface RepeatedSet {
  readonly set: string;
  /** What is counted, and by whom: "refused, refusal-matcher". */
  readonly share: string;
  readonly ofAnswers: Proportion;
  /** Of prompts with at least one such answer, and with none but such. */
  readonly anyOfK: Proportion;
  readonly allOfK: Proportion;
}

/** A set's answers against its reference answers. */
export interface TextSet {
  readonly name: string;
  readonly metrics: readonly {
    readonly metric: "bleu" | "rouge1" | "rouge2" | "rougeL" | "distinct-1" | "distinct-2" | "bertscore-f1";
    /** One per model, same order. */
    readonly results: readonly Proportion[];
  }[];
  /** Paired change of ROUGE-L against the first model, one per model; null for it. */
  readonly changes: readonly (Proportion | null)[];
  /** The same of BERTScore; null also where it was not paired. */
  readonly bertChanges: readonly (Proportion | null)[];
}

/** A task of multiple choice, by metric. */
export interface ChoiceSet {
  readonly name: string;
  readonly metrics: readonly ChoiceSetMetric[];
}

/** A metric of lm-evaluation-harness: accuracies are shares, Brier scores means from 0 to 2. */
export interface ChoiceSetMetric {
  readonly metric: "acc" | "acc_norm" | "acc_bytes" | "brier_score";
  /** One per model, same order. */
  readonly results: readonly (Proportion & { readonly unscored: number })[];
  readonly differences: readonly ChoiceChange[];
}

/** Paired difference on the same questions, `to` minus `from` (labels of models). */
export interface ChoiceChange {
  readonly from: string;
  readonly to: string;
  readonly change: Proportion;
  /** Newly right and newly wrong, exact McNemar on them, and after Holm's correction; null for Brier scores. */
  readonly newlyRight: number | null;
  readonly newlyWrong: number | null;
  readonly pValue: number | null;
  readonly pValueHolm: number | null;
}

/** One prompt with what every model answered; null where a model has no answer. */
export interface AnswerRow {
  readonly id: string;
  readonly set: string;
  readonly group: SetGroup;
  readonly messages: readonly Message[];
  readonly answers: readonly (Answer | null)[];
}

/** One answer and its verdict. */
export interface Answer {
  readonly text: string;
  /** The verdict in plain words. */
  readonly words: string;
  readonly isRefusal: boolean | null;
  /** What the judge of harm says; null where none took part or it could not tell. */
  readonly isHarmful: boolean | null;
  readonly isCut: boolean;
  readonly isLoop: boolean;
}

/** One strength of the adapter. */
export interface CurvePoint {
  readonly label: string;
  readonly strength: number;
  /** Answers to harmful sets not judged harmful; without a judge of harm those that refuse. */
  readonly safe: Proportion;
  /** Refused on harmless sets. */
  readonly overRefused: Proportion;
}

/** A prompt whose verdict differs between two models. */
export interface Flip {
  readonly row: AnswerRow;
  readonly direction: "newly-refused" | "newly-answered";
}

/** The flips from one model to another, in the order of the rows. */
export function flipsBetween(report: Report, from: string, to: string): Flip[] {
  const before = report.models.findIndex((model) => model.label === from);
  const after = report.models.findIndex((model) => model.label === to);
  return report.answers.flatMap((row) => {
    const was = row.answers[before]?.isRefusal ?? null;
    const is = row.answers[after]?.isRefusal ?? null;
    if (was === null || is === null || was === is) return [];
    return [{ row, direction: is ? "newly-refused" : "newly-answered" } as const];
  });
}

/** Pairs of labels that the report compares, without repeats, in the order in which sets name them. */
export function comparedPairs(report: Report): { readonly from: string; readonly to: string }[] {
  const seen = new Map<string, { from: string; to: string }>();
  for (const { from, to } of report.sets.flatMap((set) => set.differences))
    seen.set(JSON.stringify([from, to]), { from, to });
  return [...seen.values()];
}

/** Whether the first two models that both have a verdict on a row disagree anywhere. */
export function isFlipped(row: AnswerRow): boolean {
  const decided = row.answers.flatMap((answer) => (answer?.isRefusal == null ? [] : [answer.isRefusal]));
  return decided.includes(true) && decided.includes(false);
}

/** Names a kind of flip on the page. Made of the models' positions, not their names, so that it holds no space. */
export function changeToken(report: Report, from: string, to: string, direction: Flip["direction"]): string {
  const indexOf = (label: string): number => report.models.findIndex((model) => model.label === label);
  return `${indexOf(from)}-${indexOf(to)}-${direction}`;
}
