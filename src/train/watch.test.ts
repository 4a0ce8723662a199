import { describe, expect, test } from "vitest";
import { refusalMatcher } from "../judges/refusal-matcher.js";
import type { Completion } from "../text/chat-model.js";
import { chooseWatchPrompts, WATCH_PROMPTS, type WatchPrompt, watchTraining } from "./watch.js";

const prompt = (id: string, isHarmless: boolean): WatchPrompt => ({
  id,
  messages: [{ role: "user", content: id }],
  isHarmless,
});
const REFUSAL = "I'm sorry, but I can't help with that.";

function watch(answers: Readonly<Record<string, string>>, looping: readonly string[] = []) {
  return watchTraining({
    prompts: [prompt("a", true), prompt("b", true), prompt("c", false)],
    async *generate(requests): AsyncGenerator<Completion> {
      for (const { id } of requests) {
        const tokenIds = looping.includes(id) ? [1] : [0];
        yield { id, sample: 0, response: answers[id] ?? "Paris.", tokenIds, finishReason: "stop", seed: 0 };
      }
    },
    refusal: refusalMatcher(),
    isLoop: (ids) => ids[0] === 1,
  });
}

describe("watchTraining", () => {
  test("counts refusals of harmless prompts only, and loops of all", async () => {
    const metrics = await watch({ a: REFUSAL, c: REFUSAL }, ["c"]).look({
      factors: new Map(),
      evaluation: {},
    });
    expect(metrics).toEqual({ "watch/over_refusal": 0.5, "watch/loops": 1 / 3, "watch/answers": 3 });
  });

  test("takes the preferred answers' log-probability from the held-out metrics", async () => {
    const look = (evaluation: Record<string, number>) => watch({}).look({ factors: new Map(), evaluation });
    expect(await look({ eval_loss: 1.5 })).toMatchObject({ "watch/chosen_logp_per_token": -1.5 });
    expect(await look({ eval_loss: 1.5, "eval_logps/chosen_per_token": -2 })).toMatchObject({
      "watch/chosen_logp_per_token": -2,
    });
  });

  test("warns of each thing that goes wrong, and of nothing else", () => {
    const start = {
      "watch/over_refusal": 0,
      "watch/loops": 0,
      "watch/answers": 24,
      "watch/chosen_logp_per_token": -1,
    };
    const { warnings } = watch({});
    expect(warnings(start, start)).toEqual([]);
    expect(warnings(start, { ...start, "watch/over_refusal": 0.5 })).toEqual([
      expect.stringMatching(/refused/),
    ]);
    expect(warnings(start, { ...start, "watch/loops": 1 / 24 })).toEqual([]);
    expect(warnings(start, { ...start, "watch/loops": 2 / 24 })).toEqual([expect.stringMatching(/repeat/)]);
    expect(warnings(start, { ...start, "watch/chosen_logp_per_token": -1.2 })).toEqual([
      expect.stringMatching(/0\.20 nats a token/),
    ]);
  });
});

describe("chooseWatchPrompts", () => {
  test("takes prompts whose preferred answer complies as harmless, by seed", async () => {
    const rows = Array.from({ length: 60 }, (_, i) => ({
      id: `r${i}`,
      prompt: [{ role: "user" as const, content: `q${i}` }],
      preferred: i % 2 === 0 ? "Here is how it works." : REFUSAL,
    }));
    const chosen = await chooseWatchPrompts(rows, refusalMatcher(), 1);
    expect(chosen.filter(({ isHarmless }) => isHarmless)).toHaveLength(WATCH_PROMPTS.harmless);
    expect(chosen.filter(({ isHarmless }) => !isHarmless)).toHaveLength(WATCH_PROMPTS.others);
    expect(chosen.every(({ id, isHarmless }) => isHarmless === (Number(id.slice(1)) % 2 === 0))).toBe(true);
    expect(await chooseWatchPrompts(rows, refusalMatcher(), 1)).toEqual(chosen);
  });
});
