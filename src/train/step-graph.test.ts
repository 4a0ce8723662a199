import { beforeAll, describe, expect, test } from "vitest";
import { scratchEngine } from "../../test/support/scratch-engine.js";
import {
  type Feeds,
  factorFeeds,
  floats,
  noise,
  openRandom,
  packed,
  randomSegments,
  runPacked,
  worstDifference,
} from "../../test/support/tiny-model.js";
import { SeededRandom } from "../core/random.js";
import type { PackedRows, Segment } from "../data/packing.js";
import type { Session, TensorData } from "../engine/types.js";
import { buildScoreGraph } from "../models/decoder/score-graph.js";
import type { LoadedModel, LoraConfig } from "../models/loaded-model.js";
import { loraModules } from "../models/lora/lora.js";
import type { DpoLossName, DpoLossOptions } from "./losses/dpo-options.js";
import { buildStepGraph, dpoStep, noiseWidth, sftStep } from "./step-graph.js";

let model: LoadedModel;
const { root, engine } = await scratchEngine("step");
beforeAll(async () => {
  model = await openRandom(root);
});
const P = 3;
const segments: readonly Segment[] = randomSegments(P, 23);
const lora = (dropout: number): LoraConfig => ({
  rank: 2,
  alpha: 4,
  dropout,
  modules: loraModules(model.config, ["all-linear"]),
});
const scalar = (value: number) => floats([1], Float32Array.of(value));

/** Sequence ids of the labels. */
function sequenceIds(rows: PackedRows): TensorData {
  return { dtype: "int64", shape: [rows.labels.length], data: BigInt64Array.from(rows.sequenceOf, BigInt) };
}

function dropoutFields(rows: PackedRows, seed: number): Feeds {
  const shape = [rows.rows * rows.length, noiseWidth(model, lora(0.5))] as const;
  const field = (name: string) =>
    floats(
      shape,
      noise(shape[0] * shape[1], 0.5, name, seed).map((x) => x + 0.5),
    );
  return { dropout_a: field("a"), dropout_b: field("b") };
}

function dpoFeeds(pairs: readonly Segment[], chosenTokens: number): Feeds {
  const lengths = (branch: number) =>
    floats(
      [pairs.length],
      Float32Array.from(pairs, ({ branches }) => branches[branch]?.length ?? 0),
    );
  const reference = (branch: number) =>
    floats(
      [pairs.length],
      Float32Array.from(pairs, ({ id }) => noise(1, 5, "reference", branch, id)[0] as number),
    );
  return {
    reference_chosen: reference(0),
    reference_rejected: reference(1),
    chosen_lengths: lengths(0),
    rejected_lengths: lengths(1),
    is_pair: floats([pairs.length], new Float32Array(pairs.length).fill(1)),
    normaliser: scalar(P),
    chosen_tokens: scalar(chosenTokens),
  };
}

/** What the session takes of the feeds. */
function known(session: Session, feeds: Feeds): Feeds {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)));
}

/** Compares gradients with central differences of the loss at a few entries of every factor. */
async function worstSlopeError(session: Session, rows: PackedRows, feeds: Feeds): Promise<number> {
  const exact = await runPacked(session, rows, feeds);
  const random = new SeededRandom("entries");
  let worst = 0;
  for (const [name, feed] of Object.entries(factorFeeds(model.config, lora(0)))) {
    const held = feed.data as Float32Array;
    const gradient = exact[`grad.${name}`] ?? new Float32Array();
    const scale = Math.max(...gradient.map(Math.abs));
    expect(scale).toBeGreaterThan(0);
    for (const i of [random.integer(held.length), random.integer(held.length)]) {
      const loss = async (delta: number) => {
        const moved = held.map((x, j) => (j === i ? x + delta : x));
        return (
          (await runPacked(session, rows, { ...feeds, [name]: floats(feed.shape, moved) }))["loss"]?.[0] ??
          Number.NaN
        );
      };
      const slope = ((await loss(STEP)) - (await loss(-STEP))) / (2 * STEP);
      worst = Math.max(worst, Math.abs(slope - (gradient[i] as number)) / (0.05 + scale));
    }
  }
  return worst;
}
const STEP = 0.01;

