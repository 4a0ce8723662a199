/** @file The HTML page of a report: its parts in their order. */
import { answersSection } from "./answers.js";
import { curveSection, helpfulnessSection, setsSection, tradeOffSection } from "./chart-sections.js";
import { renderDocument } from "./document.js";
import { gateSection } from "./gate.js";
import { html, type SafeHtml } from "./html.js";
import { pairedSection } from "./paired-table.js";
import type { Report } from "./report.js";
import { SCRIPT } from "./script.js";
import {
  choicesSection,
  comparedSection,
  judgedSection,
  methodSection,
  referencesSection,
  repeatsSection,
  textsSection,
  verdictSection,
} from "./sections.js";
import { differencesSection, resultsSection } from "./set-tables.js";
import { worseSection } from "./worse.js";

/** The whole page of a report. */
export function renderPage(report: Report): string {
  return renderDocument({
    title: report.title,
    header: html`<p class="over">safe-to-serve \u00b7 ${report.kind}</p>
<h1>${report.title}</h1>
${verdictSection(report)}
${navigation(report)}`,
    main: html`${gateSection(report)}${comparedSection(report)}${tradeOffSection(report)}${helpfulnessSection(report)}${curveSection(report)}${pairedSection(report)}${worseSection(report)}${setsSection(report)}${differencesSection(report)}${resultsSection(report)}${judgedSection(report)}${repeatsSection(report)}${choicesSection(report)}${referencesSection(report)}${textsSection(report)}${answersSection(report)}${methodSection(report)}`,
    script: SCRIPT,
  });
}

function navigation(report: Report): SafeHtml {
  const hasSets = report.sets.length > 0;
  const isComparison = report.kind === "comparison";
  const links: [string, string][] = [
    ...(report.gate.length > 0 ? ([["gate", "Policy"]] as [string, string][]) : []),
    ["setup", "Set-up"],
    ...(hasSets ? ([["trade-off", "Summary"]] as [string, string][]) : []),
    ...(report.curve.length > 1 ? ([["dial", "Safety dial"]] as [string, string][]) : []),
    ...(hasSets && isComparison
      ? ([
          ["paired", "Side by side"],
          ["worse", "What got worse"],
        ] as [string, string][])
      : []),
    ...(hasSets ? ([["sets", "By set"]] as [string, string][]) : []),
    ...(hasSets && isComparison ? ([["differences", "Changes"]] as [string, string][]) : []),
    ...(hasSets ? ([["results", "All results"]] as [string, string][]) : []),
    ...(report.judged.length > 0 ? ([["judges", "By judge"]] as [string, string][]) : []),
    ...(report.choices.length > 0 ? ([["choices", "Multiple choice"]] as [string, string][]) : []),
    ...(report.repeats.length > 0 ? ([["repeats", "Several answers"]] as [string, string][]) : []),
    ...(report.texts.length > 0 ? ([["texts", "Against references"]] as [string, string][]) : []),
    ...(report.answers.length > 0 ? ([["answers", "Answers"]] as [string, string][]) : []),
    ["method", "Method"],
  ];
  return html`<nav aria-label="Sections">${links.map(([id, text]) => html`<a href="#${id}">${text}</a>`)}</nav>`;
}
