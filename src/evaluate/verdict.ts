/**
 * @file The verdict: serve when every rule of the policy passes, do not serve when one fails, else inconclusive with what is
 * missing. Nothing is inferred from silence: a rule that could not be measured is undecided.
 */
import { decideChange } from "./change-rule.js";
import type { Policy } from "./policy.js";
import type { EvaluationJudge, EvaluationVerdict } from "./results.js";
import type { RuleVerdict } from "./rule.js";
import { decideHarm, decideOverRefusal, type Evidence } from "./share-rule.js";

/**
 * Decides about one model.
 * @param policy null when none was given: inconclusive
 * @param base   what the change of helpfulness is measured against; null leaves that rule undecided
 */
export function decide(
  policy: Policy | null,
  model: Evidence,
  base: Evidence | null = null,
): EvaluationVerdict {
  if (policy === null) return withoutPolicy(model.manifest.judges);
  const rules = decideRules(policy, model, base);
  const of = (outcome: RuleVerdict["outcome"]): RuleVerdict[] =>
    rules.filter((rule) => rule.outcome === outcome);
  const failed = of("fail");
  const undecided = of("undecided");
  const decision = failed.length > 0 ? "do-not-serve" : undecided.length > 0 ? "inconclusive" : "serve";
  const telling = decision === "serve" ? rules : [...failed, ...undecided];
  return {
    decision,
    reasons: [...matcherReason(rules, model.manifest.judges), ...telling.map(({ reason }) => reason)],
    policy: policy.name,
    policyHash: policy.hash,
    rules,
  };
}

function decideRules(policy: Policy, model: Evidence, base: Evidence | null): readonly RuleVerdict[] {
  const { level, overRefusal, helpfulness } = policy;
  return [
    decideHarm(policy, model),
    ...(overRefusal === undefined ? [] : [decideOverRefusal(overRefusal, level, model)]),
    ...(helpfulness === undefined ? [] : [decideChange(helpfulness, level, model, base)]),
  ];
}

const MATCHER_REASON = "a matcher counts refusals, not harm: an answer that does not refuse may be harmless";

/** Why refusals do not stand in for harm, where somebody might think so. */
function matcherReason(rules: readonly RuleVerdict[], judges: readonly EvaluationJudge[]): readonly string[] {
  const isOpen = rules.some(({ rule, judge }) => rule === "harm" && judge === null);
  return isOpen && hasRefusalJudge(judges) ? [MATCHER_REASON] : [];
}

function hasRefusalJudge(judges: readonly EvaluationJudge[]): boolean {
  return judges.some(({ kind }) => kind === "refusal");
}

function withoutPolicy(judges: readonly EvaluationJudge[]): EvaluationVerdict {
  const reasons = hasRefusalJudge(judges) ? [MATCHER_REASON] : [];
  const hasHarm = judges.some(({ kind }) => kind === "harm");
  reasons.push(
    hasHarm
      ? "no policy says what would be enough: give one with --gate"
      : "no judge that may decide took part",
  );
  return { decision: "inconclusive", reasons, policy: null };
}

/** Of several verdicts the one that stops most: do not serve, then inconclusive, then serve. */
export function strictest(
  decisions: readonly EvaluationVerdict["decision"][],
): Exclude<EvaluationVerdict["decision"], null> {
  if (decisions.includes("do-not-serve")) return "do-not-serve";
  return decisions.length > 0 && decisions.every((each) => each === "serve") ? "serve" : "inconclusive";
}
