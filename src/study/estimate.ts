/**
 * @file How long a stage will take, before it begins: rough, from the model's size and two rates of the embedded model on
 * two cores. Once it runs, its progress line knows better.
 */
import type { LoadedModel } from "../models/loaded-model.js";
import type { TrainingSettings } from "../train/options.js";

/** Tokens a second of a model of {@link MEASURED_PARAMETERS} on two cores. */
const RATES = { decoding: 200, sit: 150, dpo: 110 } as const;
const MEASURED_PARAMETERS = 134_515_008;
/** English text in the tokenizers of today. */
const CHARACTERS_PER_TOKEN = 4;
/** Tokens that a chat template puts around a row's turns; a system turn that rows share is read once. */
const TEMPLATE_TOKENS = 10;
/** The part of the limit that an answer takes on average. */
const ANSWER_SHARE = 0.7;

/** Kinds of work with a rate of their own. */
export type WorkKind = keyof typeof RATES;

/** "about 4 min on two cores" for so many tokens of each kind. */
export function timeInWords(model: LoadedModel, tokens: Partial<Readonly<Record<WorkKind, number>>>): string {
  const kinds = Object.keys(RATES) as WorkKind[];
  const embedded = kinds.reduce((sum, kind) => sum + (tokens[kind] ?? 0) / RATES[kind], 0);
  const seconds = embedded * (parameterCount(model) / MEASURED_PARAMETERS);
  if (seconds < 90) return `about ${Math.max(10, Math.round(seconds / 10) * 10)} s on two cores`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min on two cores`;
  return `about ${(seconds / 3600).toFixed(1)} h on two cores`;
}

/** Tokens of so many answers under a limit. */
export function answerTokens(answers: number, maxNewTokens: number): number {
  return answers * maxNewTokens * ANSWER_SHARE;
}

/** What limits the tokens of a training row. */
export type LengthLimits = Readonly<Partial<Pick<TrainingSettings, "maxLength" | "maxCompletionLength">>>;

/** Tokens of a training row: its prompt, read once, and its answers, the template's included. */
export function rowTokens(prompt: string, answers: readonly string[], limits: LengthLimits): number {
  const head = TEMPLATE_TOKENS + prompt.length / CHARACTERS_PER_TOKEN;
  const room = Math.max(0, (limits.maxLength ?? Infinity) - head);
  const most = Math.min(room, limits.maxCompletionLength || Infinity);
  return answers.reduce((sum, answer) => sum + Math.min(most, answer.length / CHARACTERS_PER_TOKEN), head);
}

function parameterCount(model: LoadedModel): number {
  const sizes = Array.from(model.tensors.values(), ({ shape }) => shape.reduce((a, b) => a * b, 1));
  return sizes.reduce((a, b) => a + b, 0);
}
