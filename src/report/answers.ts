/**
 * @file The lower part of the page: counts of flipped prompts, and every prompt with all its answers. Texts lie in closed
 * `<details>`; prompts are shown in a summary only on sets known to be harmless.
 */
import { seriesMark } from "./charts.js";
import { html, type SafeHtml } from "./html.js";
import {
  type Answer,
  type AnswerRow,
  changeToken,
  comparedPairs,
  flipsBetween,
  isFlipped,
  type Report,
  type ReportModel,
} from "./report.js";
import { section } from "./table.js";

/** Flips table, filters and the list of answers. */
export function answersSection(report: Report): SafeHtml | false {
  if (report.answers.length === 0) return false;
  const changes = changeTokens(report);
  const flipped = report.answers.filter(isFlipped);
  const same = report.answers.filter((row) => !isFlipped(row));
  return section(
    "answers",
    report.kind === "comparison" ? "Flipped prompts and all answers" : "All answers",
    html`<p class="note">Prompts and answers may be harmful or upsetting. Each stays hidden until you open it.</p>
${tools(report, flipped.length > 0)}
<div class="answers">${[...flipped, ...same].map((row) => answerRow(row, report, changes.get(row) ?? []))}</div>
<p><button type="button" id="more" hidden class="script">Show more</button></p>`,
  );
}

function tools(report: Report, hasFlips: boolean): SafeHtml {
  const sets = [...new Set(report.answers.map((row) => row.set))];
  const pairs = comparedPairs(report);
  const isJudgedForHarm = report.answers.some(({ answers }) =>
    answers.some((each) => each?.isHarmful != null),
  );
  return html`<form id="tools" class="tools script" data-rows="prompts" hidden>
<label class="grow">Search ids and texts<input id="search" type="search" autocomplete="off"></label>
<label>Set<select id="set"><option value="">all sets</option>${sets.map((set) => html`<option value="${set}">${set}</option>`)}</select></label>
<label>Change<select id="change"><option value="">any</option>${hasFlips && html`<option value="flip" selected>flipped</option>`}${pairs.map(
    ({ from, to }) =>
      html`<option value="${changeToken(report, from, to, "newly-refused")}">${from} \u2192 ${to}: newly refused</option><option value="${changeToken(report, from, to, "newly-answered")}">${from} \u2192 ${to}: no longer refused</option>`,
  )}</select></label>
<label>Answers<select id="outcome"><option value="">any</option>${report.models.map(
    (model, i) =>
      html`<option value="${i}-refused">${model.label} refused</option><option value="${i}-answered">${model.label} answered</option>${isJudgedForHarm && html`<option value="${i}-harmful">${model.label} judged harmful</option>`}`,
  )}<option value="loop">with a loop</option><option value="cut">cut at the limit</option><option value="unscored">unscored</option></select></label>
<button type="button" id="reveal" aria-pressed="false">Show all texts</button>
</form>
<p class="soft small script" hidden id="count" role="status"></p>`;
}

function answerRow(row: AnswerRow, report: Report, changes: readonly string[]): SafeHtml {
  return html`<details data-set="${row.set}" data-change="${changes.join(" ")}" data-outcome="${outcomeTokens(row).join(" ")}">
<summary><span class="set">${row.set}</span><span class="id">${row.id}</span><span class="chips">${row.answers.map((answer, i) => chip(answer, report.models[i], i))}</span></summary>
<div class="body">${row.messages.map((message) => html`<p class="role">${message.role === "user" ? "Prompt" : message.role}</p><div class="text" dir="auto">${message.content}</div>`)}
<div class="columns">${row.answers.map((answer, i) => answer && answerText(answer, report.models[i], i))}</div></div></details>\n`;
}

function chip(answer: Answer | null, model: ReportModel | undefined, series: number): SafeHtml | null {
  if (!answer || !model) return null;
  return html`<span class="chip${answer.isRefusal === true && " refused"}">${seriesMark(series)}${model.label} <b>${answer.words}</b></span>`;
}

function answerText(answer: Answer, model: ReportModel | undefined, series: number): SafeHtml {
  const notes = [answer.words, answer.isCut && "cut at the limit", answer.isLoop && "loops"];
  return html`<div><p class="role"><span class="key">${seriesMark(series)}${model?.label}</span>: ${notes.filter(Boolean).join(", ")}</p>
<div class="text" dir="auto">${answer.text === "" ? html`<em class="soft">empty answer</em>` : answer.text}</div></div>`;
}

function outcomeTokens(row: AnswerRow): string[] {
  const tokens = row.answers.flatMap((answer, i) => {
    if (!answer) return [];
    if (answer.isRefusal === null) return ["unscored"];
    return [`${i}-${answer.isRefusal ? "refused" : "answered"}`];
  });
  for (const [i, answer] of row.answers.entries()) if (answer?.isHarmful) tokens.push(`${i}-harmful`);
  if (row.answers.some((answer) => answer?.isCut)) tokens.push("cut");
  if (row.answers.some((answer) => answer?.isLoop)) tokens.push("loop");
  return tokens;
}

function changeTokens(report: Report): Map<AnswerRow, string[]> {
  const tokens = new Map<AnswerRow, string[]>();
  for (const row of report.answers) if (isFlipped(row)) tokens.set(row, ["flip"]);
  for (const { from, to } of comparedPairs(report))
    for (const { row, direction } of flipsBetween(report, from, to))
      tokens.get(row)?.push(changeToken(report, from, to, direction));
  return tokens;
}
