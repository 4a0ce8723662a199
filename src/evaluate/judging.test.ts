import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ConfigError, GenerationError, JudgeError } from "../core/errors.js";
import { refusalMatcher } from "../judges/refusal-matcher.js";
import { wilson } from "../stats/intervals.js";
import type { Judge, Verdict } from "../text/judge.js";
import type { Exchange } from "../text/messages.js";
import { MockChatModel } from "../text/mock-chat-model.js";
import { compareEvaluations } from "./compare.js";
import type { EvaluateOptions } from "./options.js";
import { readEvaluation } from "./read.js";
import type { VerdictRow } from "./results.js";
import { evaluate } from "./run.js";
import { taskNamed } from "./tasks/suites.js";

const root = mkdtempSync(join(tmpdir(), "judging-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
const PROMPTS = 30;

/** Answers by the length of the prompt, so that judges can tell them apart. */
const model = (id = "mock"): MockChatModel =>
  new MockChatModel({ id, respond: (messages) => `word ${(messages.at(-1)?.content.length ?? 0) % 7}` });

const options = (change: Partial<EvaluateOptions> = {}): EvaluateOptions => ({
  model: model(),
  judges: [refusalMatcher()],
  tasks: [{ task: taskNamed("I-CoNa"), limit: PROMPTS }],
  out: join(root, `run-${folders++}`),
  ...change,
});

/** A judge of harm that remembers what it was asked. */
function judgeSaying(
  say: (exchange: Exchange) => Partial<Verdict>,
  name = "guard",
  kind: Judge["kind"] = "harm",
): Judge & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    name,
    hash: `${name}-hash`,
    kind,
    asked,
    async *judge(exchanges) {
      for (const exchange of exchanges) {
        asked.push(exchange.id);
        yield { kind, label: null, score: null, status: "ok", judgeHash: `${name}-hash`, ...say(exchange) };
      }
    },
  };
}

const isUnsafe = ({ response }: Exchange): boolean => response.endsWith("3");
const honest = (name?: string) =>
  judgeSaying((exchange) => ({ label: isUnsafe(exchange) ? "unsafe" : "safe", score: 0.5 }), name);

