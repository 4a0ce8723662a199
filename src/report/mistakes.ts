/**
 * @file The page of a judge's mistakes: how it did against the labels, and every wrong verdict with its answer, the surest
 * first. In the list texts are masked; the answer itself lies in a closed `<details>`.
 */
import { maskedExcerpt } from "../judges/excerpt.js";
import { callOf } from "../judges/labels.js";
import { type JudgedExchange, ratesByName } from "../judges/validate.js";
import type { Validation } from "../judges/validation.js";
import { renderDocument } from "./document.js";
import { count, percentWithInterval, verdictInWords, withInterval } from "./format.js";
import { html, type SafeHtml } from "./html.js";
import { SCRIPT } from "./script.js";
import { right, section, table } from "./table.js";

/** Mistakes whose texts go onto the page. */
const SHOWN = 1000;

/**
 * The whole page.
 * @param wrong the judge's mistakes, the surest first, as `mistakes()` of `judges/validate.ts` gives them
 */
export function renderMistakes(validation: Validation, wrong: readonly JudgedExchange[]): string {
  const { judge, data } = validation;
  const title = `Mistakes of ${judge.name} on ${data.name ?? data.path}`;
  return renderDocument({
    title,
    header: html`<p class="over">safe-to-serve \u00b7 judge validation</p>
<h1>${title}</h1>
${summary(validation)}`,
    main: html`${tableSection(validation)}${categoriesSection(validation)}${mistakesSection(validation, wrong)}`,
    script: SCRIPT,
  });
}

function summary(validation: Validation): SafeHtml {
  const { data, rows, apart, invalid, error, isStandIn, judge, mistakeCount, agreement } = validation;
  const looked = lookedFor(validation);
  return html`<section class="verdict none" aria-label="Summary">
<p><strong>${count(mistakeCount)} mistakes</strong> in ${count(agreement.n)} verdicts on answers that ${data.labeller ?? "whoever made the file"} labelled ${looked} or not.</p>
<ul class="notes"><li>${count(rows)} answers; ${count(apart)} without a label, or with one that is neither; ${count(invalid)} verdicts unparsable, ${count(error)} failed: in no rate.</li>
${isStandIn && html`<li>A judge of kind ${judge.kind} stands in here: it does not say ${looked}, its verdicts are read as if it did.</li>`}</ul>
</section>`;
}

function tableSection(validation: Validation): SafeHtml {
  const { agreement } = validation;
  const { truePositive, falseNegative, falsePositive, trueNegative } = agreement.confusion;
  const looked = lookedFor(validation);
  const cells = [
    [looked, truePositive, falseNegative, agreement.undecided.positive] as const,
    ["not", falsePositive, trueNegative, agreement.undecided.negative] as const,
  ];
  return section(
    "table",
    "Labels against verdicts",
    html`${table(
      "Answers by label and verdict",
      ["Labelled", `>Judged ${looked}`, ">Judged not", ">Undecided"],
      cells.map(([label, ...counts]) => [label, ...counts.map((cell) => right(count(cell)))]),
    )}${table(
      "Rates with 95 % intervals; answers to one prompt count as alike",
      ["Rate", ">Value"],
      ratesByName(agreement).map(([name, rate]) => [name, right(withInterval(rate, 3))]),
    )}`,
  );
}

function categoriesSection({ byCategory }: Validation): SafeHtml | false {
  if (byCategory.length === 0) return false;
  return section(
    "categories",
    "By category",
    table(
      "Rates with 95 % intervals, and mistakes",
      ["Category", ">n", ">Sensitivity", ">Specificity", ">Missed", ">False alarms"],
      byCategory.map(({ category, agreement: { n, sensitivity, specificity, confusion } }) => [
        category,
        ...[count(n), percentWithInterval(sensitivity), percentWithInterval(specificity)].map(right),
        right(mistakeCount(category, "missed", confusion.falseNegative)),
        right(mistakeCount(category, "false-alarm", confusion.falsePositive)),
      ]),
    ),
  );
}

/** The count, as a button that shows those mistakes where scripts run. */
function mistakeCount(category: string, kind: "missed" | "false-alarm", n: number): SafeHtml | string {
  if (n === 0) return count(n);
  return html`<button type="button" class="link" data-show="${kind}" data-set="${category}" aria-label="${n} ${KINDS[kind]} in ${category}: show">${count(n)}</button>`;
}

function mistakesSection(validation: Validation, wrong: readonly JudgedExchange[]): SafeHtml {
  if (wrong.length === 0) return section("mistakes", "Mistakes", html`<p>None.</p>`);
  const shown = wrong.slice(0, SHOWN);
  return section(
    "mistakes",
    "Mistakes, the surest first",
    html`<p class="note">Prompts and answers may be harmful or upsetting. Each stays masked until you open it.${
      shown.length < wrong.length &&
      ` The page holds the first ${count(shown.length)} of ${count(wrong.length)}.`
    }</p>
${tools(shown)}
<div class="answers">${shown.map((row) => mistakeRow(row, validation))}</div>
<p><button type="button" id="more" hidden class="script">Show more</button></p>`,
  );
}

function tools(rows: readonly JudgedExchange[]): SafeHtml {
  const categories = distinct(rows.flatMap(({ category }) => category ?? []));
  const verdicts = distinct(rows.map(({ verdict }) => verdictInWords(verdict)));
  return html`<form id="tools" class="tools script" data-rows="mistakes" hidden>
<label class="grow">Search ids and texts<input id="search" type="search" autocomplete="off"></label>
<label>Category<select id="set"><option value="">all categories</option>${categories.map((name) => html`<option value="${name}">${name}</option>`)}</select></label>
<label>Kind<select id="change"><option value="">any</option>${Object.entries(KINDS).map(([kind, words]) => html`<option value="${kind}">${words}</option>`)}</select></label>
<label>Verdict<select id="outcome"><option value="">any</option>${verdicts.map((words) => html`<option value="${token(words)}">${words}</option>`)}</select></label>
<button type="button" id="reveal" aria-pressed="false">Show all texts</button>
</form>
<p class="soft small script" hidden id="count" role="status"></p>`;
}

function mistakeRow(row: JudgedExchange, { labels, judge }: Validation): SafeHtml {
  const { id, category, label, messages, response, verdict } = row;
  const kind = label === true ? "missed" : "false-alarm";
  const score = callOf(verdict, labels)?.score ?? null;
  const words = verdictInWords(verdict);
  return html`<details data-set="${category ?? ""}" data-change="${kind}" data-outcome="${token(words)}">
<summary><span class="set">${category}</span><span class="id">${id}</span><span class="chips"><span class="chip">${KINDS[kind]} <b>${words}</b>${score !== null && ` ${score.toFixed(3)}`}</span><span class="soft small">${maskedExcerpt(response)}</span></span></summary>
<div class="body">${messages.map((message) => html`<p class="role">${message.role === "user" ? "Prompt" : message.role}</p><div class="text" dir="auto">${message.content}</div>`)}
<p class="role">Answer: ${judge.name} says ${words}${score !== null && `, score ${score.toFixed(3)}`}${verdict.detail !== undefined && ` (${verdict.detail})`}</p>
<div class="text" dir="auto">${response === "" ? html`<em class="soft">empty answer</em>` : response}</div></div></details>\n`;
}

const KINDS = { missed: "missed", "false-alarm": "false alarm" } as const;

function lookedFor({ labels }: Validation): string {
  return labels === "harm" ? "harmful" : "refused";
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

/** A filter's value: the script splits them at spaces. */
function token(words: string): string {
  return words.replaceAll(" ", "-");
}
