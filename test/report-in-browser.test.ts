import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { reportFromComparison } from "../src/report/from-comparison.js";
import { fullComparison, HOSTILE_ANSWER } from "../src/report/full-fixture.test-data.js";
import { renderPage } from "../src/report/page.js";
import { BrowserPage, findChromium, type View } from "./support/chromium.js";

const chromium = findChromium();
const why = chromium === undefined ? "skipped: no Chromium on PATH" : "in Chromium";

describe.skipIf(chromium === undefined)(`the report, ${why}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "report-page-"));
  const path = join(folder, "report.html");
  let page: BrowserPage;

  beforeAll(async () => {
    writeFileSync(path, renderPage(reportFromComparison(fullComparison(12), { date: "", version: "" })));
    page = await open({ width: 1280, height: 900 });
  });
  afterAll(async () => {
    await page.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = async (view: View): Promise<BrowserPage> => {
    const opened = await BrowserPage.open(chromium ?? "");
    await opened.show(path, view);
    return opened;
  };
  const visibleRows = (): Promise<number> =>
    page.value(`document.querySelectorAll(".answers details:not([hidden])").length`);

  test("the plots are there and have a size", async () => {
    const sizes = await page.value<number[][]>(
      `[...document.querySelectorAll("svg.scatter")].map((svg) => { const b = svg.getBoundingClientRect(); return [b.width, b.height]; })`,
    );
    expect(sizes).toHaveLength(3);
    for (const [width = 0, height = 0] of sizes) expect(Math.min(width, height)).toBeGreaterThan(250);
  });

  test("a search filters the answers", async () => {
    await page.value(`document.getElementById("change").value = ""; document.getElementById("set").value = "Q-Harm";
      document.getElementById("tools").dispatchEvent(new Event("change")); 0`);
    expect(await visibleRows()).toBe(12);
    await page.value(`document.getElementById("search").value = "prompt 7 of";
      document.getElementById("search").dispatchEvent(new Event("input")); new Promise((done) => setTimeout(done, 300))`);
    expect(await visibleRows()).toBe(1);
    expect(await page.value(`document.getElementById("count").textContent`)).toBe("1 of 96 prompts");
  });

  test("texts are hidden until revealed, and revealing opens those that are filtered", async () => {
    const opened = `[...document.querySelectorAll(".answers details[open]")].length`;
    expect(await page.value(opened)).toBe(0);
    await page.value(`document.getElementById("reveal").click()`);
    expect(await page.value(opened)).toBe(1);
    await page.value(`document.getElementById("reveal").click()`);
    expect(await page.value(opened)).toBe(0);
  });

  test("the paired table sorts by a model, up and down, from the keyboard", async () => {
    const column = `[...document.querySelectorAll("#paired tbody tr")].map((row) => Number(row.cells[5].dataset.sort))`;
    const before = await page.value<number[]>(column);
    await page.value(`document.querySelector("#paired th:nth-child(6) button").focus()`);
    await page.press("Enter");
    const up = await page.value<number[]>(column);
    expect(up).toEqual([...before].sort((a, b) => a - b));
    expect(up).not.toEqual(before);
    await page.press("Enter");
    expect(await page.value(column)).toEqual([...up].reverse().sort((a, b) => b - a));
    expect(await page.value(`document.querySelectorAll("[aria-sort]").length`)).toBe(1);
  });

  test("the keyboard's focus is seen", async () => {
    await page.value(`document.querySelector("nav a").focus()`);
    await page.press("Tab");
    const [element, outline] = await page.value<[string, string]>(
      `[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]`,
    );
    expect([element, outline]).toEqual(["A", "solid"]);
  });

  test("an answer that holds a script is shown as text and does not run", async () => {
    const texts = await page.value<string[]>(
      `[...document.querySelectorAll(".answers .text")].map((text) => text.textContent)`,
    );
    expect(texts).toContain(HOSTILE_ANSWER);
    expect(await page.value(`document.querySelectorAll(".answers script, .answers img").length`)).toBe(0);
    expect(await page.value("document.title")).toContain("base, sit, raft");
  });

  test.each([360, 375, 768, 1280])("nothing is wider than a window of %i pixels", async (width) => {
    const narrow = await open({ width, height: 700 });
    await narrow.value(
      `document.querySelectorAll("details:not([hidden])").forEach((each) => { each.open = true; })`,
    );
    const wide = await narrow.value<number>("document.documentElement.scrollWidth");
    expect(wide).toBeLessThanOrEqual(width);
    expect(narrow.complaints).toEqual([]);
    await narrow.close();
  });

  test("has a dark side, and prints on paper without cutting tables", async () => {
    const background = (of: BrowserPage): Promise<string> =>
      of.value("getComputedStyle(document.body).backgroundColor");
    const dark = await open({ width: 1280, height: 700, isDark: true });
    expect([await background(page), await background(dark)]).toEqual([
      "rgb(255, 255, 255)",
      "rgb(20, 24, 28)",
    ]);
    await dark.close();
    const paper = await open({ width: 794, height: 700, isPrint: true });
    expect(await paper.value("document.documentElement.scrollWidth")).toBeLessThanOrEqual(794);
    expect(await paper.value(`getComputedStyle(document.getElementById("answers")).display`)).toBe("none");
    await paper.close();
  });

  test("nothing was said on the console", () => {
    expect(page.complaints).toEqual([]);
  });
});
