import { expect, test } from "vitest";
import { BoundedTemplate } from "./bounded-template.js";
import { stripCharacters } from "./template-mending.js";

// Expected values are those of Python 3 and Jinja2 3.1.
test.each([
  ["  a\n", "strip", "\n", "  a"],
  ["\n\na\n", "lstrip", "\n", "a\n"],
  ["xyaxy", "rstrip", "yx", "xya"],
  ["abba", "strip", "ab", ""],
  ["👋a👋👋", "strip", "👋", "a"],
  ["", "strip", "x", ""],
  [" a ", "strip", "", " a "],
])("%j.%s(%j) = %j", (text, method, characters, expected) => {
  expect(stripCharacters(text, method, characters)).toBe(expected);
});

test.each([
  ["{{ text.strip('\n') }}", " a "],
  ["{{ text.strip() }}", "a"],
  ["{{ (text.split('a')[0] + '\n').rstrip('\n') ~ '.' }}", " ."],
  ["{{ items | selectattr('x', 'undefined') | map(attribute='n') | join }}", "2"],
  ["{{ items | rejectattr('x', 'undefined') | map(attribute='n') | join }}", "1"],
  ["{{ items | selectattr('x', 'defined') | map(attribute='n') | join }}", "1"],
])("%s renders as Jinja2 renders it", (template, expected) => {
  const items = [{ n: "1", x: 0 }, { n: "2" }];
  expect(new BoundedTemplate(template).render({ text: " a ", items }, 1)).toBe(expected);
});
