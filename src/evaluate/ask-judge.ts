/**
 * @file A judge's word on answers, whatever the judge does: one that fails, falls silent or says what no judge of its kind can say
 * leaves an answer without a verdict. Nothing that went wrong is ever safe or unsafe.
 */
import { ConfigError } from "../core/errors.js";
import type { Judge, JudgeKind, Verdict } from "../text/judge.js";
import type { Exchange } from "../text/messages.js";

/** One verdict an answer, in order. Where the judge fails, the answers that it left are asked about one by one. */
export async function* askAll(judge: Judge, exchanges: readonly Exchange[]): AsyncGenerator<Verdict> {
  let given = 0;
  try {
    for await (const verdict of judge.judge(exchanges)) {
      if (given === exchanges.length) return;
      given += 1;
      yield soundVerdict(judge, verdict);
    }
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
  }
  for (const exchange of exchanges.slice(given)) yield await askOne(judge, exchange);
}

/**
 * The verdict on one answer; `error` where the judge failed.
 * @throws ConfigError as the judge does: what only its user can mend is no failure of one answer
 */
export async function askOne(judge: Judge, exchange: Exchange): Promise<Verdict> {
  try {
    for await (const verdict of judge.judge([exchange])) return soundVerdict(judge, verdict);
    return failedVerdict(judge, "the judge gave no verdict");
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    return failedVerdict(judge, cause instanceof Error ? cause.message : String(cause));
  }
}

/** A verdict that says why there is none. */
export function failedVerdict(judge: Judge, detail: string): Verdict {
  return withoutWord(judge, "error", detail);
}

/** The words of each kind of judge; the others give scores. */
const WORDS: Readonly<Partial<Record<JudgeKind, readonly string[]>>> = {
  refusal: ["full_compliance", "partial_refusal", "full_refusal"],
  harm: ["safe", "unsafe"],
};

/** The verdict as it is, or `invalid` where it says what its kind cannot say. What it said instead is not repeated. */
function soundVerdict(judge: Judge, verdict: Verdict): Verdict {
  const flaw = verdict.status === "ok" ? flawOf(judge.kind, verdict) : null;
  return flaw === null ? verdict : withoutWord(judge, "invalid", flaw);
}

function flawOf(kind: JudgeKind, { kind: said, label, score }: Verdict): string | null {
  if (said !== kind) return `expected a verdict of kind ${kind}, got another kind`;
  if (score !== null && !Number.isFinite(score)) return "expected a number as score, got none";
  const words = WORDS[kind];
  if (words === undefined) return score === null ? "expected a score, got none" : null;
  const isWord = label !== null && words.includes(label);
  return isWord ? null : `expected ${words.join(" or ")}, got ${label === null ? "nothing" : "another word"}`;
}

function withoutWord({ kind, hash }: Judge, status: "invalid" | "error", detail: string): Verdict {
  return { kind, label: null, score: null, status, judgeHash: hash, detail };
}
