/** @file Chat templates that do too much, or reach for what is not theirs. */
import { expect, test } from "vitest";
import { TokenizerError } from "../core/errors.js";
import { promptTemplate } from "./template.js";

const messages = [{ role: "user" as const, content: "hello" }];

function render(chatTemplate: string): string {
  return promptTemplate("chat", { chatTemplate, config: {} }).renderPrompt(messages);
}

const doubling = (first: string, next: string): string =>
  `{% set a = ${first} %}${`{% set a = ${next} %}`.repeat(60)}`;

test.each([
  [
    "loops without end",
    "{% for i in range(9000) %}{% for j in range(9000) %}x{% endfor %}{% endfor %}",
    /steps/,
  ],
  [
    "loops over nothing",
    "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}",
    /steps/,
  ],
  [
    "only goes on",
    "{% for i in range(9000) %}{% for j in range(9000) %}{% continue %}{% endfor %}{% endfor %}",
    /steps/,
  ],
  [
    "filters without end",
    "{% for i in range(9000) %}{% for j in range(9000) if j < 0 %}{% endfor %}{% endfor %}",
    /steps/,
  ],
  [
    "counts to 10^12",
    "{% for i in range(1000000000000) %}{% endfor %}",
    /range\(\) of at most 250000 numbers/,
  ],
  ["counts in steps of zero", "{% for i in range(1, 2, 0) %}{% endfor %}", /range\(\)/],
  ["calls itself", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", /500 expressions in each other/],
  [
    "calls itself twice",
    "{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    /steps/,
  ],
  ["doubles a text", `${doubling("'ab'", "a ~ a")}{{ a }}`, /values of at most 4000000 characters/],
  ["doubles a list", `${doubling("[1]", "a + a")}{{ a | length }}`, /values of at most/],
  ["nests a list in itself", `${doubling("[1]", "[a, a]")}{{ a }}`, /values of at most/],
  [
    "nests a mapping in itself",
    `${doubling("{'x': 1}", "{'x': a, 'y': a}")}{{ a | tojson }}`,
    /values of at most/,
  ],
  [
    "hides a namespace in a list",
    "{% set n = namespace() %}{% set n.a = [n, n] %}{{ n | tojson }}",
    /no namespace inside/,
  ],
  [
    "hides a namespace in another",
    "{% set m = namespace() %}{% set n = namespace() %}{% set n.m = m %}{{ n }}",
    /no namespace inside/,
  ],
  ["is very long", "x".repeat(1_000_001), /at most 1000000 characters/],
  ["nests brackets without end", `{{ ${"(".repeat(100_000)} }}`, /does not parse/],
  ["includes a file", "{% include '/etc/hostname' %}", /does not parse/],
  ["imports", "{% import 'os' as os %}{{ os }}", /does not parse/],
  [
    "says no in several lines",
    `{{ raise_exception('no\nand ${"on ".repeat(200)}') }}`,
    /refuses this conversation: no and on/,
  ],
])("a template that %s is refused in one line", (_, template, message) => {
  let error: unknown;
  try {
    render(template);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(TokenizerError);
  const { message: text, hint } = error as TokenizerError;
  expect(text).toMatch(message);
  expect(text).not.toContain("\n");
  expect(text.length).toBeLessThan(300);
  expect(hint).toBeDefined();
});

test.each([
  ["Python's ways out of a value", "{{ ''.__class__.__mro__ }}{{ self.__init__.__globals__ }}", ""],
  [
    "JavaScript's ways out of a value",
    "{{ messages.constructor }}{{ messages.__proto__ }}{{ range.constructor }}",
    "",
  ],
  ["the process", "{{ process.env }}{{ globalThis.process }}{{ require }}", ""],
])("%s lead nowhere", (_, template, expected) => {
  expect(render(template)).toBe(expected);
});

test("today is always the same day, in English", () => {
  expect(render("{{ strftime_now('%d %B %Y, %a %b %m %H:%M %%q') }}")).toBe(
    "26 July 2024, Fri Jul 07 00:00 %q",
  );
});

test("a long conversation is rendered", () => {
  const chatTemplate =
    "{% set ns = namespace(turns=0) %}{% for m in messages %}{% if messages[loop.index0].role == 'user' %}{% set ns.turns = ns.turns + 1 %}{% endif %}{{ m.content | trim }};{% endfor %}{{ ns.turns }}";
  const long = Array.from({ length: 1000 }, (_, i) => ({
    role: "user" as const,
    content: `${i} ${"word ".repeat(100)}`,
  }));
  const text = promptTemplate("chat", { chatTemplate, config: {} }).renderPrompt(long);
  expect(text.endsWith("word;1000")).toBe(true);
});
