import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { scratchEngine } from "../../test/support/scratch-engine.js";
import { writeTinyChatModel } from "../../test/support/tiny-chat-model.js";
import { ConfigError } from "../core/errors.js";
import { decodeGraph } from "../models/decoder/decode-graph.js";
import { scoreGraph } from "../models/decoder/score-graph.js";
import type { LoadedModel } from "../models/loaded-model.js";
import { openModel } from "../models/open.js";
import { ChatMemory, decodingMemory } from "./memory-plan.js";

const { root } = await scratchEngine("generate-memory");
let loaded: LoadedModel;
beforeAll(async () => {
  const folder = join(root, "model");
  await writeTinyChatModel(folder, 256);
  loaded = await openModel(folder);
}, 60_000);

const size = { sequences: 8, promptTokens: 100, newTokens: 100, prefillTokens: 256 };

test("the cache holds every sequence's capacity and the prefilled prompts", () => {
  const { numHiddenLayers, numKeyValueHeads, headDim } = loaded.config;
  const { cache } = decodingMemory(loaded, decodeGraph(loaded, null), size);
  // 200 positions take 256; two prompts of 100 share a prefill run and take 128 each.
  expect(cache).toBe(8 * numHiddenLayers * numKeyValueHeads * headDim * (8 * 256 + 2 * 128));
});

test("a chat model says what it will hold, and again only when that grows by a tenth", () => {
  const told: number[] = [];
  const memory = new ChatMemory(
    loaded,
    null,
    ({ bytes }) => told.push(bytes),
    () => 1e12,
  );
  const graph = decodeGraph(loaded, null);
  memory.beforeSampling(graph, size);
  memory.beforeSampling(graph, { ...size, sequences: 4 });
  memory.beforeSampling(graph, { ...size, sequences: 9 });
  expect(told.length).toBe(1);
  memory.beforeSampling(graph, { ...size, sequences: 5000 });
  expect(told.length).toBe(2);
  expect(told).toEqual([...told].sort((a, b) => a - b));
});

test("sampling that does not fit is refused with the number of sequences that would", () => {
  const graph = decodeGraph(loaded, null);
  const need: number[] = [];
  new ChatMemory(
    loaded,
    null,
    ({ bytes }) => need.push(bytes),
    () => 1e12,
  ).beforeSampling(graph, { ...size, sequences: 2 });
  const tight = new ChatMemory(loaded, null, undefined, () => need[0] ?? 0);
  const refused = (act: () => void): [string, string | undefined] => {
    try {
      act();
    } catch (error) {
      if (error instanceof ConfigError) return [error.message, error.hint];
    }
    return ["", undefined];
  };
  expect(refused(() => tight.beforeSampling(graph, size))).toEqual([
    expect.stringMatching(/^sampling 8 at once: expected at most .* GB of memory, got .* GB \(/),
    "--batch-size 2 fits",
  ]);
  const none = new ChatMemory(loaded, null, undefined, () => 1);
  expect(refused(() => none.beforeScoring(scoreGraph(loaded, null), 10))[1]).toMatch(/^--weights int8/);
});
