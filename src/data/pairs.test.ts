/** @file Preference pairs against a mock model: every kind, every reason to drop, shares, seeds and resuming. */
import { expect, test } from "vitest";
import type { ChatModel, Completion, GenerationRequest, SamplingOptions } from "../text/chat-model.js";
import type { Message } from "../text/messages.js";
import type { PreferencePair, PromptCompletion } from "./examples.js";
import { type BuildPairsOptions, buildPairs, composePairs, refusalPool } from "./pairs.js";

const REFUSAL = "I'm sorry, I cannot do that.";

function turn(role: Message["role"], content: string): Message[] {
  return [{ role, content }];
}

function rows(
  name: string,
  count: number,
  answer = (i: number) => `answer ${name} ${i}`,
): PromptCompletion[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `${name}${i}`,
    prompt: turn("user", `${name} prompt ${i}`),
    completion: turn("assistant", answer(i)),
  }));
}

const SAFETY = rows("unsafe", 40, (i) => `${REFUSAL} Reason ${i}.`);
const HARMLESS = rows("fine", 40);
const isRefusal = (_: readonly Message[], response: string) => response.startsWith("I'm sorry");

/** Answers in reverse order, as a batching model may; `answers` decides what. */
class MockModel implements ChatModel {
  readonly id = "mock";
  readonly hash = "mock";
  readonly asked: string[] = [];
  private readonly answer: (id: string) => Partial<Completion>;

  constructor(answer: (id: string) => Partial<Completion> = (id) => ({ response: `own ${id}` })) {
    this.answer = answer;
  }

  async *generate(
    requests: readonly GenerationRequest[],
    options: SamplingOptions,
  ): AsyncIterable<Completion> {
    for (const { id } of requests.toReversed()) {
      this.asked.push(id);
      const seed = options.seed ?? 0;
      yield { id, sample: 0, response: "", tokenIds: [], finishReason: "stop", seed, ...this.answer(id) };
    }
  }
}

function build(options: Partial<BuildPairsOptions> = {}) {
  const model = options.model ?? new MockModel();
  return buildPairs({
    ...{ safety: SAFETY, harmless: HARMLESS, count: 20, share: 0.5, seed: 1, benchmarks: [], isRefusal },
    ...options,
    model,
  });
}

const text = (messages: readonly Message[]) => messages[0]?.content ?? "";

