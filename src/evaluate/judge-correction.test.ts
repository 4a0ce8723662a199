import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, describe, expect, test } from "vitest";
import { ConfigError, DatasetError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { refusalMatcher } from "../judges/refusal-matcher.js";
import { REFUSAL_VALIDATION } from "../judges/refusal-matcher.validation.js";
import { wilson } from "../stats/intervals.js";
import { roganGladen, sensitivityBand } from "../stats/judge-error.js";
import { predictionPoweredScore } from "../stats/prediction-powered.js";
import type { Judge, JudgeValidation } from "../text/judge.js";
import { MockChatModel } from "../text/mock-chat-model.js";
import { proportion } from "./evidence.test-data.js";
import type { EvaluateOptions } from "./options.js";
import { readEvaluation } from "./read.js";
import type { EvaluationResults, ResultRow, SampleRow } from "./results.js";
import { evaluate } from "./run.js";
import { readLabels } from "./run-labels.js";
import { taskNamed } from "./tasks/suites.js";

const root = mkdtempSync(join(tmpdir(), "correction-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const PROMPTS = 40;
const VALIDATION: JudgeValidation = {
  sensitivity: { ...proportion(85, 100), effectiveN: 60 },
  specificity: { ...proportion(184, 200), effectiveN: 90 },
  n: 300,
  source: "some answers",
};
const RATES = {
  sensitivity: { ...VALIDATION.sensitivity, n: 60 },
  specificity: { ...VALIDATION.specificity, n: 90 },
};

/** Calls every third answer harmful, gives no verdict on the first of every ten. */
function guard(validation?: JudgeValidation): Judge {
  return {
    name: "guard",
    hash: "guard-hash",
    kind: "harm",
    ...(validation && { validation }),
    async *judge(exchanges) {
      for (const { response } of exchanges) {
        const place = Number(response.split(" ")[1]);
        const base = { kind: "harm", score: null, judgeHash: "guard-hash" } as const;
        if (place % 10 === 0) yield { ...base, label: null, status: "invalid" };
        else yield { ...base, label: place % 3 === 0 ? "unsafe" : "safe", status: "ok" };
      }
    },
  };
}

let folders = 0;
function options(change: Partial<EvaluateOptions> = {}): EvaluateOptions {
  let place = 0;
  return {
    model: new MockChatModel({ respond: () => `number ${place++} is no refusal` }),
    judges: [refusalMatcher()],
    laterJudges: [guard(VALIDATION)],
    tasks: [{ task: taskNamed("I-CoNa"), limit: PROMPTS }],
    out: join(root, `run-${folders++}`),
    ...change,
  };
}

function harmful(results: EvaluationResults, name = "I-CoNa"): ResultRow {
  return results.tasks.find((row) => row.name === name && row.metric === "harmful") as ResultRow;
}

/** Places 1 to 39 but 10, 20, 30 are decided; those that 3 divides are called harmful. */
const DECIDED = Array.from({ length: PROMPTS }, (_, i) => i).filter((i) => i % 10 !== 0);
const CALLED = DECIDED.filter((i) => i % 3 === 0);
const placeOf = ({ response }: SampleRow): number => Number(response.split(" ")[1]);

function labelFile(name: string, rows: readonly object[]): string {
  const path = join(root, name);
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
}

describe("by a validation", () => {
  test("of other answers there is a band, marked as an assumption, on the effective number of answers", async () => {
    const { corrected, ...row } = harmful(await evaluate(options()));
    expect(row).toMatchObject({
      ...wilson(CALLED.length, DECIDED.length),
      unscored: PROMPTS - DECIDED.length,
    });
    expect(corrected).toEqual({
      ...sensitivityBand(CALLED.length, DECIDED.length, RATES),
      assumes: "assumes that the judge errs here as it did there",
      source: "some answers",
    });
  });

  test("of the same kind of answers there is Rogan-Gladen, on the named sets alone", async () => {
    const sameKind = (sets: readonly string[]) => [guard({ ...VALIDATION, sameKind: sets })];
    const named = harmful(await evaluate(options({ laterJudges: sameKind(["I-CoNa"]) }))).corrected;
    expect(named).toMatchObject(roganGladen(CALLED.length, DECIDED.length, RATES));
    expect(named?.assumes).toMatch(/of the kind that the judge was measured on/);
    const other = await evaluate(options({ laterJudges: sameKind(["Q-Harm"]) }));
    expect(harmful(other).corrected?.method).toBe("sensitivity-band");
  });

  test("of chance, of one class or of nothing there is no value", async () => {
    const chance = { ...VALIDATION, sensitivity: proportion(50, 100), specificity: proportion(50, 100) };
    const asked = options({ laterJudges: [guard(chance)] });
    expect(harmful(await evaluate(asked)).corrected).toMatchObject({ value: Number.NaN, low: 0, high: 1 });
    // JSON has no NaN.
    expect(harmful(readEvaluation(asked.out).results).corrected?.value).toBeNaN();
    const oneClass = { ...VALIDATION, specificity: proportion(0, 0) };
    expect(harmful(await evaluate(options({ laterJudges: [guard(oneClass)] }))).corrected).toBeUndefined();
    expect(harmful(await evaluate(options({ laterJudges: [guard()] }))).corrected).toBeUndefined();
  });

  test("the refusal matcher's own stands beside its share", async () => {
    const { tasks } = await evaluate(options({ laterJudges: [] }));
    const refused = tasks.find(({ metric }) => metric === "refused");
    expect(refused?.corrected).toMatchObject(sensitivityBand(0, PROMPTS, REFUSAL_VALIDATION.validation));
    expect(
      tasks.filter(({ metric }) => metric !== "refused").every((row) => row.corrected === undefined),
    ).toBe(true);
  });

  test("may come to a finished run, which then carries it", async () => {
    const asked = options({ laterJudges: [guard()] });
    await evaluate(asked);
    const results = await evaluate({ ...asked, laterJudges: [guard(VALIDATION)] });
    expect(harmful(results).corrected?.method).toBe("sensitivity-band");
    expect(readEvaluation(asked.out).manifest.judges[1]?.validation).toEqual(VALIDATION);
  });
});

describe("by people's labels", () => {
  /** Every fourth answer, called harmful by people where 5 divides its place. */
  async function labelled(): Promise<{ asked: EvaluateOptions; samples: readonly SampleRow[] }> {
    const asked = options();
    await evaluate(asked);
    return { asked, samples: readEvaluation(asked.out).samples.filter((row) => placeOf(row) % 4 === 1) };
  }
  const wordOf = (row: SampleRow): string => (placeOf(row) % 5 === 0 ? "unsafe" : "safe");
  const withLabels = async (asked: EvaluateOptions, rows: readonly object[]) =>
    evaluate({ ...asked, labels: await readLabels(labelFile(`labels-${folders++}.jsonl`, rows)) });

  test("there is a prediction-powered interval over what the judge decided, whichever way rows name an answer", async () => {
    const { asked, samples } = await labelled();
    const known = DECIDED.filter((i) => i % 4 === 1);
    const wanted = predictionPoweredScore({
      labels: known.map((i) => i % 5 === 0),
      judged: known.map((i) => i % 3 === 0),
      judgedUnlabelled: DECIDED.filter((i) => i % 4 !== 1).map((i) => i % 3 === 0),
    });
    const ways: ((row: SampleRow) => object)[] = [
      (row) => ({ id: row.id, label: wordOf(row) }),
      (row) => ({
        id: row.id,
        promptHash: row.promptHash,
        responseHash: sha256(row.response),
        label: wordOf(row),
      }),
      (row) => ({
        prompt: row.messages[0]?.content,
        response: row.response,
        label: wordOf(row) === "unsafe" ? 1 : 0,
      }),
    ];
    for (const way of ways) {
      const { corrected } = harmful(await withLabels(asked, samples.map(way)));
      expect(corrected).toMatchObject(wanted);
      expect(corrected?.assumes).toMatch(/random part/);
    }
  });

  test("labels of all answers are counted as they are, and of none leave the validation's band", async () => {
    const { asked } = await labelled();
    const all = readEvaluation(asked.out).samples.map((row) => ({ id: row.id, label: wordOf(row) }));
    const yes = DECIDED.filter((i) => i % 5 === 0).length;
    expect(harmful(await withLabels(asked, all)).corrected).toMatchObject(wilson(yes, DECIDED.length));
    const refusals = all.map(({ id }) => ({ id, label: "compliance" }));
    const results = await withLabels(asked, refusals);
    expect(harmful(results).corrected?.method).toBe("sensitivity-band");
    expect(results.tasks.find(({ metric }) => metric === "refused")?.corrected).toMatchObject(
      wilson(0, PROMPTS),
    );
  });

  test("the last label of an answer counts, and null takes it back", async () => {
    const { asked, samples } = await labelled();
    const [first, second] = samples as [SampleRow, SampleRow];
    const rows = [
      { id: first.id, label: "unsafe" },
      { id: first.id, label: "safe" },
      { id: second.id, label: "unsafe" },
      { id: second.id, label: null },
    ];
    const { corrected } = harmful(await withLabels(asked, rows));
    expect(corrected?.n).toBe(1);
    expect(corrected?.source).toBe("1 answers of this run labelled by people");
  });

  test("a label of another answer, of an unknown word or of two people is refused", async () => {
    const { asked, samples } = await labelled();
    const [row] = samples as [SampleRow];
    const refused = (rows: readonly object[]) => expect(withLabels(asked, rows)).rejects;
    await refused([{ id: "I-CoNa/none#0", label: "safe" }]).toThrow(DatasetError);
    await refused([{ id: row.id, responseHash: sha256("other"), label: "safe" }]).toThrow(
      /another answer with that id/,
    );
    await refused([{ prompt: row.messages[0]?.content, response: "other", label: 0 }]).toThrow(
      /of no answer/,
    );
    await refused([{ id: row.id, label: "maybe" }]).toThrow(/expected a label \(unsafe/);
    await refused([{ id: row.id }]).toThrow(DatasetError);
    await refused([{ id: row.id, label: null }]).toThrow(/expected labels, got none/);
    const mixed = [
      { id: row.id, label: "safe" },
      { id: row.id, label: "refusal" },
    ];
    await refused(mixed).toThrow(/label of harm, as before, got one of refusal/);
    const people = ["a", "b"].map((labeller) => ({ id: row.id, label: "safe", labeller }));
    await refused(people).toThrow(ConfigError);
  });
});

test("results.json with corrections keeps to its published schema", async () => {
  const asked = options({ laterJudges: [guard({ ...VALIDATION, sameKind: ["I-CoNa"] })] });
  await evaluate(asked);
  const url = new URL("../../schemas/results.schema.json", import.meta.url);
  const validate = new Ajv2020({ allErrors: true }).compile(JSON.parse(readFileSync(url, "utf8")));
  const results = JSON.parse(readFileSync(join(asked.out, "results.json"), "utf8"));
  expect(validate(results), JSON.stringify(validate.errors)).toBe(true);
});
