import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, expect, test } from "vitest";
import { GenerationError } from "../core/errors.js";
import { refusalMatcher } from "../judges/refusal-matcher.js";
import { writeEvaluationReport } from "../report/write.js";
import { clusteredShare } from "../stats/clustered.js";
import { wilson } from "../stats/intervals.js";
import type { Completion, GenerationRequest, SamplingOptions } from "../text/chat-model.js";
import type { Message } from "../text/messages.js";
import { MockChatModel } from "../text/mock-chat-model.js";
import { compareEvaluations } from "./compare.js";
import type { EvaluateOptions } from "./options.js";
import { readEvaluation } from "./read.js";
import type { EvaluationResults, ResultRow } from "./results.js";
import { evaluate } from "./run.js";
import { suite } from "./tasks/suites.js";

const root = mkdtempSync(join(tmpdir(), "repeats-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
const newFolder = (): string => join(root, `run-${folders++}`);

const REFUSAL = "I'm sorry, but I can't help with that.";
const REPEATS = 3;

/** Some prompts are always refused, some never, some in part of their answers. */
function respond(messages: readonly Message[], sample: number): string {
  const { length } = messages.at(-1)?.content ?? "";
  return (length + sample * (length % 2)) % 3 === 0 ? REFUSAL : `Sure, here is answer ${sample}.`;
}

const repeated = (options: Partial<EvaluateOptions> = {}): EvaluateOptions => ({
  model: new MockChatModel({ respond }),
  judges: [refusalMatcher()],
  tasks: suite("demo"),
  out: newFolder(),
  sampling: { temperature: 1 },
  repeats: REPEATS,
  ...options,
});

const rowOf = (results: EvaluationResults, metric: string): ResultRow | undefined =>
  results.tasks.find((row) => row.name === "I-CoNa" && row.metric === metric);

/** Answers in the reverse order, as another batch might give them. */
class Reversed extends MockChatModel {
  override async *generate(
    requests: readonly GenerationRequest[],
    options: SamplingOptions,
  ): AsyncIterable<Completion> {
    const answers: Completion[] = [];
    for await (const answer of super.generate(requests, options)) answers.push(answer);
    yield* answers.reverse();
  }
}

test("counts answers clustered by prompt, and prompts by any and all of their answers", async () => {
  const options = repeated();
  const results = await evaluate(options);
  const samples = readEvaluation(options.out).samples.filter(({ task }) => task === "I-CoNa");
  expect(samples).toHaveLength(40 * REPEATS);
  const isRefused = samples.map(({ response }) => response === REFUSAL);
  const refusals = [...new Set(samples.map(({ promptId }) => promptId))].map(
    (prompt) => samples.filter((row) => row.promptId === prompt && row.response === REFUSAL).length,
  );
  const any = refusals.filter((n) => n > 0).length;
  const all = refusals.filter((n) => n === REPEATS).length;
  expect(new Set(refusals).size).toBeGreaterThan(2);
  const prompts = samples.map(({ promptId }) => promptId);
  const { low, high, n: effective } = clusteredShare(isRefused, prompts);
  expect(effective).toBeLessThan(samples.length);
  expect(rowOf(results, "refused")).toMatchObject({ low, high, n: 40, method: "clustered-wilson" });
  expect(rowOf(results, "refused")?.value).toBeCloseTo(isRefused.filter(Boolean).length / samples.length, 12);
  expect(rowOf(results, "refused-any-of-k")).toMatchObject(wilson(any, 40));
  expect(rowOf(results, "refused-all-of-k")).toMatchObject(wilson(all, 40));
  expect(results.notes.join()).toMatch(/3 answers a prompt at temperature 1/);
});

test("writes results in the published schema and a table of the report", async () => {
  const options = repeated();
  await evaluate(options);
  const read = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));
  const schema = read(join(import.meta.dirname, "../../schemas/results.schema.json")) as object;
  const validate = new Ajv2020().compile(schema);
  expect(validate(read(join(options.out, "results.json"))), JSON.stringify(validate.errors)).toBe(true);
  await writeEvaluationReport(options.out, "2025-01-01");
  expect(readFileSync(join(options.out, "report.md"), "utf8")).toMatch(
    /## Several answers a prompt[^#]*I-CoNa/,
  );
});

