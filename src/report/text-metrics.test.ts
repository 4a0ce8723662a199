/** @file Overlap with reference answers as HTML, Markdown and the terminal show it. */
import { expect, test } from "vitest";
import { meanInterval } from "../stats/intervals.js";
import { fixtureReport } from "./fixture.test-data.js";
import { renderMarkdown } from "./markdown.js";
import { renderPage } from "./page.js";
import type { Report, TextSet } from "./report.js";
import { renderTerminal } from "./terminal.js";

const METRICS = ["bleu", "rouge1", "rouge2", "rougeL", "distinct-1", "distinct-2"] as const;

function withTexts(): Report {
  const results = [0.25, 0.5, 0.75].map((mean) => meanInterval([mean - 0.1, mean, mean + 0.1]));
  const texts: TextSet = {
    name: "alpaca_test",
    metrics: METRICS.map((metric) => ({ metric, results })),
    changes: [null, meanInterval([0.24, 0.25, 0.26]), meanInterval([0.49, 0.5, 0.51])],
    bertChanges: [null, meanInterval([0.009, 0.01, 0.011]), null],
  };
  return { ...fixtureReport(5), texts: [texts] };
}

test("is a table of models in HTML, Markdown and the terminal, with intervals and the paired change", () => {
  const report = withTexts();
  for (const text of [renderPage(report), renderMarkdown(report), renderTerminal(report, { width: 260 })]) {
    expect(text).toMatch(/ROUGE-L/);
    expect(text.replace(/\\/g, "")).toMatch(/0\.500 \[0\.252, 0\.748\]/);
    expect(text.replace(/\\/g, "")).toMatch(/\+0\.250 \[\+0\.225, \+0\.275\]/);
    expect(text.replace(/\\/g, "")).toMatch(/\+0\.010 \[\+0\.008, \+0\.012\]/);
  }
  expect(renderTerminal(report, { width: 60 })).toMatch(/ ROUGE-L/);
});

test("leaves the table out where no set has references", () => {
  const report = fixtureReport(5);
  expect(renderMarkdown(report)).not.toContain("## Answers against reference answers");
  expect(renderPage(report)).not.toContain('id="texts"');
});
