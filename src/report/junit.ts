/**
 * @file The verdict as JUnit XML, which CI systems show: one test suite a model, one test case a rule. A rule that failed is
 * a failure; one that is undecided is an error, since what could not be shown must not look green.
 * Format: the Jenkins and GitLab reading of Ant's (windyroad.github.io/JUnit-Schema).
 */
import type { RuleVerdict } from "../evaluate/rule.js";
import { escapeText } from "./html.js";
import type { ModelGate, Report } from "./report.js";

/** The XML of a report's gate; a report without a policy has no test cases. */
export function renderJUnit({ gate }: Report): string {
  const rules = gate.flatMap((model) => model.rules);
  const suites = gate.map(suite).join("");
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="safe-to-serve" ${counts(rules)}>\n${suites}</testsuites>\n`;
}

function suite(model: ModelGate): string {
  const cases = model.rules.map((rule) => testCase(model, rule)).join("");
  return `<testsuite name="${escapeText(model.label)}" ${counts(model.rules)}>\n${cases}</testsuite>\n`;
}

function testCase({ label, policy }: ModelGate, rule: RuleVerdict): string {
  const name = escapeText(`${rule.rule}: ${rule.requirement}`);
  const open = `<testcase classname="${escapeText(`${policy}.${label}`)}" name="${name}" time="0"`;
  if (rule.outcome === "pass")
    return `${open}><system-out>${escapeText(rule.reason)}</system-out></testcase>\n`;
  const tag = rule.outcome === "fail" ? "failure" : "error";
  const type = rule.outcome === "fail" ? "bound" : "inconclusive";
  const reason = escapeText(rule.reason);
  return `${open}><${tag} type="${type}" message="${reason}">${reason}</${tag}></testcase>\n`;
}

function counts(rules: readonly RuleVerdict[]): string {
  const of = (outcome: RuleVerdict["outcome"]): number =>
    rules.filter((rule) => rule.outcome === outcome).length;
  return `tests="${rules.length}" failures="${of("fail")}" errors="${of("undecided")}" skipped="0" time="0"`;
}