test("does not depend on the order of answers, nor on where a run stopped", async () => {
  const whole = await evaluate(repeated());
  expect(await evaluate(repeated({ model: new Reversed({ respond }) }))).toEqual(whole);
  const out = newFolder();
  const failing = new MockChatModel({ respond, failAfter: 100 });
  await expect(evaluate(repeated({ out, model: failing }))).rejects.toThrow(GenerationError);
  const model = new MockChatModel({ respond });
  expect(await evaluate(repeated({ out, model }))).toEqual(whole);
  expect(model.drawn).toHaveLength(200 * REPEATS - 100);
});

test("leaves a prompt without a verdict unless its other answers settle it", async () => {
  const judge = refusalMatcher();
  const results = await evaluate(
    repeated({
      tasks: suite("demo").slice(0, 1),
      limit: 3,
      model: new MockChatModel({ respond: (_, sample) => (sample === 0 ? "" : REFUSAL) }),
      judges: [
        {
          name: judge.name,
          hash: judge.hash,
          kind: judge.kind,
          async *judge(exchanges) {
            for await (const verdict of judge.judge(exchanges))
              yield exchanges[0]?.response === ""
                ? { ...verdict, label: null, score: null, status: "invalid" as const }
                : verdict;
          },
        },
      ],
    }),
  );
  const rows = ["refused-any-of-k", "refused-all-of-k"].map((metric) =>
    results.tasks.find((row) => row.metric === metric),
  );
  expect(rows[0]).toMatchObject({ value: 1, n: 3, unscored: 0 });
  expect(rows[1]).toMatchObject({ value: Number.NaN, n: 0, unscored: 3, worstCase: 0, bestCase: 1 });
});

test("refuses greedy repeats and a folder with another number of them", async () => {
  await expect(evaluate(repeated({ sampling: {} }))).rejects.toThrow(
    /repeats: expected 1 with greedy answers, got 3/,
  );
  const a = newFolder();
  await evaluate(repeated({ out: a }));
  await expect(evaluate(repeated({ out: a, repeats: 2 }))).rejects.toThrow(/repeats 3 and 2/);
});

test("compares each prompt's share of answers, over prompts", async () => {
  const [a, b] = [newFolder(), newFolder()];
  await evaluate(repeated({ out: a }));
  const later = new MockChatModel({
    respond: (messages, sample) => (sample === 0 ? REFUSAL : respond(messages, sample)),
  });
  await evaluate(repeated({ out: b, model: later }));
  const [base, other] = [readEvaluation(a), readEvaluation(b)];
  const comparison = compareEvaluations([base, other]);
  const difference = comparison.tasks.find(({ name }) => name === "I-CoNa")?.differences[0];
  // One of three answers is refused now where it was not before.
  const changed = base.samples.filter(
    (row) => row.task === "I-CoNa" && row.sample === 0 && row.response !== REFUSAL,
  ).length;
  expect(changed).toBeGreaterThan(5);
  expect(difference).toMatchObject({ newlyRefused: changed, noLongerRefused: 0, unscored: 0 });
  expect(difference?.refused).toMatchObject({ n: 40, method: "paired-bootstrap" });
  expect(difference?.refused.value).toBeCloseTo(changed / 3 / 40, 12);
  expect(difference?.lowest).toBeCloseTo(difference?.refused.value ?? 0, 12);
  expect(difference?.pValue).toBeLessThan(0.01);
  expect(difference?.flips).toHaveLength(changed);
  expect(comparison.answers.filter(({ task }) => task === "I-CoNa")).toHaveLength(40);
  expect(comparison.notes.join()).toMatch(/3 answers a prompt: differences are of each prompt's share/);
});
