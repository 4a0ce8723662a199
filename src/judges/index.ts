/** @module Judges of answers. A refusal matcher counts refusals, not harm: it may be shown, never decide. */
export { matchRefusal, REFUSAL_MATCHER_HASH, type RefusalMatch, refusalMatcher } from "./refusal-matcher.js";
export { REFUSAL_PATTERNS, type RefusalPattern } from "./refusal-patterns.js";
export { type LabelledCompletion, type RefusalValidation, validateRefusals } from "./refusal-validation.js";
