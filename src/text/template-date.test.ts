import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { hashJson } from "../core/hash.js";
import { promptTemplate } from "./template.js";
import { TEMPLATE_DATE, templateDate } from "./template-date.js";

// Python's datetime.strftime, from reference/strftime_golden.py.
const golden: { readonly today: string; readonly formats: Readonly<Record<string, string>> } = JSON.parse(
  readFileSync(new URL("../../test/golden/strftime.json", import.meta.url), "utf8"),
);

const template = (chatTemplate: string) => promptTemplate("chat", { chatTemplate, config: {} });

test("dates are written as Python writes them", () => {
  expect(golden.today.slice(0, 10)).toBe(TEMPLATE_DATE);
  const formats = Object.keys(golden.formats);
  expect(formats.length).toBeGreaterThan(40);
  expect(Object.fromEntries(formats.map((format) => [format, templateDate(format)]))).toEqual(golden.formats);
});

test("a template renders the same on any day, and its hash says which day it saw", () => {
  const asks = "{{ strftime_now('%d %b %Y') }} {{ messages[0].content }}";
  const render = () => template(asks).renderPrompt([{ role: "user", content: "hello" }]);
  expect(render()).toBe("26 Jul 2024 hello");
  vi.useFakeTimers({ now: new Date("2031-01-02T03:04:05Z") });
  expect(render()).toBe("26 Jul 2024 hello");
  vi.useRealTimers();
  expect(template(asks).hash).toBe(hashJson({ text: asks, tokens: {}, today: TEMPLATE_DATE }));
  expect(template("plain").hash).toBe(hashJson({ text: "plain", tokens: {} }));
});
