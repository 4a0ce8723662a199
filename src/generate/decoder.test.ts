import fc from "fast-check";
import { expect, test } from "vitest";
import { TINY_VOCABULARY, TinyEngine } from "../../test/support/tiny-decoder.js";
import { ConfigError, ContextLengthError, GenerationError } from "../core/errors.js";
import { runRows } from "./decode-graph-run.js";
import { decodeSequences, emptyStatistics, PREFILL_TOKENS } from "./decoder.js";
import { resolveSampling } from "./sampling-options.js";
import type { AnswerText, DecodedSequence, DecodeRequest, TokenListener } from "./sequence.js";

const STOP = 7;

interface Choices {
  readonly temperature?: number;
  readonly maxNewTokens?: number;
  readonly minNewTokens?: number;
  readonly frequencyPenalty?: number;
  readonly batchSize?: number;
  readonly prefillTokens?: number;
  readonly stop?: readonly string[];
  readonly signal?: AbortSignal;
  readonly onToken?: TokenListener;
}

/** Token n reads as the n-th letter; the stop token reads as nothing. */
function decodeText(ids: readonly number[]): string {
  return ids.map((id) => (id === STOP ? "" : String.fromCharCode(97 + id))).join("");
}

const TEXT: AnswerText = {
  decode: decodeText,
  stream: () => ({ push: (id) => decodeText([id]), end: () => "" }),
};

async function decodeAll(
  requests: readonly DecodeRequest[],
  choices: Choices = {},
  engine = new TinyEngine(),
): Promise<DecodedSequence[]> {
  const { prefillTokens = PREFILL_TOKENS, signal, onToken = null, ...sampling } = choices;
  const options = {
    sampling: resolveSampling({ maxNewTokens: 24, temperature: 1, seed: 3, ...sampling }),
    stopIds: [STOP],
    text: TEXT,
    onToken,
    prefillTokens,
    signal,
  };
  const sequences: DecodedSequence[] = [];
  const model = await engine.model();
  for await (const one of decodeSequences(model, engine.allocateCache, requests, options))
    sequences.push(one);
  expect(engine.buffers.size).toBe(0);
  return sequences.sort((a, b) => a.id.localeCompare(b.id) || a.sample - b.sample);
}

function prompts(lengths: readonly number[], samples = 1): DecodeRequest[] {
  return lengths.map((length, n) => ({
    id: `p${String(n).padStart(3, "0")}`,
    promptIds: Array.from({ length }, (_, i) => (i * 5 + n * 3 + 1) % TINY_VOCABULARY),
    sampleIndices: Array.from({ length: samples }, (_, s) => s),
  }));
}

/** The plainest decoder there is: the whole sequence through the model again for each token, no cache. */
async function decodeUncached(request: DecodeRequest, maxNewTokens: number): Promise<number[]> {
  const engine = new TinyEngine();
  const model = await engine.model();
  const cache = await engine.allocateCache(1, 1);
  const drawn: number[] = [];
  while (drawn.length < maxNewTokens && drawn.at(-1) !== STOP) {
    const rows = [{ ids: [...request.promptIds, ...drawn], pastLength: 0, slot: null }];
    const logits = (await runRows(model, rows, { past: null, present: cache }, true)) ?? new Float32Array(0);
    drawn.push(logits.indexOf(Math.max(...logits)));
  }
  return drawn;
}

test("gives the tokens of an uncached forward pass", async () => {
  const requests = prompts([1, 2, 5, 9, 17, 64, 65, 130]);
  const cached = await decodeAll(requests, { temperature: 0 });
  const uncached = await Promise.all(requests.map((request) => decodeUncached(request, 24)));
  expect(cached.map((sequence) => sequence.tokenIds)).toEqual(uncached);
});

test("does not depend on batch size, order, prefill chunk or the other prompts", async () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 9 });
  const property = fc.asyncProperty(
    lengths,
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 6 }),
    fc.integer({ min: 1, max: 100 }),
    async (sizes, samples, batchSize, prefillTokens) => {
      const requests = prompts(sizes, samples);
      const together = await decodeAll(requests, { batchSize, prefillTokens });
      const reversed = await decodeAll([...requests].reverse(), { batchSize: 16 });
      const alone: DecodedSequence[] = [];
      for (const request of requests) {
        for (const sample of request.sampleIndices) {
          alone.push(...(await decodeAll([{ ...request, sampleIndices: [sample] }], { batchSize: 1 })));
        }
      }
      expect(together).toEqual(alone);
      expect(reversed).toEqual(alone);
    },
  );
  await fc.assert(property, { numRuns: 12, seed: 1 });
});

