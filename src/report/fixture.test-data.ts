/** @file A made-up comparison of realistic size (3 models, 8 sets, 100 prompts a set) for tests; not in the package. */
import { SeededRandom } from "../core/random.js";
import type {
  ComparedAnswer,
  ComparedResponse,
  Comparison,
  TaskComparison,
  TaskDifference,
  TaskResult,
} from "../evaluate/comparison.js";
import type { EvaluationTask, Expectation } from "../evaluate/results.js";
import { meanInterval, wilson } from "../stats/intervals.js";
import { holm, mcnemarExact } from "../stats/mcnemar.js";
import { countPairs, pairedDifference, pairedShareDifference } from "../stats/paired.js";
import type { JudgeValidation } from "../text/judge.js";
import { reportFromComparison } from "./from-comparison.js";
import type { Report } from "./report.js";

const SETS: readonly (readonly [string, Expectation, readonly number[]])[] = [
  ["I-MaliciousInstructions", "should-refuse", [0.3, 0.78, 0.82]],
  ["I-CoNa", "should-refuse", [0.22, 0.7, 0.75]],
  ["I-Controversial", "should-refuse", [0.18, 0.55, 0.65]],
  ["Q-Harm", "should-refuse", [0.35, 0.72, 0.7]],
  ["I-PhysicalSafetyUnsafe", "should-refuse", [0.15, 0.48, 0.55]],
  ["I-Alpaca", "should-answer", [0, 0.2, 0.12]],
  ["XSTest-safe", "should-answer", [0.19, 0.42, 0.3]],
  ["alpaca_test", "should-answer", [0.08, 0.18, 0.14]],
];

const LABELS = ["base", "sit", "dpo"];

const SENTENCES = [
  "Here is a short plan in three steps, with what you need for each of them.",
  "First, gather the ingredients and read the whole recipe once.",
  "The result depends on the season, on the soil and on patience.",
  "In short: start small, measure, and change one thing at a time.",
];

const VALIDATION: JudgeValidation = {
  sensitivity: wilson(371, 400),
  specificity: wilson(675, 698),
  n: 1098,
  source: "XSTest completions, labels by people",
};

/** The fixture as a report. */
export function fixtureReport(perSet = 100): Report {
  return reportFromComparison(fixtureComparison(perSet), { date: "2026-11-24", version: "0.1.0" });
}

/** The same comparison for the same seed; `perSet` prompts in each of eight sets. */
export function fixtureComparison(perSet = 100, seed = 1): Comparison {
  const answers = SETS.flatMap(([set, expectation, rates]) =>
    Array.from({ length: perSet }, (_, i) => fixtureAnswer(set, expectation, rates, i, seed)),
  );
  const rowsOf = (expectation: Expectation): ComparedAnswer[] =>
    answers.filter((row) => row.expectation === expectation);
  return {
    schemaVersion: 1,
    models: LABELS.map((label, i) => ({
      label,
      target: {
        model: "smollm2-135m-instruct",
        adapter: i === 0 ? null : `runs/${label}/adapter`,
        strength: i === 0 ? null : 1,
        template: "chat",
        endpoint: null,
      },
      hash: `${i}b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db5`,
    })),
    judges: [
      { name: "refusal-matcher", kind: "refusal", hash: "5f2d9c0e7a61b3d48890", validation: VALIDATION },
    ],
    settings: {
      sampling: SAMPLING,
      seed: 0,
      limit: 100,
      level: 0.95,
      sets: SETS.map(([name, expectation]) => fixtureSet(name, expectation, perSet)),
    },
    tasks: [
      ...SETS.map(([name, expectation]) =>
        fixtureTask(
          name,
          false,
          expectation,
          answers.filter((row) => row.task === name),
        ),
      ),
      fixtureTask("pool/should-refuse", true, "should-refuse", rowsOf("should-refuse")),
      fixtureTask("pool/should-answer", true, "should-answer", rowsOf("should-answer")),
    ],
    texts: [],
    choices: [],
    categories: [],
    references: [fixtureReferences(seed)],
    answers,
    notes: ["2 prompts of I-CoNa were left out: an evaluation has no answer to them"],
  };
}

const SAMPLING = {
  maxNewTokens: 128,
  minNewTokens: 0,
  temperature: 0,
  topK: 0,
  topP: 1,
  frequencyPenalty: 0,
  stop: [],
};

function fixtureSet(name: string, expectation: Expectation, prompts: number): EvaluationTask {
  const hasReferences = name === "alpaca_test";
  return { name, dataset: name, expectation, prompts, of: 2 * prompts, promptsHash: "p", hasReferences };
}

function fixtureAnswer(
  task: string,
  expectation: Expectation,
  rates: readonly number[],
  i: number,
  seed: number,
): ComparedAnswer {
  const random = new SeededRandom(seed, task, i);
  const difficulty = random.next();
  return {
    task,
    promptId: `${task}:${i}`,
    expectation,
    messages: [{ role: "user", content: `Placeholder for prompt ${i} of ${task}. What should I know?` }],
    answers: rates.map((rate) => fixtureResponse(difficulty * 0.6 + random.next() * 0.4 < rate, random)),
  };
}

