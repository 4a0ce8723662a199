/**
 * @file A raw text and a text that may follow it as token ids, as lm-evaluation-harness encodes them (`_encode_pair` of
 * `lm_eval/api/model.py`): white space at the end of the context moves to the continuation, both are encoded together,
 * and what exceeds the context's own ids is the continuation. No template; a BOS only where the tokenizer adds one.
 */
import { ContextLengthError } from "../core/errors.js";
import type { Tokenizer } from "./tokenizer.js";

/** Ids of a context and of one continuation, each at least one where the texts have any token. */
export interface EncodedContinuation {
  readonly contextIds: readonly number[];
  readonly continuationIds: readonly number[];
}

/** White space as Python's `str.strip` sees it; JavaScript's differs by U+001C to U+001F, U+0085 and U+FEFF. */
const PYTHON_SPACE =
  "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const TRAILING_SPACE = new RegExp(`${PYTHON_SPACE}+$`, "u");
const OUTER_SPACE = new RegExp(`^${PYTHON_SPACE}+|${PYTHON_SPACE}+$`, "gu");

/** A text without white space at its ends, as Python's `str.strip` gives it. */
export function stripAsPython(text: string): string {
  return text.replace(OUTER_SPACE, "");
}

/**
 * Encodes a pair. Too long for the model, it is cut on the left, as lm-eval does.
 * @param maxLength positions of the model; the last token is only ever predicted, so one more fits
 * @throws ContextLengthError when the continuation alone does not fit
 */
export function encodeContinuation(
  tokenizer: Tokenizer,
  context: string,
  continuation: string,
  maxLength: number,
): EncodedContinuation {
  const kept = context.replace(TRAILING_SPACE, "");
  const contextIds = encodeStart(tokenizer, kept);
  const whole = encodeStart(tokenizer, context + continuation);
  const continuationIds = whole.slice(contextIds.length);
  if (continuationIds.length > maxLength)
    throw new ContextLengthError(
      `multiple choice: expected a choice of at most ${maxLength} tokens, got ${continuationIds.length}`,
      { hint: "the model has no more positions" },
    );
  const room = maxLength + 1 - continuationIds.length;
  return { contextIds: contextIds.slice(-room), continuationIds };
}

/** Ids with what the tokenizer puts before a text, unless the text begins with that itself. */
function encodeStart(tokenizer: Tokenizer, text: string): number[] {
  const { prefixIds } = tokenizer;
  const ids = tokenizer.encode(text);
  const hasPrefix = prefixIds.length === 0 || text.startsWith(tokenizer.decode(prefixIds));
  return hasPrefix ? ids : [...prefixIds, ...ids];
}