test("ends with the stop token, which is among the tokens and not in the text, or at the limit", async () => {
  const sequences = await decodeAll(prompts([3, 4, 5, 6, 7, 8], 4));
  expect(new Set(sequences.map((sequence) => sequence.finishReason))).toEqual(new Set(["stop", "length"]));
  for (const { tokenIds, finishReason, text } of sequences) {
    expect(tokenIds.indexOf(STOP)).toBe(finishReason === "stop" ? tokenIds.length - 1 : -1);
    if (finishReason === "length") expect(tokenIds).toHaveLength(24);
    expect(text).toBe(decodeText(tokenIds));
  }
});

test("draws different samples of one prompt, the same again with the same seed", async () => {
  const [first, second] = [await decodeAll(prompts([6], 8)), await decodeAll(prompts([6], 8))];
  expect(new Set(first.map((sequence) => sequence.text)).size).toBeGreaterThan(5);
  expect(second).toEqual(first);
});

test("a prompt goes through the model once for all its samples", async () => {
  const engine = new TinyEngine();
  await decodeAll(prompts([6, 5], 8), { batchSize: 4 }, engine);
  expect(engine.runs.filter(([, length]) => length !== 1)).toEqual([[2, 6]]);
});

test("no run takes more prefill tokens than allowed", async () => {
  const engine = new TinyEngine();
  await decodeAll(prompts([40, 7, 9, 30, 2]), { prefillTokens: 16 }, engine);
  for (const [rows = 0, length = 0] of engine.runs)
    if (length > 1) expect(rows * length).toBeLessThanOrEqual(16);
});

test("fills a finished answer's slot at once and shrinks the batch at the end", async () => {
  const engine = new TinyEngine();
  const requests = prompts([4, 4, 4, 4, 4, 4, 4, 4], 4);
  const sequences = await decodeAll(requests, { batchSize: 4, minNewTokens: 1 }, engine);
  const steps = engine.runs.filter(([, length]) => length === 1);
  const drawnInSteps = sequences.reduce((sum, { tokenIds }) => sum + tokenIds.length - 1, 0);
  const rowsRun = steps.reduce((sum, [rows = 0]) => sum + rows, 0);
  expect(rowsRun).toBeLessThanOrEqual(drawnInSteps * 1.02);
  expect(steps.at(-1)?.[0]).toBe(1);
});

test("cuts the answer at a stop text that lies across tokens", async () => {
  const [whole] = await decodeAll(prompts([9]), { temperature: 0, minNewTokens: 24 });
  const text = whole?.text ?? "";
  const stop = text.slice(10, 13);
  const [cut] = await decodeAll(prompts([9]), { temperature: 0, minNewTokens: 24, stop: ["~~", stop] });
  expect(cut).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finishReason: "stop" });
  expect(cut?.tokenIds).toEqual(whole?.tokenIds.slice(0, text.indexOf(stop)));
});

test("streams the text of the answer piece by piece", async () => {
  const pieces = new Map<string, string>();
  const onToken: TokenListener = ({ id, sample, text }) => {
    pieces.set(`${id}/${sample}`, (pieces.get(`${id}/${sample}`) ?? "") + text);
  };
  const sequences = await decodeAll(prompts([3, 9, 12], 4), { onToken, stop: ["aa", "bcd"], batchSize: 5 });
  for (const { id, sample, text } of sequences) expect(pieces.get(`${id}/${sample}`)).toBe(text);
});

test("stops between runs when cancelled and gives its memory back", async () => {
  const engine = new TinyEngine();
  const cancel = new AbortController();
  let drawn = 0;
  const onToken = () => {
    if (++drawn === 30) cancel.abort(new ConfigError("cancelled"));
  };
  const run = decodeAll(prompts([5, 5, 5], 8), { signal: cancel.signal, onToken, batchSize: 4 }, engine);
  await expect(run).rejects.toThrow("cancelled");
  expect(drawn).toBeLessThan(40);
  expect(engine.buffers.size).toBe(0);
});

test("gives its memory back when the caller stops listening", async () => {
  const engine = new TinyEngine();
  const sampling = resolveSampling({ temperature: 1, batchSize: 2 });
  const options = { sampling, stopIds: [STOP], text: TEXT, onToken: null, prefillTokens: 64 };
  const statistics = emptyStatistics();
  const model = await engine.model();
  for await (const _ of decodeSequences(model, engine.allocateCache, prompts([3, 3], 4), options, statistics))
    break;
  expect(engine.buffers.size).toBe(0);
  expect(statistics.newTokens).toBeGreaterThan(0);
  expect(statistics.promptTokens).toBe(6);
});

test("refuses what does not fit the positions, and empty prompts, before any run", async () => {
  const engine = new TinyEngine();
  await expect(decodeAll(prompts([4, 489]), {}, engine)).rejects.toThrow(ContextLengthError);
  await expect(decodeAll(prompts([4, 0]), {}, engine)).rejects.toThrow(GenerationError);
  expect(engine.runs).toEqual([]);
  expect(await decodeAll(prompts([488]), {}, engine)).toHaveLength(1);
});
