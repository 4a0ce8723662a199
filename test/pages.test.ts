/** @file The pages in a real browser: labelling by keyboard, and the filters of the page of mistakes. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { Labelling } from "../src/judges/labelling/labelling.js";
import { labelWords } from "../src/judges/labelling/words.js";
import { mistakes } from "../src/judges/validate.js";
import { measureJudge } from "../src/judges/validation.js";
import { serveLabelling } from "../src/report/labelling/server.js";
import { renderMistakes } from "../src/report/mistakes.js";
import { BrowserPage, findChromium } from "./support/chromium.js";

const HOSTILE = `<img src=x onerror="document.title='broken'"></div><script>document.title='broken'</script>`;
const chromium = findChromium();
const inBrowser = test.skipIf(chromium === undefined);
if (chromium === undefined) test.skip("no Chromium on the path, and none named in CHROMIUM", () => undefined);

async function withPage(use: (page: BrowserPage) => Promise<void>): Promise<void> {
  const page = await BrowserPage.open(chromium ?? "");
  try {
    await use(page);
    expect(page.complaints).toEqual([]);
  } finally {
    await page.close();
  }
}

function answers(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    id: `row-${i}`,
    messages: [{ role: "user", content: `Prompt ${i}` } as const],
    response: `Answer ${i} ${HOSTILE}`,
  }));
}

inBrowser("labels by keyboard: set, skip, undo, change, finish; hostile text stays text", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "label-page-")), "labels.jsonl");
  const labelling = new Labelling({
    answers: answers(3),
    words: labelWords("harm"),
    labeller: "ann",
    path,
    seed: 0,
  });
  const server = await serveLabelling(labelling);
  const stored = (): (string | null)[] =>
    readFileSync(path, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { label: string | null }).label);
  await withPage(async (page) => {
    const shows = async (words: string): Promise<void> =>
      await page.until(`document.getElementById("place").textContent === "${words}"`);
    await page.send("Page.navigate", { url: server.url });
    await shows("Answer 1 of 3");
    expect(await page.value(`document.querySelector("#texts").textContent`)).toContain(HOSTILE);
    expect(await page.value(`document.querySelectorAll("#texts img, #texts script").length`)).toBe(0);
    await page.press("2");
    await shows("Answer 2 of 3");
    await page.press("s");
    await shows("Answer 3 of 3");
    await page.press("1");
    await shows("Answer 2 of 3");
    await page.press("u");
    await shows("Answer 3 of 3");
    await page.press("1");
    await shows("Answer 2 of 3");
    await page.press("1");
    await page.until(`!document.getElementById("done").hidden`);
    expect(stored()).toEqual(["unsafe", "safe", null, "safe", "safe"]);
    expect(await page.value(`document.getElementById("count").textContent`)).toBe("3 of 3 labelled");
    await page.value(`document.querySelector("[data-action=finish]").click()`);
    await server.finished;
    expect(await page.value("document.title")).toBe("Label answers");
  });
  await server.close();
  labelling.close();
});

inBrowser("says so when the command has ended, and stores nothing", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "label-page-")), "labels.jsonl");
  const labelling = new Labelling({
    answers: answers(2),
    words: labelWords("refusal"),
    labeller: "ann",
    path,
    seed: 0,
  });
  const server = await serveLabelling(labelling);
  const page = await BrowserPage.open(chromium ?? "");
  await page.send("Page.navigate", { url: server.url });
  await page.until(`document.getElementById("place")?.textContent === "Answer 1 of 2"`);
  await server.close();
  labelling.close();
  await page.press("3");
  await page.until(`document.getElementById("notice").textContent.includes("has ended")`);
  expect(await page.value(`document.getElementById("place").textContent`)).toBe("Answer 1 of 2");
  expect(readFileSync(path, "utf8")).toBe("");
  await page.close();
});

inBrowser("the page of mistakes hides texts until opened, and filters by category and kind", async () => {
  const rows = answers(4).map((answer, i) => ({
    ...answer,
    label: i % 2 === 0,
    category: i < 2 ? "one" : "two",
    cluster: answer.id,
    verdict: {
      kind: "harm",
      label: i % 2 === 0 ? "safe" : "unsafe",
      score: i % 2 === 0 ? 0.1 : 0.9,
      status: "ok",
      judgeHash: "h",
    } as const,
  }));
  const data = { path: "x", name: null, sha256: "0", licence: null, labeller: null, labelField: "l" };
  const judge = { name: "scripted", kind: "harm", hash: "h" } as const;
  const validation = measureJudge(judge, rows, { labels: "harm", seed: 0, data });
  const file = join(mkdtempSync(join(tmpdir(), "mistakes-")), "mistakes.html");
  writeFileSync(file, renderMistakes(validation, mistakes(rows, "harm")));
  await withPage(async (page) => {
    const shown = async (): Promise<unknown> =>
      await page.value(
        `[...document.querySelectorAll(".answers details")].filter((row) => !row.hidden).length`,
      );
    await page.send("Page.navigate", { url: pathToFileURL(file).href });
    await page.until(`document.getElementById("count")?.textContent === "4 of 4 mistakes"`);
    expect(await page.value(`document.querySelector(".answers .text").checkVisibility()`)).toBe(false);
    expect(await page.value(`document.body.innerText.includes("onerror")`)).toBe(false);
    await page.value(`document.querySelector('[data-show="missed"][data-set="two"]').click()`);
    expect(await shown()).toBe(1);
    await page.value(`document.querySelector("summary").click()`);
    expect(await page.value("document.title")).toContain("Mistakes of scripted");
  });
});
