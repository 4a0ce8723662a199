// Decoders with a class head against transformers: tiny random checkpoints, from reference/head_models_golden.py.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { CheckpointError } from "../src/core/errors.js";
import { packSegments, type Segment } from "../src/data/packing.js";
import { emitModel } from "../src/engine/onnx/emit.js";
import type { Session } from "../src/engine/types.js";
import { DecoderScoreModel } from "../src/generate/decoder-score-model.js";
import { conversationEncoder } from "../src/generate/open-local-chat-model.js";
import { openScoreModel } from "../src/generate/open-score-model.js";
import { packedFeeds } from "../src/generate/score.js";
import { type HeadedDecoder, headGraph } from "../src/models/classifier/head-graph.js";
import { openClassifier } from "../src/models/classifier/open-classifier.js";
import { LOGIT_CHUNKS } from "../src/models/decoder/token-log-probs.js";
import type { OnMemory } from "../src/models/memory-plan.js";
import { openModel } from "../src/models/open.js";
import type { Exchange } from "../src/text/messages.js";
import { scratchEngine } from "./support/scratch-engine.js";
import { worstDifference, writeGolden } from "./support/tiny-model.js";

interface GoldenDecoder {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly sequences: readonly { readonly ids: readonly number[]; readonly scores: readonly number[] }[];
  readonly exchanges: readonly (Omit<Exchange, "id"> & {
    readonly ids: readonly number[];
    readonly scores: readonly number[];
  })[];
}

const golden: {
  readonly script: string;
  readonly tolerance: { readonly absolute: number };
  readonly variants: readonly GoldenDecoder[];
} = JSON.parse(readFileSync(new URL("golden/head-models.json", import.meta.url), "utf8"));

const { root, engine } = await scratchEngine("head-models");

async function openHeaded(variant: GoldenDecoder): Promise<HeadedDecoder> {
  const opened = await openClassifier(writeGolden(root, variant));
  if ("model" in opened) return opened;
  throw new Error("expected a decoder");
}

/** A sequence cut in two: prompt and answer. */
function segment(ids: readonly number[], i: number, at: number): Segment {
  return { id: `${i}`, prompt: ids.slice(0, at), branches: [ids.slice(at)], readsEnd: true };
}

test("the script that the golden names writes it", () => {
  expect(readFileSync(new URL(`../${golden.script}`, import.meta.url), "utf8")).toContain('"head-models"');
});

describe.each(golden.variants)("$name", (variant) => {
  let decoder: HeadedDecoder;
  let session: Session;
  beforeAll(async () => {
    decoder = await openHeaded(variant);
    session = await engine.open(emitModel(headGraph(decoder.model, null)));
  });
  const known = variant.sequences.filter(({ ids }) => ids.length > 1);
  const expected = known.flatMap(({ scores }) => scores);
  const scores = async (segments: readonly Segment[], rowCapacity?: number) => {
    const packed = packSegments(segments, { chunks: LOGIT_CHUNKS, ...(rowCapacity && { rowCapacity }) });
    const { labels: _, ...feeds } = packedFeeds(packed);
    const outputs = await session.run(feeds);
    const values = Array.from(outputs["scores"]?.data as Float32Array);
    return values.slice(0, packed.sequences * decoder.labels.length);
  };

  test("scores each sequence by itself as transformers does", async () => {
    const alone: number[] = [];
    for (const [i, { ids }] of known.entries()) alone.push(...(await scores([segment(ids, i, 1)])));
    expect(worstDifference(alone, expected)).toBeLessThan(golden.tolerance.absolute);
  });

  test.each([undefined, 60, 256])(
    "scores all in rows of %s the same, wherever the answer begins",
    async (capacity) => {
      const segments = known.map(({ ids }, i) => segment(ids, i, Math.ceil(ids.length / 2)));
      expect(worstDifference(await scores(segments, capacity), expected)).toBeLessThan(
        golden.tolerance.absolute,
      );
    },
  );

  test("scores exchanges as transformers scores their conversations, in their order", async () => {
    const encoder = conversationEncoder(decoder.model);
    const model = new DecoderScoreModel({ engine, decoder, encoder, id: variant.name });
    expect(model.labels).toHaveLength(variant.exchanges[0]?.scores.length ?? 0);
    // More than one window.
    const many = Array.from({ length: 15 }, () => variant.exchanges).flat();
    const exchanges = many.map(({ messages, response }, n) => ({ id: `${n}`, messages, response }));
    const got: (readonly number[])[] = [];
    for await (const each of model.scores(exchanges)) got.push(each);
    await model.close();
    const wanted = many.flatMap(({ scores }) => scores);
    expect(worstDifference(got.flat(), wanted)).toBeLessThan(golden.tolerance.absolute);
  });
});

function prompt(content: string): Exchange["messages"] {
  return [{ role: "user", content }];
}

describe("a decoder with a head", () => {
  const [variant] = golden.variants as [GoldenDecoder];

  const [fits] = variant.exchanges as [GoldenDecoder["exchanges"][number]];
  const scored = async (exchanges: readonly Omit<Exchange, "id">[], onMemory?: OnMemory) => {
    const model = await openScoreModel(writeGolden(root, variant), { engine, onMemory });
    const scores: (readonly number[])[] = [];
    const cut: number[] = [];
    const named = exchanges.map((exchange, i) => ({ ...exchange, id: `${i}` }));
    for await (const each of model.scores(named, (i) => cut.push(i))) scores.push(each);
    await model.close();
    return { scores, cut };
  };

  test("cuts an answer beyond its positions before the end of turn, and says which; a prompt it never cuts", async () => {
    const words = (count: number) => "abc ".repeat(count);
    const long = { ...fits, response: words(200) };
    const all = [long, fits, { ...fits, response: words(400) }, { ...fits, messages: prompt(words(200)) }];
    // The second window counts on from the first.
    const { scores, cut } = await scored([...all, ...Array.from({ length: 64 }, () => fits), long]);
    expect(cut).toEqual([0, 2, 68]);
    expect(scores[0]?.every(Number.isFinite)).toBe(true);
    // Only what fits is read: twice as long an answer has the very same score.
    for (const i of [2, 68]) expect(worstDifference(scores[i] ?? [], scores[0] ?? [])).toBeLessThan(1e-5);
    expect(worstDifference(scores[1] ?? [], fits.scores)).toBeLessThan(golden.tolerance.absolute);
    expect(scores[3]).toEqual([Number.NaN]);
  });

  test("says what scoring will hold before it scores", async () => {
    const told: number[] = [];
    await scored([fits], ({ bytes }) => told.push(bytes));
    expect(told).toHaveLength(1);
  });

  test("is no language model", async () => {
    await expect(openModel(writeGolden(root, variant))).rejects.toThrow(CheckpointError);
  });
});
