import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { scratchEngine } from "../../test/support/scratch-engine.js";
import { ConfigError, ContextLengthError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
import { buildDecodeGraph } from "../models/decoder/decode-graph.js";
import type { Adapter, LoadedModel, LoraConfig } from "../models/loaded-model.js";
import { makeAdapter } from "../models/lora/adapter.js";
import { loraFactors, loraModules } from "../models/lora/lora.js";
import { openModel } from "../models/open.js";
import type { Completion, LogProbs } from "../text/chat-model.js";
import type { AnswerKey } from "../text/open-answers.js";
import { type DecodeModel, runRows } from "./decode-graph-run.js";
import { ResidentKvCache } from "./kv-cache.js";
import { LocalChatModel, type LocalSamplingOptions } from "./local-chat-model.js";
import { conversationEncoder } from "./open-local-chat-model.js";
import { tokenProbabilities } from "./sampler.js";

interface TinyGolden {
  readonly tolerance: { readonly absolute: number; readonly relative: number };
  readonly variants: readonly {
    readonly name: string;
    readonly files: Readonly<Record<string, string>>;
    readonly sequences: readonly { readonly ids: readonly number[]; readonly logits: string }[];
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../test/golden/tiny-llama.json", import.meta.url), "utf8"),
) as TinyGolden;
const { root: folder, engine } = await scratchEngine("generate");

function openTiny(variant: TinyGolden["variants"][number]): Promise<LoadedModel> {
  const path = join(folder, variant.name);
  mkdirSync(path, { recursive: true });
  for (const [name, content] of Object.entries(variant.files)) {
    const isBinary = name.endsWith(".base64");
    writeFileSync(
      join(path, name.replace(/\.base64$/, "")),
      isBinary ? Buffer.from(content, "base64") : content,
    );
  }
  return openModel(path);
}

async function decodeModel(loaded: LoadedModel): Promise<DecodeModel> {
  return {
    session: await engine.open(buildDecodeGraph(loaded, null)),
    shape: loaded.config,
    vocabSize: loaded.config.vocabSize,
    maxPositionEmbeddings: loaded.config.maxPositionEmbeddings,
    adapterFeeds: {},
  };
}

/** Logits [V] after the last of `ids`, prefilled in chunks; `null` slots make it a run without a cache. */
async function logitsAfter(model: DecodeModel, ids: readonly number[], chunk: number): Promise<Float32Array> {
  const cache = await ResidentKvCache.allocate(engine, model.shape, 1, 128);
  let logits: Float32Array | null = null;
  for (let start = 0; start < ids.length; start += chunk) {
    const rows = [{ ids: ids.slice(start, start + chunk), pastLength: start, slot: 0 }];
    logits = await runRows(model, rows, { past: start === 0 ? null : cache, present: cache }, true);
  }
  await cache.free();
  return logits ?? new Float32Array(0);
}

function expectClose(got: Float32Array, expected: Float32Array): void {
  const { absolute, relative } = golden.tolerance;
  expect(got).toHaveLength(expected.length);
  expected.forEach((value, v) => {
    expect(Math.abs((got[v] as number) - value)).toBeLessThanOrEqual(absolute + relative * Math.abs(value));
  });
}

describe.each(golden.variants)("decode graph of $name", (variant) => {
  test.each([1, 3, 8, 64])("prefilled in chunks of %i gives the logits of transformers", async (chunk) => {
    const loaded = await openTiny(variant);
    const model = await decodeModel(loaded);
    for (const { ids, logits } of variant.sequences) {
      const bytes = Uint8Array.from(Buffer.from(logits, "base64"));
      const expected = new Float32Array(bytes.buffer).slice(-loaded.config.vocabSize);
      expectClose(await logitsAfter(model, ids, chunk), expected);
    }
    await model.session.close();
  });
});

/** Prompts of unlike lengths over the tiny tokenizer's letters. */
function prompts(count: number, samples: number) {
  return Array.from({ length: count }, (_, n) => ({
    id: `p${n}`,
    messages: [{ role: "user", content: "ab c d ".repeat(1 + ((n * 7) % 11)) } as const],
    samples,
  }));
}

async function openChat(adapter: Adapter | null = null, strength = 1): Promise<LocalChatModel> {
  const loaded = await openTiny(golden.variants[0] as TinyGolden["variants"][number]);
  return new LocalChatModel({ engine, loaded, encoder: conversationEncoder(loaded), adapter, strength });
}

async function answers(model: LocalChatModel, options: LocalSamplingOptions = {}): Promise<Completion[]> {
  const completions: Completion[] = [];
  const sampling = { maxNewTokens: 20, temperature: 1, seed: 4, ...options };
  for await (const one of model.generate(prompts(7, 3), sampling)) completions.push(one);
  return completions.sort((a, b) => a.id.localeCompare(b.id) || a.sample - b.sample);
}

async function scores(model: LocalChatModel, responses: readonly string[]): Promise<LogProbs[]> {
  const exchanges = responses.map((response, n) => {
    const [{ messages } = { messages: [] }] = prompts(1 + (n % 2), 1).slice(-1);
    return { id: `s${n}`, messages, response };
  });
  const scored: LogProbs[] = [];
  for await (const one of model.score(exchanges)) scored.push(one);
  return scored.sort((a, b) => a.id.localeCompare(b.id));
}

/** A rank-2 adapter on all linear layers with factors that matter. */
async function tinyAdapter(seed: number): Promise<Adapter> {
  const loaded = await openTiny(golden.variants[0] as TinyGolden["variants"][number]);
  const lora: LoraConfig = {
    rank: 2,
    alpha: 4,
    dropout: 0,
    modules: loraModules(loaded.config, ["all-linear"]),
  };
  const random = new SeededRandom("adapter", seed);
  const factors = loraFactors(loaded.config, lora).map(({ name, shape }) => {
    const data = Float32Array.from({ length: shape[0] * shape[1] }, () => random.next() - 0.5);
    return [name, { shape, data }] as const;
  });
  return makeAdapter(lora, new Map(factors));
}

test("answers do not depend on the batch size", async () => {
  const model = await openChat();
  const alone = await answers(model, { batchSize: 1 });
  expect(alone).toHaveLength(21);
  expect(await answers(model, { batchSize: 16 })).toEqual(alone);
  expect(await answers(model, { batchSize: 5 })).toEqual(alone);
  await model.close();
});

test("tells which answer every token is drawn for", async () => {
  const model = await openChat();
  const drawn = new Map<string, number>();
  const onDraw = ({ id, sample }: AnswerKey): void => {
    drawn.set(`${id}/${sample}`, (drawn.get(`${id}/${sample}`) ?? 0) + 1);
  };
  const done = await answers(model, { onDraw, batchSize: 4 });
  expect(drawn).toEqual(
    new Map(done.map(({ id, sample, tokenIds }) => [`${id}/${sample}`, tokenIds.length])),
  );
  await model.close();
});

test("an answer's text is its tokens' text, and what was streamed", async () => {
  const model = await openChat();
  const streamed = new Map<string, string>();
  const done = await answers(model, {
    onToken: ({ id, sample, text }) => {
      streamed.set(`${id}/${sample}`, (streamed.get(`${id}/${sample}`) ?? "") + text);
    },
  });
  const encoder = conversationEncoder(await openTiny(golden.variants[0] as TinyGolden["variants"][number]));
  for (const { id, sample, response, tokenIds } of done) {
    expect(response).toBe(encoder.decodeResponse(tokenIds));
    expect(streamed.get(`${id}/${sample}`)).toBe(response);
  }
  await model.close();
});

test("scores are those of one forward pass for each token, whether or not prompts are shared", async () => {
  const chat = await openChat();
  const loaded = await openTiny(golden.variants[0] as TinyGolden["variants"][number]);
  const encoder = conversationEncoder(loaded);
  const model = await decodeModel(loaded);
  const responses = ["a", "b c", "abba", "", "d d d d d"];
  const scored = await scores(chat, responses);
  for (const [n, response] of responses.entries()) {
    const [{ messages } = { messages: [] }] = prompts(1 + (n % 2), 1).slice(-1);
    const example = encoder.encodeExample(messages, [{ role: "assistant", content: response }]);
    const wanted = example.completionIds.slice(0, example.endOfTurnIndex + 1);
    expect(scored[n]?.tokenLogProbs).toHaveLength(wanted.length);
    for (const [t, id] of wanted.entries()) {
      const before = [...example.promptIds, ...wanted.slice(0, t)];
      const logits = await logitsAfter(model, before, before.length);
      const plain = { temperature: 1, topK: 0, topP: 1, frequencyPenalty: 0, minNewTokens: 0 };
      const expected = Math.log(tokenProbabilities(logits, plain)[id] as number);
      expect(scored[n]?.tokenLogProbs[t]).toBeCloseTo(expected, 4);
    }
    expect(scored[n]?.logProb).toBeCloseTo(scored[n]?.tokenLogProbs.reduce((a, b) => a + b, 0) as number, 9);
  }
  await model.session.close();
  await chat.close();
});

test("prompts of token ids are answered and scored as the conversations that they encode", async () => {
  const model = await openChat();
  const encoder = conversationEncoder(await openTiny(golden.variants[0] as TinyGolden["variants"][number]));
  const wanted = new Map(
    (await answers(model, { temperature: 0 })).map(({ id, tokenIds }) => [id, tokenIds]),
  );
  const asked = prompts(4, 1).map(({ id, messages }) => ({ id, promptIds: encoder.encodePrompt(messages) }));
  for await (const { id, tokenIds } of model.generateIds(asked, { temperature: 0, maxNewTokens: 4 }))
    expect(tokenIds).toEqual(wanted.get(id)?.slice(0, tokenIds.length));
  const [{ id, promptIds } = { id: "", promptIds: [] }] = asked;
  const messages = prompts(1, 1)[0]?.messages ?? [];
  const answerIds = encoder
    .encodeExample(messages, [{ role: "assistant", content: "a" }])
    .completionIds.slice(0, 1);
  const scored: number[] = [];
  for await (const each of model.scoreIds([{ id, promptIds, answerIds }])) scored.push(...each.tokenLogProbs);
  expect(scored[0]).toBeCloseTo((await scores(model, ["a"]))[0]?.tokenLogProbs[0] as number, 5);
  expect(model.maxPositions).toBeGreaterThan(0);
  await model.close();
});

test("an adapter at strength 0 is the base, at 1 it is not, and each has a hash of its own", async () => {
  const adapter = await tinyAdapter(1);
  const [base, off, on] = [await openChat(), await openChat(adapter, 0), await openChat(adapter)];
  const plain = await answers(base);
  expect(await answers(off)).toEqual(plain);
  expect(await answers(on)).not.toEqual(plain);
  const [baseScores, offScores] = [await scores(base, ["a b"]), await scores(off, ["a b"])];
  expect(offScores[0]?.logProb).toBeCloseTo(baseScores[0]?.logProb as number, 5);
  expect(new Set([base.hash, off.hash, on.hash]).size).toBe(3);
  for (const model of [base, off, on]) await model.close();
});

test("quantised weights are another model, with a hash of their own", async () => {
  const [variant] = golden.variants;
  const loaded = await openTiny(variant as TinyGolden["variants"][number]);
  const hashes = [
    loaded,
    ...(["int8", "int4"] as const).map(
      (scheme): LoadedModel => ({
        ...loaded,
        quantised: { scheme, tensors: new Map(), activations: "int8" },
      }),
    ),
  ].map(
    (model) =>
      new LocalChatModel({ engine, loaded: model, encoder: conversationEncoder(loaded), adapter: null }).hash,
  );
  expect(new Set(hashes).size).toBe(3);
});

test("new factors take the place of the old ones, in answers, scores and hash", async () => {
  const [first, second] = [await tinyAdapter(1), await tinyAdapter(2)];
  const [updated, fresh] = [await openChat(first), await openChat(second)];
  await answers(updated);
  await updated.updateAdapter(new Map([...second.factors].map(([name, { data }]) => [name, data])));
  expect(await answers(updated)).toEqual(await answers(fresh));
  expect(await scores(updated, ["a b", "c"])).toEqual(await scores(fresh, ["a b", "c"]));
  expect(updated.hash).toBe(fresh.hash);
  for (const model of [updated, fresh]) await model.close();
});

test("draws only the samples that are asked for, the same ones", async () => {
  const model = await openChat();
  const all = await answers(model);
  const requests = prompts(7, 3).map((request) => ({ ...request, sampleIndices: [2] }));
  const some: Completion[] = [];
  for await (const one of model.generate(requests, { maxNewTokens: 20, temperature: 1, seed: 4 }))
    some.push(one);
  expect(some.sort((a, b) => a.id.localeCompare(b.id))).toEqual(all.filter(({ sample }) => sample === 2));
  await model.close();
});

test("refuses bad options and prompts that do not fit", async () => {
  const model = await openChat();
  await expect(answers(model, { topP: 2 })).rejects.toThrow(ConfigError);
  await expect(answers(model, { maxNewTokens: 510 })).rejects.toThrow(ContextLengthError);
  await model.close();
});