const linesOf = (folder: string): VerdictRow[] =>
  readFileSync(join(folder, "verdicts.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as VerdictRow);

test("asks later judges when all is drawn, journals each verdict and counts them by judge and task", async () => {
  const order: string[] = [];
  const [guard, rewards] = [honest(), judgeSaying(() => ({ score: 2 }), "rewards", "reward")];
  const asked = options({
    laterJudges: [guard, rewards],
    beforeJudge: async ({ name }) => void order.push(name),
    onProgress: ({ phase }) => order.at(-1) === phase || order.push(phase),
  });
  const results = await evaluate(asked);
  expect(order).toEqual(["answers", "verdicts", "guard", "verdicts", "rewards", "verdicts"]);
  expect(linesOf(asked.out)).toHaveLength(2 * PROMPTS);
  const { samples, manifest } = readEvaluation(asked.out);
  const unsafe = samples.filter(isUnsafe).length;
  expect(unsafe).toBeGreaterThan(0);
  expect(samples.filter((row) => row.verdicts["guard"]?.label === "unsafe")).toHaveLength(unsafe);
  const rows = results.tasks.filter(({ judge }) => judge !== null);
  expect(rows.map(({ name, metric, judge }) => [name, metric, judge])).toEqual([
    ["I-CoNa", "refused", "refusal-matcher"],
    ["I-CoNa", "harmful", "guard"],
    ["I-CoNa", "reward", "rewards"],
  ]);
  expect(rows[1]).toMatchObject({ ...wilson(unsafe, PROMPTS), unscored: 0 });
  expect(rows[2]).toMatchObject({ value: 2, n: PROMPTS });
  expect(manifest.judges.map(({ name }) => name)).toEqual(["refusal-matcher", "guard", "rewards"]);
});

test("a stopped judge goes on where it was, and says the same in the end", async () => {
  const { out } = options();
  const whole = await evaluate(options({ laterJudges: [honest()] }));
  const dying = judgeSaying(() => {
    if (dying.asked.length > 11) throw new ConfigError("memory: expected room, got none");
    return { label: "safe" };
  });
  await expect(evaluate(options({ out, laterJudges: [dying] }))).rejects.toThrow(/expected room/);
  expect(linesOf(out)).toHaveLength(11);
  appendFileSync(join(out, "verdicts.jsonl"), '{"id":"half');
  const again = honest();
  const mock = model();
  const results = await evaluate(options({ out, model: mock, laterJudges: [again] }));
  expect(mock.drawn).toEqual([]);
  expect(again.asked).toHaveLength(PROMPTS - 11);
  // The first eleven were called safe by the judge that died.
  const row = results.tasks.find(({ metric }) => metric === "harmful");
  expect(row?.n).toBe(PROMPTS);
  expect(row?.value).toBeLessThanOrEqual(whole.tasks.find(({ metric }) => metric === "harmful")?.value ?? 0);
  const third = honest();
  let told = 0;
  await evaluate(options({ out, laterJudges: [third], beforeJudge: async () => void told++ }));
  expect([third.asked, told]).toEqual([[], 0]);
});

test("stops between two batches on a signal", async () => {
  const abort = new AbortController();
  const asked = options({
    laterJudges: [honest()],
    signal: abort.signal,
    beforeJudge: async () => abort.abort(),
  });
  await expect(evaluate(asked)).rejects.toThrow(GenerationError);
});

describe("a bad judge", () => {
  const bad: readonly (readonly [string, Judge["kind"], () => Partial<Verdict>, "invalid" | "error"])[] = [
    ["nonsense", "harm", () => ({ label: "perhaps" }), "invalid"],
    ["an empty word", "harm", () => ({ label: "" }), "invalid"],
    ["no word", "harm", () => ({ score: 0.2 }), "invalid"],
    ["NaN", "harm", () => ({ label: "safe", score: Number.NaN }), "invalid"],
    ["a reward of NaN", "reward", () => ({ score: Number.NaN }), "invalid"],
    ["no reward", "reward", () => ({}), "invalid"],
    ["a word of another kind", "refusal", () => ({ label: "safe" }), "invalid"],
    ["another kind's verdict", "harm", () => ({ kind: "refusal", label: "full_refusal" }), "invalid"],
    ["a word though it says invalid", "harm", () => ({ label: "safe", status: "invalid" }), "invalid"],
    [
      "a time-out",
      "harm",
      () => {
        throw new JudgeError("judge: expected an answer within 1 s, got none");
      },
      "error",
    ],
  ];
  test.each(bad)(
    "that says %s is unscored, counted, and never safe or unsafe",
    async (_, kind, say, status) => {
      const results = await evaluate(options({ laterJudges: [judgeSaying(say, "bad", kind)] }));
      const row = results.tasks.find(({ judge }) => judge === "bad");
      expect(row).toMatchObject({ value: Number.NaN, n: 0, unscored: PROMPTS });
      if (kind !== "reward") expect([row?.worstCase, row?.bestCase].sort()).toEqual([0, 1]);
      const counts = status === "invalid" ? `invalid ${PROMPTS}, failed 0` : `invalid 0, failed ${PROMPTS}`;
      expect(results.notes.join("\n")).toContain(
        `bad: ${PROMPTS} of ${PROMPTS} answers without a verdict (${counts})`,
      );
      expect(results.verdict.decision).toBe("inconclusive");
    },
  );

  test("that fails on one answer loses that one alone, and is asked about it again", async () => {
    let isBroken = true;
    const guard = judgeSaying((exchange) => {
      if (isBroken && isUnsafe(exchange)) throw new JudgeError("judge: no");
      return { label: "safe" };
    });
    const asked = options({ laterJudges: [guard] });
    const first = await evaluate(asked);
    const { samples } = readEvaluation(asked.out);
    const unsafe = samples.filter(isUnsafe).length;
    const harmful = (results: typeof first) => results.tasks.find(({ metric }) => metric === "harmful");
    expect(harmful(first)).toMatchObject({ n: PROMPTS - unsafe, unscored: unsafe });
    isBroken = false;
    expect(harmful(await evaluate(asked))).toMatchObject({ n: PROMPTS, unscored: 0 });
    expect(linesOf(asked.out)).toHaveLength(PROMPTS + unsafe);
  });

  test("that falls silent leaves the rest without a verdict", async () => {
    const silent: Judge = { ...honest(), async *judge() {} };
    const results = await evaluate(options({ laterJudges: [silent] }));
    expect(results.tasks.find(({ metric }) => metric === "harmful")).toMatchObject({
      n: 0,
      unscored: PROMPTS,
    });
  });
});

test("says how many answers a judge read only in part", async () => {
  const partial = judgeSaying((exchange) => ({ label: "safe", ...(isUnsafe(exchange) && { isCut: true }) }));
  const asked = options({ laterJudges: [partial] });
  const { notes } = await evaluate(asked);
  const cut = readEvaluation(asked.out).samples.filter(isUnsafe).length;
  expect(notes).toContain(
    `guard: ${cut} of ${PROMPTS} answers were longer than it reads: their ends are not judged`,
  );
});

test("other judges are another evaluation: not resumed, not compared", async () => {
  const [one, other] = [options({ laterJudges: [honest()] }), options({ laterJudges: [] })];
  for (const each of [one, other]) await evaluate(each);
  await expect(evaluate({ ...one, laterJudges: [honest("other")] })).rejects.toThrow(
    /judges refusal-matcher \w+, guard guard-hash and refusal-matcher \w+, other other-hash/,
  );
  expect(() => compareEvaluations([one.out, other.out].map(readEvaluation))).toThrow(/judges/);
});

test.each(["guard", "loops", "rougeL", "refusal-matcher"])(
  "refuses a second judge of the name %s",
  async (name) => {
    const twice = options({ laterJudges: [honest(), honest(name)] });
    await expect(evaluate(twice)).rejects.toThrow(/every judge once/);
  },
);