function fixtureResponse(isRefusal: boolean, random: SeededRandom): ComparedResponse {
  const isUnscored = random.next() < 0.002;
  const isObjection = random.next() < 0.2;
  return {
    response: isRefusal
      ? "I can't help with that. If you are in difficulty, talk to someone you trust."
      : random.shuffled(SENTENCES).join(" "),
    finishReason: !isRefusal && random.next() < 0.4 ? "length" : "stop",
    tokenCount: isRefusal ? 20 + random.integer(12) : 60 + random.integer(68),
    isLoop: !isRefusal && random.next() < 0.05,
    harm: null,
    verdict: {
      kind: "refusal",
      label: isUnscored ? null : isRefusal ? "full_refusal" : "full_compliance",
      score: null,
      status: isUnscored ? "invalid" : "ok",
      judgeHash: "5f2d9c0e7a61b3d48890",
      ...(isRefusal && { detail: isObjection ? "objection: unacceptable" : "refusal: cannot" }),
    },
  };
}

function fixtureTask(
  name: string,
  isPool: boolean,
  expectation: Expectation,
  rows: readonly ComparedAnswer[],
): TaskComparison {
  const pairs = [
    [0, 1],
    [0, 2],
    [1, 2],
  ] as const;
  return {
    name,
    isPool,
    expectation,
    prompts: rows.length,
    results: LABELS.map((_, i) => fixtureResult(rows, i, expectation)),
    differences: pairs.map(([from, to]) => fixtureDifference(rows, from, to, isPool)),
  };
}

function fixtureResult(rows: readonly ComparedAnswer[], model: number, expectation: Expectation): TaskResult {
  const answers = rows.flatMap((row) => row.answers[model] ?? []);
  const scored = answers.filter(({ verdict }) => verdict?.status === "ok");
  const refused = scored.filter(({ verdict }) => verdict?.label === "full_refusal");
  const objections = refused.filter(({ verdict }) => verdict?.detail?.startsWith("objection")).length;
  const unscored = answers.length - scored.length;
  const [low, high] = [refused.length / answers.length, (refused.length + unscored) / answers.length];
  return {
    refused: wilson(refused.length, scored.length),
    refusals: refused.length - objections,
    objections,
    unscored,
    worstCase: expectation === "should-refuse" ? low : high,
    bestCase: expectation === "should-refuse" ? high : low,
    harmful: null,
    loops: wilson(answers.filter(({ isLoop }) => isLoop).length, answers.length),
    truncated: wilson(answers.filter(({ finishReason }) => finishReason === "length").length, answers.length),
    responseTokens: meanInterval(answers.flatMap(({ tokenCount }) => tokenCount ?? [])),
  };
}

function fixtureDifference(
  rows: readonly ComparedAnswer[],
  from: number,
  to: number,
  isPool: boolean,
): TaskDifference {
  const decided = rows.filter((row) => [from, to].every((i) => row.answers[i]?.verdict?.status === "ok"));
  const refusedBy = (model: number): boolean[] =>
    decided.map((row) => row.answers[model]?.verdict?.label === "full_refusal");
  const loopsOf = (model: number): boolean[] => rows.map((row) => row.answers[model]?.isLoop ?? false);
  const counts = countPairs(refusedBy(from), refusedBy(to));
  const pValue = mcnemarExact(counts.onlySecond, counts.onlyFirst);
  return {
    from: LABELS[from] ?? "",
    to: LABELS[to] ?? "",
    refused: pairedShareDifference(counts),
    newlyRefused: counts.onlySecond,
    noLongerRefused: counts.onlyFirst,
    pValue,
    pValueHolm: isPool ? null : (holm([pValue, ...SETS.slice(1).map(() => 1)])[0] ?? 1),
    unscored: rows.length - decided.length,
    lowest: (counts.onlySecond - counts.onlyFirst - (rows.length - decided.length)) / rows.length,
    highest: (counts.onlySecond - counts.onlyFirst + (rows.length - decided.length)) / rows.length,
    harmful: null,
    loops: pairedShareDifference(countPairs(loopsOf(from), loopsOf(to))),
    flips: [],
  };
}

function fixtureReferences(seed: number): Comparison["references"][number] {
  const random = new SeededRandom(seed, "references");
  const values = LABELS.map((_, i) =>
    Array.from({ length: 200 }, () => -1.4 - 0.03 * i - 0.4 * random.next()),
  );
  const change = (from: number, to: number) => ({
    from: LABELS[from] ?? "",
    to: LABELS[to] ?? "",
    perToken: pairedDifference(values[from] ?? [], values[to] ?? []),
  });
  return {
    task: "alpaca_test",
    results: values.map((list) => meanInterval(list)),
    differences: [change(0, 1), change(0, 2), change(1, 2)],
  };
}
