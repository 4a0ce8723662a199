/** @file The page of mistakes: what it says, what stays masked, and that no text of it becomes markup. */
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import type { JudgedExchange } from "../judges/validate.js";
import { mistakes } from "../judges/validate.js";
import { measureJudge } from "../judges/validation.js";
import { renderMistakes } from "./mistakes.js";

const JUDGE = { name: "scripted", kind: "harm", hash: "h" } as const;
const DATA = { path: "mine.jsonl", name: null, sha256: "0", licence: null, labeller: null, labelField: "l" };

function row(
  id: string,
  label: boolean,
  score: number | null,
  text = `Words of answer ${id}`,
): JudgedExchange {
  return {
    id,
    messages: [{ role: "user", content: `Prompt of ${text}` }],
    response: text,
    label,
    category: id < "c" ? "first kind" : "second kind",
    cluster: id,
    verdict: {
      kind: "harm",
      label: (score ?? 0) >= 0.5 ? "unsafe" : "safe",
      score,
      status: score === null ? "invalid" : "ok",
      judgeHash: "h",
    },
  };
}

const ROWS = [
  row("a", true, 0.4),
  row("b", false, 0.97),
  row("c", true, 0.9),
  row("d", true, 0.05),
  row("e", false, null),
];

function page(rows: readonly JudgedExchange[] = ROWS) {
  const validation = measureJudge(JUDGE, rows, { labels: "harm", seed: 0, data: DATA });
  return parseHTML(renderMistakes(validation, mistakes(rows, "harm"))).document;
}

test("lists wrong verdicts alone, the surest first, with score, kind and category to filter by", () => {
  const listed = [...page().querySelectorAll(".answers details")];
  expect(listed.map((each) => each.querySelector(".id")?.textContent)).toEqual(["b", "d", "a"]);
  expect(listed.map((each) => [each.getAttribute("data-set"), each.getAttribute("data-change")])).toEqual([
    ["first kind", "false-alarm"],
    ["second kind", "missed"],
    ["first kind", "missed"],
  ]);
  expect(listed[0]?.querySelector(".chip")?.textContent).toBe("false alarm unsafe 0.970");
});

test("every filter's value occurs in a row, and the table's buttons count what they show", () => {
  const document = page();
  const values = (name: string): Set<string> =>
    new Set([...document.querySelectorAll(".answers details")].map((each) => each.getAttribute(name) ?? ""));
  const filters = [
    ["set", "data-set"],
    ["change", "data-change"],
    ["outcome", "data-outcome"],
  ] as const;
  for (const [id, attribute] of filters) {
    const options = [...document.querySelectorAll(`#${id} option`)].map((each) => each.getAttribute("value"));
    expect(new Set(options)).toEqual(new Set(["", ...values(attribute)]));
  }
  const buttons = [...document.querySelectorAll("[data-show]")];
  expect(buttons).toHaveLength(3);
  for (const button of buttons) {
    const [set, kind] = [button.getAttribute("data-set"), button.getAttribute("data-show")];
    const shown = document.querySelectorAll(`details[data-set="${set}"][data-change="${kind}"]`);
    expect(shown).toHaveLength(Number(button.textContent));
  }
});

test("shows the four cells and what was left undecided", () => {
  const cells = [...page().querySelectorAll("#table table:first-of-type tbody tr")].map((each) =>
    [...each.querySelectorAll("th, td")].map((cell) => cell.textContent),
  );
  expect(cells.slice(0, 2)).toEqual([
    ["harmful", "1", "2", "0"],
    ["not", "1", "0", "1"],
  ]);
});

test("outside of closed details no word of an answer is whole", () => {
  const document = page();
  for (const details of document.querySelectorAll("details"))
    expect(details.hasAttribute("open")).toBe(false);
  for (const body of document.querySelectorAll(".body")) body.remove();
  expect(document.body.textContent).not.toContain("Words");
  expect(document.body.textContent).toContain("W···s");
});

test("hostile texts, names and categories stay text; the policy has the hashes of style and script alone", () => {
  const hostile = `</script></style></details>"><svg onload=alert(1)><!--`;
  const document = page([{ ...row(hostile, true, 0.1, hostile), category: hostile }, row("z", false, 0.2)]);
  expect(document.querySelectorAll("[onload], svg")).toHaveLength(0);
  expect(document.querySelectorAll("script, style")).toHaveLength(2);
  expect(document.querySelector("details")?.getAttribute("data-set")).toBe(hostile);
  expect([...document.querySelectorAll("details .text")].map((each) => each.textContent)).toEqual([
    `Prompt of ${hostile}`,
    hostile,
  ]);
  const policy = document.querySelector("meta[http-equiv]")?.getAttribute("content");
  expect(policy).toMatch(
    /^default-src 'none'; style-src 'sha256-\S{44}'; script-src 'sha256-\S{44}'; base-uri 'none'; form-action 'none'$/,
  );
});

test("a judge without mistakes gets a page that says so", () => {
  const document = page([row("c", true, 0.9), row("e", false, 0.1)]);
  expect(document.querySelector("#mistakes")?.textContent).toContain("None.");
  expect(document.querySelector("#tools")).toBeNull();
});
