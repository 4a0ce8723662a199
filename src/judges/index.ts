/** @module Judges of answers. A refusal matcher counts refusals, not harm: it may be shown, never decide. */
export { type HarmJudgeFolder, readHarmJudge } from "./harm-judge/folder.js";
export { harmJudge } from "./harm-judge/judge.js";
export { type LabelReading, toLabelledExchanges } from "./labelled-rows.js";
export { type LabelledSet, type Labeller, labelledSet } from "./labelled-sets.js";
export {
  type LabelAgreement,
  measureLabelAgreement,
  type Rater,
  ratersOf,
} from "./labelling/agreement.js";
export { type LabelRow, labelsOf, readLabelFile } from "./labelling/label-file.js";
export { Labelling, type LabellingOptions } from "./labelling/labelling.js";
export { type LabelWords, labelWords } from "./labelling/words.js";
export type { LabelKind, LabelRule } from "./labels.js";
export { GUARD_FORMATS, type GuardFormat, guardPrompt } from "./llama-guard/format.js";
export { llamaGuard } from "./llama-guard/judge.js";
export { matchRefusal, REFUSAL_MATCHER_HASH, type RefusalMatch, refusalMatcher } from "./refusal-matcher.js";
export { REFUSAL_PATTERNS, type RefusalPattern } from "./refusal-patterns.js";
export { type LabelledCompletion, type RefusalValidation, validateRefusals } from "./refusal-validation.js";
export { JUDGE_OPENERS, type JudgeContext, type JudgeOpener, openJudge } from "./registry.js";
export { type ScoreJudgeOptions, scoreJudge } from "./score-judge.js";
export {
  type JudgeAgreement,
  type JudgedExchange,
  judgeRows,
  type LabelledExchange,
  measureAgreement,
  mistakes,
} from "./validate.js";
export { type MeasuringOptions, measureJudge, type Validation } from "./validation.js";
export { type JudgeValidationFile, readValidationFile, withValidations } from "./validation-file.js";