describe("the gradient of the whole step agrees with central differences", () => {
  const dpo = (loss: DpoLossName, changes: Partial<DpoLossOptions> = {}) =>
    dpoStep({ loss, beta: 0.3, labelSmoothing: 0, nllWeight: 0, ...changes });

  test.each([0, 0.3])("SFT, dropout %d", async (dropout) => {
    const session = await engine.open(buildStepGraph(model, lora(dropout), sftStep));
    const rows = packed(segments);
    const feeds = {
      ...factorFeeds(model.config, lora(0)),
      normaliser: scalar(9),
      sequence_ids: sequenceIds(rows),
      ...dropoutFields(rows, 1),
    };
    expect(await worstSlopeError(session, rows, known(session, feeds))).toBeLessThan(0.02);
    await session.close();
  });

  test.each([
    ["sigmoid", dpo("sigmoid", { nllWeight: 0.2 }), 0.3],
    ["robust", dpo("robust", { labelSmoothing: 0.1 }), 0],
    ["ipo", dpo("ipo"), 0],
    ["sigmoid_norm", dpo("sigmoid_norm"), 0],
  ] as const)("DPO, loss %s", async (_, loss, dropout) => {
    const session = await engine.open(buildStepGraph(model, lora(dropout), loss));
    const rows = packed(segments);
    const feeds = {
      ...factorFeeds(model.config, lora(0)),
      ...dpoFeeds(segments, 9),
      sequence_ids: sequenceIds(rows),
      ...dropoutFields(rows, 1),
    };
    expect(await worstSlopeError(session, rows, known(session, feeds))).toBeLessThan(0.02);
    await session.close();
  });
});

test("micro-batches add up to the step's loss and gradient", async () => {
  const session = await engine.open(
    buildStepGraph(
      model,
      lora(0),
      dpoStep({ loss: "sigmoid", beta: 0.3, labelSmoothing: 0, nllWeight: 0.2 }),
    ),
  );
  const run = async (pairs: readonly Segment[]) => {
    const rows = packed(pairs);
    const feeds = {
      ...factorFeeds(model.config, lora(0)),
      ...dpoFeeds(pairs, 9),
      sequence_ids: sequenceIds(rows),
    };
    return runPacked(session, rows, known(session, feeds));
  };
  const whole = await run(segments);
  const parts = [await run(segments.slice(0, 1)), await run(segments.slice(1))];
  const names = Object.keys(whole).filter((name) => name === "loss" || name.startsWith("grad."));
  expect(names).toHaveLength(1 + 2 * lora(0).modules.length);
  for (const name of names) {
    const sum = (whole[name] as Float32Array).map((_, i) =>
      parts.reduce((total, part) => total + (part[name]?.[i] as number), 0),
    );
    expect(worstDifference(sum, whole[name] as Float32Array)).toBeLessThan(1e-4);
  }
  await session.close();
});

describe("the step's log-probabilities", () => {
  test("are those of the score graph without dropout, and change with the dropout fields", async () => {
    const rows = packed(segments);
    const factors = factorFeeds(model.config, lora(0));
    const scorer = await engine.open(buildScoreGraph(model, lora(0)));
    const scored = (await runPacked(scorer, rows, { ...factors, adapter_strength: scalar(1) }))["log_probs"];
    const session = await engine.open(buildStepGraph(model, lora(0.5), sftStep));
    const run = async (fields: Feeds) =>
      (
        await runPacked(session, rows, {
          ...factors,
          normaliser: scalar(9),
          sequence_ids: sequenceIds(rows),
          ...fields,
        })
      )["log_probs"] as Float32Array;
    const first = await run(dropoutFields(rows, 1));
    expect(worstDifference(await run(dropoutFields(rows, 1)), first)).toBe(0);
    expect(worstDifference(await run(dropoutFields(rows, 2)), first)).toBeGreaterThan(1e-3);
    expect(worstDifference(first, scored ?? [])).toBeGreaterThan(1e-3);
    const plain = await engine.open(buildStepGraph(model, lora(0), sftStep));
    const same = await runPacked(plain, rows, {
      ...factors,
      normaliser: scalar(9),
      sequence_ids: sequenceIds(rows),
    });
    expect(worstDifference(same["log_probs"] ?? [], scored ?? [])).toBeLessThan(1e-6);
    for (const open of [scorer, session, plain]) await open.close();
  });
});
