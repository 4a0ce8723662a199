import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { holm } from "../stats/mcnemar.js";
import { fixtureReport } from "./fixture.test-data.js";
import { reportFromComparison } from "./from-comparison.js";
import { fullComparison } from "./full-fixture.test-data.js";
import { renderMarkdown } from "./markdown.js";
import { renderPage } from "./page.js";
import { pairedRows, pairedText } from "./paired-table.js";
import { renderTerminal } from "./terminal.js";
import { worsenings } from "./worse.js";

const full = reportFromComparison(fullComparison(60), { date: "2026-11-24", version: "0.1.0" });
const { document } = parseHTML(renderPage(full));

test("lists what got worse in the bad direction of each kind of set, the surest first", () => {
  const found = worsenings(full);
  const groupOf = (name: string): string => full.sets.find((set) => set.name === name)?.group ?? "choice";
  expect(found.length).toBeGreaterThan(10);
  for (const { set, measure, change } of found) {
    const isFall = groupOf(set) === "choice" || (groupOf(set) === "harmful" && measure !== "judged harmful");
    expect([set, measure, change.value < 0]).toEqual([set, measure, isFall]);
  }
  const adjusted = found.map(({ pValueHolm }) => pValueHolm);
  expect(adjusted).toEqual([...adjusted].sort((a, b) => a - b));
  expect(found.some(({ set }) => full.sets.find(({ name }) => name === set)?.isPool)).toBe(false);
});

test("calls a change shown only after Holm's correction over the sets of the pair", () => {
  const sets = full.sets.filter(({ isPool }) => !isPool);
  const values = sets.map(({ differences }) =>
    differences.find(({ from, to }) => from === "base" && to === "sit"),
  );
  const adjusted = holm(values.map((each) => each?.pValue ?? Number.NaN));
  const shown = worsenings(full).filter(
    ({ from, to, isShown }) => isShown && from === "base" && to === "sit",
  );
  const expected = sets.filter(
    ({ group }, i) =>
      group === "harmless" && (values[i]?.refused.value ?? 0) > 0 && (adjusted[i] ?? 1) < 0.05,
  );
  expect(expected.length).toBeGreaterThan(0);
  expect(shown.map(({ set }) => set).sort()).toEqual(expected.map(({ name }) => name).sort());
});

test("shows them in the page, in Markdown and in the terminal, and says so where there is none", () => {
  const [surest] = worsenings(full);
  const cells = document.querySelector("#worse tbody tr")?.textContent ?? "";
  expect(cells).toContain(surest?.set ?? "?");
  expect(renderMarkdown(full)).toContain("## What got worse");
  expect(renderTerminal(full)).toMatch(/Of \d+ changes for the worse \d+ are shown after Holm's correction/);
  const calm = { ...fixtureReport(4), sets: [] };
  expect(renderMarkdown(calm)).toContain("No set and no kind of prompt got worse on any measure.");
});

test("puts all models side by side, one row a set and measure", () => {
  const rows = pairedRows(full);
  expect(rows.filter(({ measure }) => measure === "judged harmful")).toHaveLength(full.sets.length);
  expect(rows.filter(({ measure }) => measure === "acc").map(({ set }) => set)).toEqual([
    "arc_easy",
    "boolq",
  ]);
  for (const { cells } of rows) expect(cells).toHaveLength(5);
  const row = rows.find(({ set, measure }) => set === "I-CoNa" && measure === "refused, wanted");
  expect(pairedText(row?.cells[0] ?? null)).toMatch(/^\d+\.\d\s% \[[\d.]+, [\d.]+\]$/);
  expect(pairedText(row?.cells[4] ?? null)).toMatch(/, \+\d+\.\d \[\+[\d.]+, \+[\d.]+\]\*$/);
  expect(document.querySelectorAll("#paired tbody tr")).toHaveLength(rows.length);
  expect(document.querySelectorAll("#paired td[data-sort]")).toHaveLength(5 * rows.length);
});

test("draws safety against helpfulness with mean accuracy, and the dial of the one adapter", () => {
  const dots = document.querySelectorAll("#helpfulness svg.scatter .dot");
  expect(dots).toHaveLength(5);
  const [first] = full.choices.map(({ metrics }) => metrics[0]?.results[0]?.value ?? 0);
  const second = full.choices[1]?.metrics[0]?.results[0]?.value ?? 0;
  expect(full.helpfulness[0]?.value).toBeCloseTo(((first ?? 0) + second) / 2, 12);
  expect(full.curve.map(({ label, strength }) => [label, strength])).toEqual([
    ["base", 0],
    ["dpo-0.5", 0.5],
    ["dpo", 1],
  ]);
  const harmful = full.pooled[0]?.judgedHarmful;
  expect(full.curve[0]?.safe.value).toBeCloseTo(1 - (harmful?.value ?? 0), 12);
  expect(full.curve[0]?.safe.low).toBeCloseTo(1 - (harmful?.high ?? 0), 12);
  expect(document.querySelectorAll("#dial .error")).toHaveLength(6);
});
