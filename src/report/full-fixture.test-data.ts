/** @file A made-up comparison that has everything a report can show: five models, harm, multiple choice, a dial; not in the package. */
import { SeededRandom } from "../core/random.js";
import { compareChoices } from "../evaluate/compare-choices.js";
import { compareTasks, keyOf, makeScopes, pairsOf } from "../evaluate/compare-tasks.js";
import type { ComparedAnswer, ComparedModel, Comparison } from "../evaluate/comparison.js";
import type { EvaluationTask, Expectation, SampleRow } from "../evaluate/results.js";
import type { Verdict } from "../text/judge.js";
import { fixtureComparison } from "./fixture.test-data.js";

/** An answer that would run if the page did not show it as text. */
export const HOSTILE_ANSWER = `</script><script>document.title="hacked"</script><img src=x onerror="document.title='hacked'">`;

const MODELS: readonly (readonly [label: string, adapter: string | null, strength: number | null])[] = [
  ["base", null, null],
  ["sit", "runs/sit/adapter", 1],
  ["raft", "runs/raft/adapter", 1],
  ["dpo-0.5", "runs/dpo/adapter", 0.5],
  ["dpo", "runs/dpo/adapter", 1],
];

/** Chances that each model refuses, and that it answers a question right. */
const REFUSES: Readonly<Record<Expectation, readonly number[]>> = {
  "should-refuse": [0.25, 0.7, 0.6, 0.62, 0.86],
  "should-answer": [0.06, 0.3, 0.1, 0.09, 0.13],
  neutral: [0.1, 0.1, 0.1, 0.1, 0.1],
};
const KNOWS: readonly number[] = [0.56, 0.49, 0.55, 0.55, 0.53];

/** The same for the same number of prompts a set; the first answer of the base is {@link HOSTILE_ANSWER}. */
export function fullComparison(perSet: number): Comparison {
  const plain = fixtureComparison(perSet);
  const answers = plain.answers.map(answerOf);
  const { level } = plain.settings;
  const sides = MODELS.map(([label], model) => {
    const rows = [...answers.map((row) => sampleOf(row, model)), ...questions(perSet, model)];
    return {
      label,
      samples: new Map(rows.map((row) => [keyOf(row), row])),
      answers: new Map(rows.map((row) => [keyOf(row), [row]])),
    };
  });
  const samples = [...(sides[0]?.samples.values() ?? [])];
  const by = { refusal: "refusal-matcher", harm: "guard" };
  const sets = [...plain.settings.sets, ...CHOICES.map((name) => choiceTask(name, perSet))];
  return {
    ...plain,
    models: MODELS.map(modelOf),
    judges: [...plain.judges, { name: "guard", kind: "harm", hash: "9c1f0d2e7a", validation: null }],
    settings: { ...plain.settings, sets },
    tasks: compareTasks(makeScopes(samples, plain.settings.sets), sides, by, level),
    choices: compareChoices(sets, sides, pairsOf(sides), level),
    references: [],
    answers,
  };
}

function modelOf([label, adapter, strength]: (typeof MODELS)[number], i: number): ComparedModel {
  const target = { model: "smollm2-135m-instruct", adapter, strength, template: "chat", endpoint: null };
  return { label, target, hash: `${i}b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db5` };
}

const ANSWERS = {
  refusal: "I can't help with that. If you are in difficulty, talk to someone you trust.",
  answer: "Here is a short plan in three steps, with what you need for each of them.",
};

function answerOf(row: ComparedAnswer, place: number): ComparedAnswer {
  const random = new SeededRandom(7, row.promptId);
  const difficulty = random.next();
  const answers = REFUSES[row.expectation].map((rate, model) => {
    const refuses = 0.6 * difficulty + 0.4 * random.next() < rate;
    const isUnsafe = row.expectation === "should-refuse" && !refuses && random.next() < 0.8;
    const isUnscored = random.next() < 0.01;
    return {
      response: place === 0 && model === 0 ? HOSTILE_ANSWER : refuses ? ANSWERS.refusal : ANSWERS.answer,
      finishReason: "stop" as const,
      tokenCount: refuses ? 20 : 70,
      isLoop: false,
      verdict: verdict("refusal", refuses ? "full_refusal" : "full_compliance", null),
      harm: verdict("harm", isUnscored ? null : isUnsafe ? "unsafe" : "safe", null),
    };
  });
  return { ...row, answers };
}

function sampleOf({ task, promptId, messages, answers }: ComparedAnswer, model: number): SampleRow {
  const answer = answers[model];
  return {
    ...rowOf(task, promptId),
    messages,
    response: answer?.response ?? "",
    tokenCount: answer?.tokenCount ?? null,
    verdicts: {
      ...(answer?.verdict && { "refusal-matcher": answer.verdict }),
      ...(answer?.harm && { guard: answer.harm }),
      loops: verdict("metric", null, 0),
    },
  };
}

const CHOICES: readonly string[] = ["arc_easy", "boolq"];

function choiceTask(name: string, prompts: number): EvaluationTask {
  const multipleChoice = { metrics: ["acc"], fewShot: 0 } as const;
  return { ...taskOf(name, prompts), multipleChoice };
}

function taskOf(name: string, prompts: number): EvaluationTask {
  return {
    name,
    dataset: name,
    expectation: "neutral",
    prompts,
    of: prompts,
    promptsHash: "p",
    hasReferences: false,
  };
}

function questions(perSet: number, model: number): SampleRow[] {
  return CHOICES.flatMap((name) =>
    Array.from({ length: perSet }, (_, i): SampleRow => {
      const random = new SeededRandom(3, name, i);
      const difficulty = random.next();
      const own = new SeededRandom(3, name, i, model).next();
      const isRight = 0.8 * difficulty + 0.2 * own < (KNOWS[model] ?? 0);
      const verdicts = { acc: verdict("choice", isRight ? "right" : "wrong", Number(isRight)) };
      return { ...rowOf(name, String(i)), verdicts };
    }),
  );
}

function rowOf(task: string, promptId: string): SampleRow {
  return {
    id: `${task}/${promptId}#0`,
    task,
    promptId,
    promptHash: promptId,
    messages: [],
    sample: 0,
    response: "",
    tokenCount: null,
    finishReason: "stop",
    seed: 0,
    verdicts: {},
  };
}

function verdict(kind: Verdict["kind"], label: string | null, score: number | null): Verdict {
  const isOk = label !== null || score !== null;
  return { kind, label, score, status: isOk ? "ok" : "invalid", judgeHash: "fake" };
}
