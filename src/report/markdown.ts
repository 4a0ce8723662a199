/** @file The report as Markdown for a pull request: the same tables, ids of flipped prompts, and no prompt or answer text. */
import type { Proportion } from "../text/judge.js";
import { choiceChangeHeadings, choiceChangeRows, choiceHeadings, choiceRows } from "./choices.js";
import {
  count,
  interval,
  natsChange,
  percent,
  percentWithInterval,
  points,
  pointsInterval,
  pointsWithInterval,
  pValue,
  shortHash,
  withInterval,
} from "./format.js";
import { gateRows } from "./gate.js";
import { visibleControls } from "./html.js";
import { correctionNotes, judgedHeadings, judgedRows } from "./judged.js";
import { definitions } from "./method.js";
import { pairedRows, pairedSentence, pairedText } from "./paired-table.js";
import { REPEAT_HEADINGS, repeatRows } from "./repeats.js";
import { comparedPairs, type Flip, flipsBetween, type Report, type ReportSet } from "./report.js";
import { TEXT_HEADINGS, textRows } from "./text-metrics.js";
import { intervalHeading, judgeSentence, verdictSentence } from "./wording.js";
import { WORSE_HEADINGS, worsenings, worseRows, worseSentence } from "./worse.js";

/** The whole report as GitHub-flavoured Markdown. */
export function renderMarkdown(report: Report): string {
  const parts = [
    `# ${escapeMarkdown(report.title)}`,
    `**${escapeMarkdown(verdictSentence(report.verdict))}**`,
    escapeMarkdown(judgeSentence(report.judge)),
    report.warnings.map((warning) => `- ${escapeMarkdown(warning)}`).join("\n"),
    gateTable(report),
    setup(report),
    pooledTable(report),
    curveTable(report),
    pairedTable(report),
    worseTable(report),
    setsTable(report),
    judgedTable(report),
    differencesTable(report),
    repeatsTable(report),
    choicesTable(report),
    referencesTable(report),
    textsTable(report),
    flipsList(report),
    `<details><summary>How to read the numbers</summary>\n\n${definitions(report.level)
      .map((d) => `- **${d.term}**: ${d.meaning}`)
      .join("\n")}\n\n</details>`,
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** Escapes what Markdown or HTML inside it would act on; line breaks become spaces, so text stays in its cell. */
export function escapeMarkdown(text: string): string {
  return visibleControls(text)
    .replace(/\s+/g, " ")
    .replace(/[\\`*_{}[\]<>#|~&!@]/g, (character) => (character === "@" ? "&#64;" : `\\${character}`));
}

/** Flips named by id at most this many times a set and direction; report.html lists all. */
const MOST_IDS = 20;

function gateTable(report: Report): string {
  const rows = gateRows(report).map((row) => [
    row.model,
    row.rule,
    row.outcome,
    `${row.measured} ${row.interval}`,
    row.n,
    row.bound,
    row.needed,
    row.judge,
  ]);
  if (rows.length === 0) return "";
  const headings = ["Model", "Rule", "Outcome", ">Measured", ">n", ">Bound", ">Prompts needed", "Judge"];
  return `## What the policy asks\n\n${markdownTable(headings, rows)}`;
}

function setup(report: Report): string {
  const models = report.models.map((model) => [
    model.label,
    model.model,
    model.adapter ?? "none",
    model.strength === null ? "\u2013" : String(model.strength),
    model.template ?? "\u2013",
    shortHash(model.hash),
  ]);
  const facts = [
    { name: "Judge", value: `${report.judge.name} (${shortHash(report.judge.hash)})` },
    ...report.settings,
  ];
  const list = facts
    .map(({ name, value }) => `- ${escapeMarkdown(name)}: ${escapeMarkdown(value)}`)
    .join("\n");
  return `## Set-up\n\n${markdownTable(["", "Model", "Adapter", ">Strength", "Template", "Hash"], models)}\n\n${list}`;
}

function pooledTable(report: Report): string {
  if (report.sets.length === 0) return "";
  const rows = report.models.map((model, i) => [
    model.label,
    shareWithN(report.pooled[i]?.harmful),
    shareWithN(report.pooled[i]?.harmless),
  ]);
  return `## Refused or objected, pooled\n\n${markdownTable(["Model", ">Harmful sets", ">Harmless sets"], rows)}`;
}

function curveTable(report: Report): string {
  if (report.curve.length < 2) return "";
  const rows = report.curve.map((p) => [
    p.label,
    String(p.strength),
    shareWithN(p.safe),
    shareWithN(p.overRefused),
  ]);
  return `## Adapter strength\n\n${markdownTable(["", ">Strength", ">Safe on harmful sets", ">Refused on harmless sets"], rows)}`;
}

function pairedTable(report: Report): string {
  const rows = report.kind === "comparison" ? pairedRows(report) : [];
  if (rows.length === 0) return "";
  const headings = ["Set", "Measure", ...report.models.map(({ label }) => `>${escapeMarkdown(label)}`)];
  const cells = rows.map(({ set, measure, cells: each }) => [set, measure, ...each.map(pairedText)]);
  return `## All models side by side\n\n${escapeMarkdown(pairedSentence(report))}\n\n${markdownTable(headings, cells)}`;
}

function worseTable(report: Report): string {
  if (report.kind !== "comparison") return "";
  const found = worsenings(report);
  const list = found.length === 0 ? "" : `\n\n${markdownTable(WORSE_HEADINGS, worseRows(found))}`;
  return `## What got worse\n\n${worseSentence(found)}${list}`;
}

function setsTable(report: Report): string {
  if (report.sets.length === 0) return "";
  const rows = report.sets.flatMap((set) => resultRows(report, set));
  const headings = [
    "Set",
    "Prompts",
    "Model",
    ">n",
    ">Refused",
    `>${intervalHeading(report.level)}`,
    ">Refusals",
    ">Objections",
    ">Unscored",
    ">Loops",
    ">Cut",
    ">Tokens",
  ];
  return `## By set\n\n${markdownTable(headings, rows)}`;
}

function resultRows(report: Report, set: ReportSet): string[][] {
  return report.models.flatMap((model, i) => {
    const result = set.results[i];
    if (!result) return [];
    const { refused } = result;
    return [
      [
        set.name,
        set.group,
        model.label,
        count(refused?.n),
        percent(refused?.value),
        interval(refused?.low, refused?.high),
        count(result.refusals),
        count(result.objections),
        count(result.unscored),
        percent(result.loops?.value),
        percent(result.truncated?.value),
        withInterval(result.responseTokens, 0),
      ],
    ];
  });
}

function differencesTable(report: Report): string {
  const rows = report.sets.flatMap((set) =>
    set.differences.map((d) => [
      set.name,
      `${d.from} \u2192 ${d.to}`,
      count(d.refused.n),
      points(d.refused.value),
      pointsInterval(d.refused.low, d.refused.high),
      count(d.newlyRefused),
      count(d.noLongerRefused),
      pValue(d.pValue),
      pValue(d.pValueHolm),
      pointsWithInterval(d.loops),
    ]),
  );
  if (rows.length === 0) return "";
  const headings = [
    "Set",
    "Change",
    ">n",
    ">Difference, points",
    `>${intervalHeading(report.level)}`,
    ">b newly refused",
    ">c no longer",
    ">p",
    ">p Holm",
    ">Loops, points",
  ];
  return `## Paired differences\n\n${markdownTable(headings, rows)}`;
}

function judgedTable(report: Report): string {
  const rows = judgedRows(report);
  if (rows.length === 0) return "";
  const notes = correctionNotes(report).map((note) => `\n- ${escapeMarkdown(note)}`);
  const list = notes.length > 0 ? `\n${notes.join("")}` : "";
  return `## By judge\n\n${markdownTable(judgedHeadings(report.level), rows)}${list}`;
}

function repeatsTable(report: Report): string {
  if (report.repeats.length === 0) return "";
  return `## Several answers a prompt\n\n${markdownTable(REPEAT_HEADINGS, repeatRows(report))}`;
}

function choicesTable(report: Report): string {
  if (report.choices.length === 0) return "";
  const results = markdownTable(choiceHeadings(report.level), choiceRows(report));
  const rows = choiceChangeRows(report);
  const changes = rows.length === 0 ? "" : `\n\n${markdownTable(choiceChangeHeadings(report.level), rows)}`;
  return `## Multiple choice\n\n${results}${changes}`;
}

function referencesTable(report: Report): string {
  if (report.references.length === 0) return "";
  const rows = report.references.map((r) => [
    r.set,
    r.model,
    count(r.perToken.n),
    withInterval(r.perToken, 3),
    natsChange(r.change),
  ]);
  return `## Log-probability of reference answers, nats a token\n\n${markdownTable(["Set", "Model", ">n", ">Mean", ">Change"], rows)}`;
}

function textsTable(report: Report): string {
  if (report.texts.length === 0) return "";
  return `## Answers against reference answers\n\n${markdownTable(TEXT_HEADINGS, textRows(report))}`;
}

function flipsList(report: Report): string {
  const rows = comparedPairs(report).flatMap(({ from, to }) => {
    const flips = flipsBetween(report, from, to);
    return report.sets.flatMap(({ name }) =>
      (["newly-refused", "newly-answered"] as const).flatMap((direction) => {
        const here = flips.filter((flip) => flip.row.set === name && flip.direction === direction);
        const words = direction === "newly-refused" ? "newly refused" : "no longer refused";
        return here.length === 0
          ? []
          : [[name, `${from} \u2192 ${to}`, words, count(here.length), idList(here)]];
      }),
    );
  });
  if (rows.length === 0) return "";
  return `## Flipped prompts\n\nTexts are in \`report.html\`, hidden until opened.\n\n${markdownTable(["Set", "Change", "Direction", ">Prompts", "Ids"], rows)}`;
}

function idList(flips: readonly Flip[]): string {
  const ids = flips.slice(0, MOST_IDS).map(({ row }) => row.id);
  return flips.length > MOST_IDS ? `${ids.join(", ")} and ${flips.length - MOST_IDS} more` : ids.join(", ");
}

function shareWithN(share: Proportion | null | undefined): string {
  return share ? `${percentWithInterval(share)}, n ${count(share.n)}` : "\u2013";
}

/** A table. Headings that begin with ">" are set right. */
export function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = headings.map((heading) => heading.replace(/^>/, ""));
  const rule = headings.map((heading) => (heading.startsWith(">") ? "---:" : "---"));
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(rule), ...rows.map((row) => line(row.map(escapeMarkdown)))].join("\n");
}
