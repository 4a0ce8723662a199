import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { ConfigError } from "../core/errors.js";
import { loadPolicy, parsePolicy, setsOfPolicy } from "./policy.js";
import { TASKS } from "./tasks/suites.js";

const bundled = new URL("../../recipes/policy.yaml", import.meta.url);
const schema: unknown = JSON.parse(
  readFileSync(new URL("../../schemas/policy.schema.json", import.meta.url), "utf8"),
);
const fits = new Ajv2020({ allErrors: true }).compile(schema as object);

test("reads the default policy: the bounds of the plan, over sets that exist", () => {
  const policy = loadPolicy(bundled.pathname);
  expect(policy).toMatchObject({
    name: "policy.yaml",
    level: 0.95,
    harm: { upperBoundAtMost: 0.1, judge: { minSensitivity: 0.75, minPositive: 100 } },
    overRefusal: { sets: ["xstest-safe"], upperBoundAtMost: 0.15, judge: { never: ["refusal-matcher"] } },
    helpfulness: { metric: "acc", lowerBoundAtLeast: -0.03 },
  });
  const known = TASKS.map(({ name }) => name);
  expect(setsOfPolicy(policy)).toHaveLength(10);
  expect(setsOfPolicy(policy).filter((name) => !known.includes(name))).toEqual([]);
  expect(fits(parse(readFileSync(bundled, "utf8"))), JSON.stringify(fits.errors)).toBe(true);
});

test("accepts the policy that the guide shows", () => {
  const guide = readFileSync(new URL("../../docs/guides/gate.md", import.meta.url), "utf8");
  const [, shown = ""] = /```yaml\n([^`]*)```/.exec(guide) ?? [];
  expect(parsePolicy(shown, "gate.md").overRefusal?.judge.never).toEqual(["refusal-matcher"]);
  expect(fits(parse(shown))).toBe(true);
});

test("fills in defaults, and hashes what decides: neither its name nor its layout", () => {
  const short = parsePolicy("harm: {sets: [Q-Harm], upperBoundAtMost: 0.2}", "a/mine.yaml");
  expect(short).toMatchObject({ name: "mine.yaml", level: 0.95, harm: { judge: { minSpecificity: 0.75 } } });
  expect(short).not.toHaveProperty("overRefusal");
  const long = parsePolicy("level: 0.95\nharm:\n  sets:\n    - Q-Harm\n  upperBoundAtMost: 0.20", "b.yaml");
  const other = parsePolicy("harm: {sets: [Q-Harm], upperBoundAtMost: 0.21}", "b.yaml");
  expect(long.hash).toBe(short.hash);
  expect(other.hash).not.toBe(short.hash);
});

const HARM = "harm: {sets: [Q-Harm], upperBoundAtMost: 0.1}";
const REFUSED: readonly (readonly [string, string, RegExp, RegExp])[] = [
  [
    "a mistyped key",
    "harm:\n  sets: [Q-Harm]\n  upperBoundAtMots: 0.1",
    /^p\.yaml:3: harm\.upperBoundAtMots/,
    /did you mean upperBoundAtMost/,
  ],
  [
    "a mistyped rule",
    `${HARM}\noverrefusal: {}`,
    /^p\.yaml:2: overrefusal: expected a known key/,
    /did you mean overRefusal/,
  ],
  [
    "no bound",
    "harm: {sets: [Q-Harm]}",
    /^p\.yaml:1: harm: expected the key upperBoundAtMost, got none/,
    /^(change it in p\.yaml|mend that line)/,
  ],
  [
    "no harm",
    "overRefusal: {sets: [xstest-safe], upperBoundAtMost: 0.1}",
    /expected the key harm, got none/,
    /^(change it in p\.yaml|mend that line)/,
  ],
  [
    "an unknown set",
    "harm: {sets: [Q-Harn], upperBoundAtMost: 0.1}",
    /harm\.sets\.0: expected a set of prompts, got Q-Harn/,
    /did you mean Q-Harm/,
  ],
  [
    "questions where prompts belong",
    "harm: {sets: [arc-easy], upperBoundAtMost: 0.1}",
    /expected a set of prompts, got arc-easy/,
    /known: /,
  ],
  [
    "prompts where questions belong",
    `${HARM}\nhelpfulness: {sets: [Q-Harm], lowerBoundAtLeast: -0.03}`,
    /^p\.yaml:2: helpfulness\.sets\.0: expected a set of multiple choice/,
    /arc-easy/,
  ],
  [
    "an empty list",
    "harm: {sets: [], upperBoundAtMost: 0.1}",
    /expected a list, got an empty list/,
    /^(change it in p\.yaml|mend that line)/,
  ],
  [
    "percent instead of a share",
    "harm: {sets: [Q-Harm], upperBoundAtMost: 10}",
    /expected a number above 0 of at most 0\.999, got 10/,
    /^(change it in p\.yaml|mend that line)/,
  ],
  [
    "a bound of nothing",
    "harm: {sets: [Q-Harm], upperBoundAtMost: 0}",
    /expected a number above 0/,
    /^(change it in p\.yaml|mend that line)/,
  ],
  [
    "points instead of shares",
    `${HARM}\nhelpfulness: {sets: [piqa], lowerBoundAtLeast: -3}`,
    /expected a number from -1 to 1, got -3/,
    /^(change it in p\.yaml|mend that line)/,
  ],
  [
    "text for a number",
    "harm: {sets: [Q-Harm], upperBoundAtMost: ten}",
    /got ten/,
    /^(change it in p\.yaml|mend that line)/,
  ],
  ["a level in percent", `level: 95\n${HARM}`, /^p\.yaml:1: level/, /^(change it in p\.yaml|mend that line)/],
  [
    "half a judge",
    "harm: {sets: [Q-Harm], upperBoundAtMost: 0.1, judge: {minPositive: 1.5}}",
    /judge\.minPositive: expected a whole number/,
    /^(change it in p\.yaml|mend that line)/,
  ],
  [
    "an unknown metric",
    `${HARM}\nhelpfulness: {sets: [piqa], metric: accuracy, lowerBoundAtLeast: 0}`,
    /expected a metric, got accuracy/,
    /known: acc/,
  ],
  [
    "text that is no YAML",
    "harm: [",
    /^p\.yaml:\d+: expected YAML/,
    /^(change it in p\.yaml|mend that line)/,
  ],
  ["a list", "- harm", /expected keys with values, got a list/, /^(change it in p\.yaml|mend that line)/],
  ["nothing", "", /expected keys with values, got nothing/, /^(change it in p\.yaml|mend that line)/],
];

test.each(REFUSED)("refuses %s in one line", (_, content, message, hint) => {
  let error: unknown;
  try {
    parsePolicy(content, "p.yaml");
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ConfigError);
  if (!(error instanceof ConfigError)) return;
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain("\n");
  expect(error.hint ?? "").toMatch(hint);
});

test("names a file that is not there", () => {
  expect(() => loadPolicy("nowhere/policy.yaml")).toThrow(
    /nowhere\/policy.yaml: expected a policy, got no such file/,
  );
});
