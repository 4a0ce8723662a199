import { createHash } from "node:crypto";
import { parseHTML } from "linkedom";
import { beforeAll, describe, expect, test } from "vitest";
import type { Comparison } from "../evaluate/comparison.js";
import { fixtureComparison, fixtureReport } from "./fixture.test-data.js";
import { reportFromComparison } from "./from-comparison.js";
import { renderPage } from "./page.js";
import type { Report } from "./report.js";

let report: Report;
let page: string;
let document: ReturnType<typeof parseHTML>["document"];

beforeAll(() => {
  report = fixtureReport(12);
  page = renderPage(report);
  document = parseHTML(page).document;
});

describe("content security policy", () => {
  const directives = (): Map<string, string> =>
    new Map(
      (document.querySelector("meta[http-equiv]")?.getAttribute("content") ?? "")
        .split("; ")
        .map((directive: string): [string, string] => {
          const [name = "", ...sources] = directive.split(" ");
          return [name, sources.join(" ")];
        }),
    );

  test("allows nothing by default and names no scheme, host or unsafe keyword", () => {
    expect(directives().get("default-src")).toBe("'none'");
    expect([...directives().keys()]).toEqual([
      "default-src",
      "style-src",
      "script-src",
      "base-uri",
      "form-action",
    ]);
    for (const sources of directives().values())
      expect(sources).toMatch(/^'(none|sha256-[A-Za-z0-9+/=]{44})'$/);
  });

  test("its hashes are those of the style and script in the page", () => {
    const hashOf = (element: string): string => {
      const [, content = ""] = new RegExp(`<${element}>([\\s\\S]*?)</${element}>`).exec(page) ?? [];
      expect(content.length).toBeGreaterThan(500);
      return `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
    };
    expect(directives().get("style-src")).toBe(hashOf("style"));
    expect(directives().get("script-src")).toBe(hashOf("script"));
    expect(document.querySelectorAll("style")).toHaveLength(1);
    expect(document.querySelectorAll("script")).toHaveLength(1);
  });

  test("stands before anything that it governs", () => {
    expect(page.indexOf("http-equiv")).toBeLessThan(page.indexOf("<style>"));
  });

  test("no element has an inline style, a handler or a source to load", () => {
    for (const element of document.querySelectorAll("*"))
      for (const { name, value } of element.attributes) {
        expect(name).not.toMatch(/^(on|style$|src|action|formaction|ping|data$)/);
        if (name === "href") expect(value).toMatch(/^#/);
      }
    expect(page).not.toMatch(/(https?:)?\/\/[a-z0-9.-]+\.[a-z]|@import|url\(|<link|<iframe|<object|<base/i);
  });
});

describe("structure", () => {
  test("sections come in the order: set-up, trade-off, side by side, worse, sets, changes, results, references, answers, method", () => {
    const ids = [...document.querySelectorAll("main > section")].map((section) => section.id);
    expect(ids).toEqual([
      "setup",
      "trade-off",
      "paired",
      "worse",
      "sets",
      "differences",
      "results",
      "references",
      "answers",
      "method",
    ]);
    const anchors = [...document.querySelectorAll("nav a")].map((a) => a.getAttribute("href")?.slice(1));
    for (const anchor of anchors) expect(ids).toContain(anchor);
  });

  test("every id is there once, and every label points somewhere", () => {
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const element of document.querySelectorAll("[aria-labelledby]"))
      for (const id of element.getAttribute("aria-labelledby")?.split(" ") ?? []) expect(ids).toContain(id);
  });

  test("the verdict says that refusals are counted, how well, and that it is inconclusive", () => {
    const verdict = document.querySelector(".verdict")?.textContent ?? "";
    expect(verdict).toContain("Inconclusive");
    expect(verdict).toContain("counts refusals, not harm");
    expect(verdict).toMatch(/sensitivity 92\.8\s% \[89\.8, 94\.9\], specificity 96\.7\s% \[95\.1, 97\.8\]/);
  });

  test("a bar stands for each set and model, with its value printed beside it", () => {
    expect(document.querySelectorAll("#sets svg.bar rect")).toHaveLength(10 * 3);
    const first = report.sets[0]?.results[0]?.refused;
    const bar = document.querySelector("#sets svg.bar");
    expect(bar?.querySelector("title")?.textContent).toContain("I-MaliciousInstructions, base");
    expect(bar?.querySelector("rect")?.getAttribute("width")).toBe(
      `${((first?.value ?? 0) * 100).toFixed(2)}%`,
    );
  });

  test("the chart has a title, a description with all numbers, and a dot for each model", () => {
    const chart = document.querySelector("svg.scatter");
    expect(chart?.querySelectorAll(".dot")).toHaveLength(3);
    expect(chart?.querySelector("desc")?.textContent).toMatch(/base: .*sit: .*dpo: /);
  });

  test("a set without a verdict shows a dash and no bar", () => {
    const none = { value: Number.NaN, low: Number.NaN, high: Number.NaN, n: 0 };
    const [set, ...rest] = report.sets;
    const results = set?.results.map((result) => result && { ...result, refused: none }) ?? [];
    const sets = set ? [{ ...set, results }, ...rest] : [];
    const markup = renderPage({
      ...report,
      sets,
      pooled: [{ harmful: none, harmless: none, judgedHarmful: null }],
    });
    expect(markup).not.toContain("NaN");
    expect(parseHTML(markup).document.querySelectorAll("#sets svg.bar rect")).toHaveLength(9 * 3);
  });
});

describe("answers", () => {
  test("every prompt is there, in a closed details element, and nowhere else", () => {
    const rows = [...document.querySelectorAll(".answers details")];
    expect(rows).toHaveLength(report.answers.length);
    for (const row of rows) expect(row.hasAttribute("open")).toBe(false);
    for (const row of rows) row.remove();
    expect(document.body.textContent).not.toContain("Placeholder for prompt");
    expect(document.body.textContent).not.toContain("gather the ingredients");
  });

  test("summaries hold no prompt and no answer", () => {
    for (const summary of parseHTML(page).document.querySelectorAll("summary"))
      expect(summary.textContent).not.toMatch(/Placeholder|gather|can't help/);
  });

  test("buttons of the changes table name filters that rows carry, as often as they say", () => {
    const { document: fresh } = parseHTML(page);
    const rows = [...fresh.querySelectorAll(".answers details")];
    const buttons = [...fresh.querySelectorAll("[data-show]")];
    expect(buttons.length).toBeGreaterThan(8);
    for (const button of buttons) {
      const shown = rows.filter(
        (row) =>
          row.getAttribute("data-set") === button.getAttribute("data-set") &&
          row
            .getAttribute("data-change")
            ?.split(" ")
            .includes(button.getAttribute("data-show") ?? ""),
      );
      expect(shown).toHaveLength(Number(button.textContent));
    }
  });

  test("hostile names, prompts and answers stay text everywhere", () => {
    const hostile = `</script></style></title>"><svg onload=alert(1)><!--`;
    const markup = renderPage(
      reportFromComparison(hostileComparison(hostile), { date: hostile, version: hostile }),
    );
    const { document: poisoned } = parseHTML(markup);
    expect(poisoned.querySelectorAll("[onload]").length).toBe(0);
    expect(poisoned.querySelectorAll("script, style").length).toBe(2);
    expect(poisoned.querySelectorAll("section").length).toBe(11);
    expect(poisoned.querySelector(".answers .text")?.textContent).toBe(hostile);
    expect(poisoned.querySelector("h1")?.textContent).toContain(hostile);
  });

  test("a very long answer is kept whole", () => {
    const long = "x".repeat(200_000);
    const markup = renderPage(reportFromComparison(hostileComparison(long), { date: "", version: "" }));
    expect(parseHTML(markup).document.querySelector(".answers .text")?.textContent).toBe(long);
  });
});

test("a dial of strengths becomes a curve with the base as 0, in order", () => {
  const comparison = fixtureComparison(12);
  const strengths = [null, 1, 0.5];
  const models = comparison.models.map((model, i) => ({
    ...model,
    target: { ...model.target, adapter: i === 0 ? null : "runs/dpo/adapter", strength: strengths[i] ?? null },
  }));
  const dial = reportFromComparison({ ...comparison, models }, { date: "", version: "" });
  expect(dial.curve.map(({ strength }) => strength)).toEqual([0, 0.5, 1]);
  expect(parseHTML(renderPage(dial)).document.querySelectorAll("#dial line.dial")).toHaveLength(4);
  expect(report.curve).toEqual([]);
});

/** A comparison in which every text is `text`. */
function hostileComparison(text: string): Comparison {
  const comparison = fixtureComparison(1);
  return {
    ...comparison,
    models: comparison.models.map((model, i) => ({
      ...model,
      label: `${i}${text.slice(0, 100)}`,
      hash: text.slice(0, 100),
      target: { ...model.target, model: text.slice(0, 100), adapter: text.slice(0, 100) },
    })),
    judges: comparison.judges.map((judge) => ({ ...judge, name: text.slice(0, 100) })),
    answers: comparison.answers.map((row) => ({
      ...row,
      promptId: text,
      messages: [{ role: "user", content: text }],
      answers: row.answers.map((answer) => ({ ...answer, response: text })),
    })),
    notes: [text],
  };
}
