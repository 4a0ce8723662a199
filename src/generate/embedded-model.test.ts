/** @file The embedded model against transformers; skipped where the model has not been fetched. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEngine } from "../engine/engine.js";
import type { Engine } from "../engine/types.js";
import { isOnThisMachine, openModel } from "../models/open.js";
import { registryEntry } from "../models/registry.js";
import type { Completion, LogProbs } from "../text/chat-model.js";
import { LocalChatModel } from "./local-chat-model.js";
import { conversationEncoder } from "./open-local-chat-model.js";
import { NEAR_TIE } from "./sampler.js";

interface GreedyGolden {
  readonly model: string;
  readonly maxNewTokens: number;
  readonly rows: readonly {
    readonly id: string;
    readonly prompt: string;
    readonly tokens: readonly number[];
    /** Distance of the top two logits at each token. */
    readonly margins: readonly number[];
    readonly text: string;
    readonly finishReason: string;
  }[];
}

interface LogProbGolden {
  readonly tolerance: { readonly absolute: number; readonly relative: number };
  readonly rows: readonly {
    readonly id: string;
    readonly prompt: string;
    readonly response: string;
    readonly logprob: number;
    readonly numTokens: number;
  }[];
}

const SLOW_MS = 600_000;
const greedy = read<GreedyGolden>("greedy");
const logProbs = read<LogProbGolden>("logprobs");
const entry = registryEntry(greedy.model);
const isHere = entry !== undefined && isOnThisMachine(entry);

function read<Golden>(name: string): Golden {
  const path = new URL(`../../test/golden/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(path, "utf8")) as Golden;
}

function user(content: string) {
  return [{ role: "user", content } as const];
}

describe.skipIf(!isHere)("the embedded model (run `safe-to-serve models fetch` to have this tested)", () => {
  let engine: Engine;
  let model: LocalChatModel;

  beforeAll(async () => {
    engine = await createEngine({ threads: 2, inProcess: true });
    const loaded = await openModel(greedy.model, { offline: true });
    model = new LocalChatModel({ engine, loaded, encoder: conversationEncoder(loaded), adapter: null });
  }, SLOW_MS);

  afterAll(async () => {
    await model?.close();
    await engine?.close();
  });

  test.each([1, 16])(
    "greedy answers at batch %i are those of transformers up to the first near tie",
    async (batchSize) => {
      const requests = greedy.rows.map(({ id, prompt }) => ({ id, messages: user(prompt) }));
      const done = new Map<string, Completion>();
      const options = { maxNewTokens: greedy.maxNewTokens, batchSize };
      for await (const one of model.generate(requests, options)) done.set(one.id, one);
      for (const { id, tokens, margins, text, finishReason } of greedy.rows) {
        const nearTie = margins.findIndex((margin) => margin < NEAR_TIE);
        const certain = nearTie < 0 ? tokens.length : nearTie;
        expect(done.get(id)?.tokenIds.slice(0, certain)).toEqual(tokens.slice(0, certain));
        if (nearTie < 0) expect(done.get(id)).toMatchObject({ response: text, finishReason });
      }
    },
    SLOW_MS,
  );

  test(
    "log-probabilities of answers are those of transformers",
    async () => {
      const exchanges = logProbs.rows.map(({ id, prompt, response }) => ({
        id,
        messages: user(prompt),
        response,
      }));
      const scored = new Map<string, LogProbs>();
      for await (const one of model.score(exchanges)) scored.set(one.id, one);
      const { absolute, relative } = logProbs.tolerance;
      for (const { id, logprob, numTokens } of logProbs.rows) {
        const got = scored.get(id);
        expect(got?.tokenLogProbs).toHaveLength(numTokens);
        const error = Math.abs((got?.logProb ?? Number.NaN) - logprob);
        expect(error, id).toBeLessThanOrEqual(absolute + relative * Math.abs(logprob));
      }
    },
    SLOW_MS,
  );
});
