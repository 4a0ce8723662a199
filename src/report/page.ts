/**
 * @file The HTML page: one self-contained file that loads nothing. Its content security policy allows the one stylesheet
 * and the one script by their hashes (CSP Level 3, section 6.7), and nothing else.
 */
import { createHash } from "node:crypto";
import { answersSection } from "./answers.js";
import { gateSection } from "./gate.js";
import { html, SafeHtml } from "./html.js";
import type { Report } from "./report.js";
import { SCRIPT } from "./script.js";
import {
  choicesSection,
  comparedSection,
  curveSection,
  differencesSection,
  methodSection,
  referencesSection,
  resultsSection,
  setsSection,
  textsSection,
  tradeOffSection,
  verdictSection,
} from "./sections.js";
import { STYLE } from "./style.js";

/** The whole page of a report. */
export function renderPage(report: Report): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${report.title}</title>
<style>${TRUSTED_STYLE}</style>
</head>
<body>
<header>
<p class="over">safe-to-serve \u00b7 ${report.kind}</p>
<h1>${report.title}</h1>
${verdictSection(report)}
${navigation(report)}
</header>
<main>
${gateSection(report)}${comparedSection(report)}${tradeOffSection(report)}${curveSection(report)}${setsSection(report)}${differencesSection(report)}${resultsSection(report)}${choicesSection(report)}${referencesSection(report)}${textsSection(report)}${answersSection(report)}${methodSection(report)}
</main>
<footer><p>Made offline by safe-to-serve. This file loads nothing and sends nothing.</p></footer>
<script>${TRUSTED_SCRIPT}</script>
</body>
</html>
`.markup;
}

/** The policy of the page: nothing but its own stylesheet and script, each by hash. */
export function contentSecurityPolicy(): string {
  return `default-src 'none'; style-src '${sourceHash(STYLE)}'; script-src '${sourceHash(SCRIPT)}'; base-uri 'none'; form-action 'none'`;
}

/** The only two places where text becomes markup unescaped: constants of this package. */
const TRUSTED_STYLE = new SafeHtml(STYLE);
const TRUSTED_SCRIPT = new SafeHtml(SCRIPT);

function sourceHash(content: string): string {
  return `sha256-${createHash("sha256").update(content).digest("base64")}`;
}

function navigation(report: Report): SafeHtml {
  const hasSets = report.sets.length > 0;
  const links: [string, string][] = [
    ...(report.gate.length > 0 ? ([["gate", "Policy"]] as [string, string][]) : []),
    ["setup", "Set-up"],
    ...(hasSets ? ([["trade-off", "Summary"]] as [string, string][]) : []),
    ...(hasSets ? ([["sets", "By set"]] as [string, string][]) : []),
    ...(hasSets && report.kind === "comparison" ? ([["differences", "Changes"]] as [string, string][]) : []),
    ...(hasSets ? ([["results", "All results"]] as [string, string][]) : []),
    ...(report.choices.length > 0 ? ([["choices", "Multiple choice"]] as [string, string][]) : []),
    ...(report.texts.length > 0 ? ([["texts", "Against references"]] as [string, string][]) : []),
    ...(report.answers.length > 0 ? ([["answers", "Answers"]] as [string, string][]) : []),
    ["method", "Method"],
  ];
  return html`<nav aria-label="Sections">${links.map(([id, text]) => html`<a href="#${id}">${text}</a>`)}</nav>`;
}
