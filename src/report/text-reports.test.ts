import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import type { Comparison } from "../evaluate/comparison.js";
import { fixtureComparison, fixtureReport } from "./fixture.test-data.js";
import { reportFromComparison } from "./from-comparison.js";
import { escapeMarkdown, renderMarkdown } from "./markdown.js";
import { renderPage } from "./page.js";
import type { Report } from "./report.js";
import { renderTerminal } from "./terminal.js";

const report = fixtureReport(12);
const origin = { date: "2026-11-24", version: "0.1.0" };

test("Markdown holds every number's table and no prompt or answer", () => {
  const text = renderMarkdown(report);
  for (const heading of [
    "Set-up",
    "Refused or objected, pooled",
    "By set",
    "Paired differences",
    "Flipped prompts",
  ])
    expect(text).toContain(`## ${heading}`);
  expect(text).not.toMatch(/Placeholder for prompt|gather the ingredients|can't help with that/);
  expect(text).toContain("counts refusals, not harm");
});

test("all rows of a Markdown table have as many cells as its head", () => {
  for (const block of renderMarkdown(report)
    .split("\n\n")
    .filter((part) => part.startsWith("|"))) {
    const widths = block.split("\n").map((line) => line.split(/(?<!\\)\|/).length);
    expect(new Set(widths).size).toBe(1);
  }
});

test("Markdown names at most twenty ids a set and direction", () => {
  const line =
    renderMarkdown(fixtureReport(100))
      .split("\n")
      .find((row) => row.includes("and 2")) ?? "";
  expect(line.split(",").length).toBeLessThanOrEqual(20);
  expect(line).toMatch(/and \d+ more/);
});

test("hostile names cannot leave their Markdown cell", () => {
  expect(escapeMarkdown("a|b\n# c [x](y) <img> `z` @all")).toBe(
    "a\\|b \\# c \\[x\\](y) \\<img\\> \\`z\\` &#64;all",
  );
});

test.each([40, 60, 80, 120])("terminal tables fit %i columns", (width) => {
  const short: Report = {
    ...report,
    sets: report.sets.map((set) => ({ ...set, name: set.name.slice(0, 6) })),
  };
  for (const line of renderTerminal(short, { width }).split("\n"))
    expect([...line].length).toBeLessThanOrEqual(width);
});

test("a wide terminal shows all columns, a narrow one keeps what decides", () => {
  expect(renderTerminal(report, { width: 120 })).toMatch(/unscored +loops +cut/);
  const narrow = renderTerminal(report, { width: 60 });
  expect(narrow).not.toContain("unscored ");
  expect(narrow).toMatch(/I-CoNa +base +\d/);
});

test("every heading names the confidence of the comparison's own intervals", () => {
  const comparison = fixtureComparison(4);
  const settings = { ...comparison.settings, level: 0.999 };
  const other = reportFromComparison({ ...comparison, settings }, origin);
  for (const render of [renderMarkdown, renderPage, (each: Report) => renderTerminal(each, { width: 120 })]) {
    expect(render(other)).toContain("99.9 % interval");
    expect(render(other)).not.toMatch(/95 % (Wilson score )?interval/);
    expect(render(report)).toContain("95 % interval");
  }
});

test("says how much of the sets was really asked", () => {
  const { settings, ...comparison } = fixtureComparison(4);
  const promptsOf = (sets: Comparison["settings"]["sets"]) =>
    reportFromComparison({ ...comparison, settings: { ...settings, sets } }, origin).settings.find(
      ({ name }) => name === "Prompts",
    )?.value;
  expect(promptsOf(settings.sets)).toBe("32 of 64 in 8 sets");
  expect(promptsOf(settings.sets.slice(0, 1).map((set) => ({ ...set, of: 4 })))).toBe("4 in 1 whole set");
});

test("colours only where they are asked for, and names cannot send any", () => {
  const hostile: Report = { ...report, title: "\u001b[31mred\u001b]0;owned\u0007" };
  const plain = renderTerminal(hostile);
  expect(stripVTControlCharacters(plain)).toBe(plain);
  expect(plain).toContain("\u241b[31mred");
});
