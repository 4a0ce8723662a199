import { describe, expect, test } from "vitest";
import { ConfigError } from "../core/errors.js";
import { nearestName } from "../core/fields.js";
import { bundledRecipe, loadRecipe, parseRecipe, selectionOf } from "./recipe.js";

const GOOD = `model: smollm2-135m-instruct
seed: 7
evaluate: {suite: demo}
sit:
  data: [alpaca_5k, {name: benign_alarming, rows: 20}]
  safety: {name: safety_only_train, rows: 10, mustRefuse: true}
  train: {learningRate: 5e-4, loraTargets: [q_proj, v_proj]}
dpo:
  pairs: {count: 40, share: 0.5, safety: safety_only_train, harmless: [alpaca_5k]}
  train: {beta: 0.1, nllWeight: 0.2}
`;

function refusal(change: (recipe: string) => string): string {
  try {
    parseRecipe(change(GOOD), "mine.yaml");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `${error.message} | ${error.hint ?? ""}`;
  }
  return "accepted";
}

test("reads a recipe, fills in defaults, and takes a bare name as all rows", () => {
  const recipe = parseRecipe(GOOD, "mine.yaml");
  expect(recipe.sit.data).toEqual([{ name: "alpaca_5k" }, { name: "benign_alarming", rows: 20 }]);
  expect(recipe.sit.train).toEqual({ learningRate: 5e-4, loraTargets: ["q_proj", "v_proj"] });
  expect(recipe.evaluate).toEqual({ suite: "demo", maxNewTokens: 128 });
  expect(recipe.dpo.pairs).toMatchObject({ answersFrom: "sit", harmlessChosen: "own", maxNewTokens: 128 });
});

test("a suite may be a list of tasks with limits", () => {
  const recipe = parseRecipe(GOOD.replace("suite: demo", "suite: [I-CoNa, {task: advbench, limit: 9}]"), "x");
  const selection = selectionOf(recipe.evaluate.suite);
  expect(selection.map(({ task, limit }) => [task.name, limit])).toEqual([
    ["I-CoNa", null],
    ["advbench", 9],
  ]);
});

describe("what a recipe must not hold is refused in one line", () => {
  test.each([
    [
      "a mistyped key",
      "learningRate",
      "learnigRate",
      /^mine\.yaml:7: sit\.train\.learnigRate: expected a known key, got learnigRate \| did you mean learningRate\?/,
    ],
    ["a missing key", "seed: 7\n", "", /^mine\.yaml:1: expected the key seed, got none/],
    [
      "text for a number",
      "count: 40",
      "count: many",
      /dpo\.pairs\.count: expected a whole number of at least 1, got many/,
    ],
    [
      "a share above 1",
      "share: 0.5",
      "share: 50",
      /dpo\.pairs\.share: expected a number from 0 to 1, got 50/,
    ],
    ["an unknown suite", "suite: demo", "suite: dmeo", /evaluate\.suite: .* \| did you mean demo\?/],
    [
      "a suite with settings of its own",
      "suite: demo",
      "suite: paper-exact",
      /evaluate\.suite: expected a suite/,
    ],
    ["an unknown task", "suite: demo", "suite: [I-Cona]", /evaluate\.suite\.0: .* \| did you mean I-CoNa\?/],
    [
      "nothing where keys belong",
      "  train: {beta: 0.1, nllWeight: 0.2}",
      "  train:",
      /dpo.*train: expected keys with values, got nothing|the key train/,
    ],
    [
      "rows for pairs",
      "harmless: [alpaca_5k]",
      "harmless: [{name: alpaca_5k, rows: 3}]",
      /their count decides, got rows of alpaca_5k/,
    ],
    [
      "own answers without a limit",
      "harmless: [alpaca_5k]",
      "harmless: [{name: alpaca_5k, ownAnswers: true}]",
      /harmless\.0: expected maxCompletionLength beside ownAnswers/,
    ],
    [
      "a limit of rows for pairs",
      "harmless: [alpaca_5k]",
      "harmless: [{name: alpaca_5k, maxCompletionLength: 8}]",
      /pairs: expected no maxCompletionLength for pairs.*, got that of alpaca_5k/,
    ],
    [
      "the base's answers trained on beyond where they were drawn",
      "harmless: [alpaca_5k]",
      "harmless: [alpaca_5k], harmlessChosen: base, maxNewTokens: 16",
      /dpo: expected train\.maxCompletionLength of at most pairs\.maxNewTokens, 16, .*, got none/,
    ],
    [
      "own answers to unsafe prompts",
      /safety: [^\n]*/,
      "safety: {name: safety_only_train, maxCompletionLength: 8, ownAnswers: true}",
      /sit\.safety: expected no ownAnswers for safety rows/,
    ],
    ["text that is not YAML", "seed: 7", "seed: [7", /^mine\.yaml:\d+: expected YAML, got /],
    ["a LoRA shape for DPO", "beta: 0.1", "loraRank: 8", /dpo\.train\.loraRank: expected a known key/],
  ])("%s", (_, part, replacement, expected) => {
    const message = refusal((recipe) => recipe.replace(part, replacement));
    expect(message).toMatch(expected);
    expect(message).not.toContain("\n");
  });
});

test("a recipe that is not there is named", () => {
  expect(() => loadRecipe("no-such.yaml")).toThrow(/no-such\.yaml: expected a recipe, got no such file/);
});

test.each(["demo", "demo-full"] as const)("the recipe %s that comes with the package is valid", (name) => {
  expect(loadRecipe(bundledRecipe(name)).model).toBe("smollm2-135m-instruct");
});

test("only a near name is suggested", () => {
  expect(nearestName("bta", ["beta", "loss"])).toBe("beta");
  expect(nearestName("temperature", ["beta", "loss"])).toBeNull();
});
