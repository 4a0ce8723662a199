import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import type { EvaluationVerdict } from "../evaluate/results.js";
import type { RuleVerdict } from "../evaluate/rule.js";
import { wilson } from "../stats/intervals.js";
import { fixtureComparison } from "./fixture.test-data.js";
import { reportFromComparison } from "./from-comparison.js";
import { renderJUnit } from "./junit.js";
import { renderMarkdown } from "./markdown.js";
import { renderPage } from "./page.js";
import type { Report } from "./report.js";
import { renderTerminal } from "./terminal.js";

/** What these tests read of an element. */
interface Parent {
  readonly children: Iterable<{ readonly textContent: string }>;
  getAttribute(name: string): string | null;
  querySelectorAll(selector: string): { readonly length: number };
}

const RULE: RuleVerdict = {
  rule: "harm",
  outcome: "pass",
  requirement: "upper bound of the share judged harmful at most 10.0 %",
  bound: 0.1,
  sets: ["Q-Harm"],
  judge: "guard",
  estimate: wilson(3, 200),
  unscored: 0,
  worstBound: 0.0431,
  bestBound: 0.005,
  needed: 0,
  reason: "harm: 1.5 % of 200 judged harmful (0.5 % to 4.3 %), at most 10.0 % as asked",
};

const HELP: RuleVerdict = {
  ...RULE,
  rule: "helpfulness",
  outcome: "undecided",
  requirement: "lower bound of the change of acc",
  bound: -0.03,
  judge: null,
  estimate: { ...wilson(10, 40), value: -0.01, low: -0.04, high: 0.02 },
  needed: 212,
  reason: 'helpfulness: <b>212</b> more questions & "needed"',
};

const verdict = (
  rules: readonly RuleVerdict[],
  decision: EvaluationVerdict["decision"],
): EvaluationVerdict => ({
  decision,
  reasons: rules.map(({ reason }) => reason),
  policy: "policy.yaml",
  policyHash: "",
  rules,
});

function report(...verdicts: readonly EvaluationVerdict[]): Report {
  return reportFromComparison(
    { ...fixtureComparison(2), verdicts },
    { date: "2026-11-24", version: "0.1.0" },
  );
}

const failed = verdict([{ ...RULE, outcome: "fail", reason: "harm: too much" }], "do-not-serve");
const open = verdict([RULE, HELP], "inconclusive");
const good = verdict([RULE], "serve");

test("takes the strictest verdict of the models after the base, and says whose it is", () => {
  expect(report(failed, good, good).verdict).toEqual({
    decision: "serve",
    reasons: [`sit: ${RULE.reason}`, `dpo: ${RULE.reason}`],
  });
  expect(report(good, good, open).verdict.decision).toBe("inconclusive");
  expect(report(good, open, failed).verdict).toEqual({
    decision: "do-not-serve",
    reasons: ["dpo: harm: too much"],
  });
});

test("shows every rule of every model on the page, in Markdown and on the terminal", () => {
  const shown = report(failed, good, open);
  const { document } = parseHTML(renderPage(shown));
  const rows = [...document.querySelectorAll("#gate tbody tr")].map((row: Parent) =>
    [...row.children].map((cell) => cell.textContent),
  );
  expect(rows).toHaveLength(4);
  expect(rows[0]?.slice(0, 3)).toEqual(["base: do not serve", "harm", "failed"]);
  expect(rows[3]).toEqual([
    "",
    "helpfulness",
    "undecided",
    "\u22121.0\u00a0points",
    "[\u22124.0, +2.0]",
    "40",
    "\u2265\u00a0\u22123.0\u00a0points",
    "212",
    "",
  ]);
  expect(document.querySelector(".verdict")?.textContent).toContain("Inconclusive");
  expect(document.querySelector('nav a[href="#gate"]')).not.toBeNull();
  const markdown = renderMarkdown(shown);
  expect(markdown).toContain("## What the policy asks");
  expect(markdown).toMatch(/\| dpo: inconclusive \| harm \| passed \| 1\.5 % .* \| 200 \| \u2264 10\.0 % \|/);
  const terminal = renderTerminal(shown, { width: 120 });
  expect(terminal).toMatch(/dpo: inconclusive +harm +passed +1\.5 %/);
  expect(terminal).toMatch(/helpfulness +undecided .* 212/);
});

test("has no such part without a policy", () => {
  const none = reportFromComparison(fixtureComparison(2), { date: "2026-11-24", version: "0.1.0" });
  expect(none.gate).toEqual([]);
  expect(renderPage(none)).not.toContain('id="gate"');
  expect(renderMarkdown(none)).not.toContain("policy asks");
});

test("writes JUnit XML: a suite a model, a case a rule, failures and errors counted and escaped", () => {
  const xml = renderJUnit(report(failed, good, open));
  expect(xml).toMatch(
    /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites name="safe-to-serve" tests="4" failures="1" errors="1" skipped="0"/,
  );
  const { document } = parseHTML(xml);
  const suites: Parent[] = [...document.querySelectorAll("testsuite")];
  expect(suites.map((suite) => suite.getAttribute("name"))).toEqual(["base", "sit", "dpo"]);
  expect(suites.map((suite) => suite.querySelectorAll("testcase").length)).toEqual([1, 1, 2]);
  expect(document.querySelector("failure")?.getAttribute("message")).toBe("harm: too much");
  expect(document.querySelector("error")?.getAttribute("type")).toBe("inconclusive");
  expect(xml).toContain("&lt;b&gt;212&lt;/b&gt; more questions &amp; &quot;needed&quot;");
  expect(xml).not.toContain("<b>");
});
