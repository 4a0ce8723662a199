/** @file The parts of the page around its charts and set tables: verdict, set-up, judges, choices, texts, definitions. */
import { modelKey } from "./cells.js";
import { choiceChangeHeadings, choiceChangeRows, choiceHeadings, choiceRows } from "./choices.js";
import { count, natsChange, shortHash, withInterval } from "./format.js";
import { html, type SafeHtml } from "./html.js";
import { correctionNotes, judgedHeadings, judgedRows } from "./judged.js";
import { definitions } from "./method.js";
import { REPEAT_HEADINGS, repeatRows } from "./repeats.js";
import type { Report, ReportModel } from "./report.js";
import { right, section, type TableRow, table, textTable } from "./table.js";
import { TEXT_HEADINGS, textRows } from "./text-metrics.js";
import { confidence, judgeSentence, verdictWord } from "./wording.js";

/** The decision in one sentence, what the judge can and cannot say, and warnings. */
export function verdictSection(report: Report): SafeHtml {
  const { decision, reasons } = report.verdict;
  return html`<section class="verdict ${decision ?? "none"}" aria-label="Verdict">
<p><strong>${verdictWord(decision)}</strong>${reasons.length > 0 && html` \u2014 ${reasons.join("; ")}.`}</p>
<p>${judgeSentence(report.judge)}</p>
${report.warnings.length > 0 && html`<ul class="notes">${report.warnings.map((warning) => html`<li>${warning}</li>`)}</ul>`}
</section>`;
}

/** Models, adapters, hashes, template, judge and settings. */
export function comparedSection(report: Report): SafeHtml {
  const { judge } = report;
  const facts = [
    { name: "Judge", value: `${judge.name} (${judge.kind}, ${shortHash(judge.hash)})` },
    ...report.settings,
  ];
  return section(
    "setup",
    report.kind === "comparison" ? "What was compared" : "What was evaluated",
    html`${table("", ["", "Model", "Adapter", ">Strength", "Template", "Hash"], report.models.map(modelRow))}
<dl class="facts">${facts.map(({ name, value }) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`,
  );
}

/** Log-probability of reference answers: whether helpfulness was paid for it. */
export function referencesSection(report: Report): SafeHtml | false {
  if (report.references.length === 0) return false;
  const rows = report.references.map((r, i) => [
    r.set === report.references[i - 1]?.set ? "" : r.set,
    r.model,
    right(count(r.perToken.n)),
    right(withInterval(r.perToken, 3)),
    right(natsChange(r.change)),
  ]);
  return section(
    "references",
    "Reference answers",
    table(
      "Log-probability of reference answers, nats a token",
      ["Set", "Model", ">n", ">Mean", ">Change"],
      rows,
    ),
  );
}

/** Shares where every prompt has several answers. */
export function repeatsSection(report: Report): SafeHtml | false {
  if (report.repeats.length === 0) return false;
  return section(
    "repeats",
    "Several answers a prompt",
    textTable(
      `Shares of answers, and of prompts with any or all such answers, with ${confidence(report.level)} intervals`,
      REPEAT_HEADINGS,
      repeatRows(report),
    ),
  );
}

/** Overlap of answers with reference answers. */
export function textsSection(report: Report): SafeHtml | false {
  if (report.texts.length === 0) return false;
  return section(
    "texts",
    "Answers against reference answers",
    textTable(
      `Words in common with reference answers, and variety, with ${confidence(report.level)} intervals`,
      TEXT_HEADINGS,
      textRows(report),
    ),
  );
}

/** What judges beside the one of the sets say. */
export function judgedSection(report: Report): SafeHtml | false {
  const rows = judgedRows(report);
  if (rows.length === 0) return false;
  return section(
    "judges",
    "By judge",
    html`${textTable(
      "What each judge counts, by set, and the share corrected for its error",
      judgedHeadings(report.level),
      rows,
    )}<ul class="notes">${correctionNotes(report).map((note) => html`<li>${note}</li>`)}</ul>`,
  );
}

/** Multiple choice by log-likelihood, and how it changed. */
export function choicesSection(report: Report): SafeHtml | false {
  if (report.choices.length === 0) return false;
  const changes = choiceChangeRows(report);
  return section(
    "choices",
    "Multiple choice",
    html`${textTable(
      `Metrics of lm-evaluation-harness, with ${confidence(report.level)} intervals`,
      choiceHeadings(report.level),
      choiceRows(report),
    )}${
      changes.length > 0 &&
      textTable(
        "Paired differences: accuracies in percentage points, Brier scores as they are (lower is better)",
        choiceChangeHeadings(report.level),
        changes,
      )
    }`,
  );
}

/** Definitions with sources. */
export function methodSection(report: Report): SafeHtml {
  return section(
    "method",
    "How to read the numbers",
    html`<dl class="method">${definitions(report.level).map(({ term, meaning }) => html`<dt>${term}</dt><dd>${meaning}</dd>`)}</dl>`,
  );
}

function modelRow(model: ReportModel, series: number): TableRow {
  return [
    modelKey(model, series),
    model.model,
    model.adapter ?? "none",
    right(model.strength === null ? "\u2013" : String(model.strength)),
    model.template ?? "\u2013",
    html`<span class="hash" title="${model.hash}">${shortHash(model.hash)}</span>`,
  ];
}