test("prefers the safe answer to the model's own, and the model's own to a refusal", async () => {
  const { pairs, report } = await build();
  expect(report.pairs).toEqual({ safety: 10, harmless: 10, labelled: 0 });
  for (const pair of pairs) {
    const name = pair.id.replace(/^\w+\//, "");
    expect(text(pair.prompt)).toBe(name.replace(/(\d+)$/, " prompt $1"));
    if (pair.kind === "safety") {
      expect(text(pair.chosen)).toBe(`${REFUSAL} Reason ${/\d+$/.exec(name)?.[0]}.`);
      expect(text(pair.rejected)).toBe(`own safety/${name}`);
    } else {
      expect(text(pair.chosen)).toBe(`own harmless/${name}`);
      expect(isRefusal([], text(pair.rejected))).toBe(true);
    }
  }
  const order = pairs.map((pair) => pair.kind);
  expect(order).not.toEqual(order.toSorted());
});

test("the same seed gives the same pairs, whatever the order of the rows; another seed others", async () => {
  const first = await build();
  const shuffled = await build({ safety: SAFETY.toReversed(), harmless: HARMLESS.toReversed() });
  expect(shuffled.pairs).toEqual(first.pairs);
  expect((await build({ seed: 2 })).pairs).not.toEqual(first.pairs);
});

test("asks for no more answers than it needs, and for more where answers are unfit", async () => {
  const modest = new MockModel();
  await build({ model: modest });
  expect(modest.asked.length).toBeLessThanOrEqual(24);
  // Six rows of ten are refused by the model itself: no pair comes of it.
  const refusing = new MockModel((id) => ({ response: /[0-5]$/.test(id) ? REFUSAL : "Sure" }));
  const { report } = await build({ model: refusing });
  expect(report.pairs.safety).toBe(10);
  expect(report.dropped.ownAnswerRefuses).toBeGreaterThan(3);
  expect(new Set(refusing.asked).size).toBe(refusing.asked.length);
});

test("takes the reference where the model's own harmless answer refuses, is cut, loops, or is empty", async () => {
  const answers: Partial<Completion>[] = [
    { response: REFUSAL },
    { response: "cut", finishReason: "length" },
    { response: "loop", tokenIds: [7, 7, 7] },
    { response: "  " },
  ];
  const isBroken = (completion: Completion) =>
    completion.finishReason !== "stop" || completion.tokenIds.length === 3;
  for (const answer of answers) {
    const model = new MockModel((id) => (id.startsWith("harmless") ? answer : { response: "Sure" }));
    const { pairs, report } = await build({ model, isBroken, share: 0 });
    expect(report.harmlessChosen).toEqual({ own: 0, reference: 20 });
    for (const pair of pairs) expect(text(pair.chosen)).toMatch(/^answer fine/);
  }
  const cut = new MockModel(() => ({ response: "cut", finishReason: "length" }));
  expect((await build({ model: cut, share: 0 })).report.harmlessChosen.own).toBe(0);
});

test("puts the model's own wrong refusals first, as what is rejected", async () => {
  const isWrong = (id: string) => /[37]$/.test(id);
  const model = new MockModel((id) => ({ response: isWrong(id) ? `${REFUSAL} Not this.` : "Fine." }));
  const { pairs, report } = await build({ model, share: 0, count: 6, harmlessRejected: "own" });
  expect(model.asked).toHaveLength(18);
  const refused = model.asked.filter(isWrong);
  expect(refused.length).toBeGreaterThan(0);
  const own = pairs.filter((pair) => text(pair.rejected) === `${REFUSAL} Not this.`).map(({ id }) => id);
  expect(own).toHaveLength(Math.min(6, refused.length));
  expect(own.every((id) => refused.includes(id))).toBe(true);
  expect([pairs.length, report.ownRefusals]).toEqual([6, own.length]);
});

test("stops asking when enough wrong refusals are found, and when the tries are spent", async () => {
  const ask = async (response: string, ownTries: number) => {
    const model = new MockModel(() => ({ response }));
    await build({ model, share: 0, count: 3, harmlessRejected: "own", ownTries });
    return model.asked.length;
  };
  expect([await ask(`${REFUSAL} Not this.`, 4), await ask("Fine.", 4)]).toEqual([3, 12]);
});

test("drops a harmless row whose reference refuses too, and does not ask when only references are wanted", async () => {
  const refused = rows("fine", 20, () => REFUSAL);
  const model = new MockModel(() => ({ response: REFUSAL }));
  const mixed = { harmless: [...refused, ...rows("good", 10)], share: 0, count: 10, model };
  const { report } = await build(mixed);
  expect(report.pairs.harmless).toBe(10);
  expect(report.dropped.noFitChosen).toBeGreaterThan(0);
  const silent = new MockModel();
  await build({ model: silent, share: 0, harmlessChosen: "reference" });
  expect(silent.asked).toEqual([]);
});

test("takes rows that overlap with a benchmark, and repeated prompts, out and counts them", async () => {
  const benchmarks = [{ set: "b", id: "1", text: "Unsafe prompt 3!" }];
  const safety = [...SAFETY, { ...(SAFETY[5] as PromptCompletion), id: "again" }];
  const { pairs, report } = await build({ safety, benchmarks, count: 100, share: 0.9 });
  expect(pairs.some((pair) => pair.id === "safety/unsafe3")).toBe(false);
  expect(report.contamination.safety).toMatchObject({ rows: 41, kept: 40, byKind: { exact: 1 } });
  expect(report.repeatedPrompts.safety).toBe(1);
  expect(report.asked.safety).toBe(90);
  expect(report.pairs.safety).toBe(39);
});

test("mixes in labelled pairs by share, without contradictions", async () => {
  const labelled: PreferencePair[] = rows("lab", 30).map((row) => ({
    id: row.id,
    prompt: row.prompt,
    chosen: row.completion,
    rejected: turn("assistant", "bad"),
  }));
  const first = labelled[0] as PreferencePair;
  labelled.push({ ...first, id: "swapped", chosen: first.rejected, rejected: first.chosen });
  const { report } = await build({ labelled, labelledShare: 0.25, share: 0.25 });
  expect(report.pairs).toEqual({ safety: 5, labelled: 5, harmless: 10 });
  expect(report.dropped.contradictoryPair).toBe(2);
  await expect(build({ labelled, labelledShare: 0.6, share: 0.6 })).rejects.toThrow("sum to at most 1");
});

test("tries groups in turn, so that a small set among large ones counts", async () => {
  const harmless = [...rows("large", 200), ...rows("small", 10)];
  const groupOf = ({ id }: { readonly id: string }) => id.replace(/\d+$/, "");
  const { pairs } = await build({ harmless, groupOf, share: 0, count: 16 });
  expect(pairs.filter((pair) => pair.id.startsWith("harmless/small")).length).toBe(8);
});

test("does not draw known answers again, and gives the same pairs", async () => {
  const known = new Map<string, Completion>();
  const whole = await build({ onAnswer: (completion) => known.set(completion.id, completion) });
  const half = new Map([...known].slice(0, 7));
  const model = new MockModel();
  const resumed = await build({ model, knownAnswers: half });
  expect(model.asked.some((id) => half.has(id))).toBe(false);
  expect(resumed.pairs).toEqual(whole.pairs);
  const options = {
    safety: SAFETY,
    harmless: HARMLESS,
    count: 20,
    share: 0.5,
    seed: 1,
    benchmarks: [],
    isRefusal,
  };
  expect(composePairs(options, known).pairs).toEqual(whole.pairs);
});

test("refusals are short answers that the matcher counts, each once; without any, harmless pairs are refused", async () => {
  const safety = [
    ...rows("a", 2, () => REFUSAL),
    ...rows("b", 1, () => `${REFUSAL} ${"Because. ".repeat(40)}`),
    ...rows("c", 1, () => "Ask a doctor."),
  ];
  expect(refusalPool(safety, isRefusal)).toEqual([REFUSAL]);
  expect(refusalPool(safety, undefined)).toEqual(["Ask a doctor.", REFUSAL]);
  await expect(build({ safety: rows("c", 5), isRefusal })).rejects.toThrow("expected refusals");
});

test.each([
  [{ count: 0 }, "a count of at least 1"],
  [{ share: 1.5 }, "sum to at most 1"],
])("refuses %o", async (options, message) => {
  await expect(build(options)).rejects.toThrow(message);
});

test("fails when no pair comes about", async () => {
  const model = new MockModel(() => ({ response: REFUSAL }));
  await expect(build({ model, share: 1 })).rejects.toThrow("at least one pair, got none");
});
