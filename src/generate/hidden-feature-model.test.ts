/** @file Hidden states as a probe reads them: equal to transformers' (reference/hidden_states_golden.py), in any company. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { scratchEngine } from "../../test/support/scratch-engine.js";
import { writeGolden } from "../../test/support/tiny-model.js";
import { ConfigError } from "../core/errors.js";
import type { LoadedModel } from "../models/loaded-model.js";
import { openModel } from "../models/open.js";
import { type FeatureSettings, POOLINGS } from "../text/feature-model.js";
import type { Exchange } from "../text/messages.js";
import { HiddenFeatureModel } from "./hidden-feature-model.js";
import { conversationEncoder } from "./open-local-chat-model.js";

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../test/golden/${name}.json`, import.meta.url), "utf8"));
const golden = read("hidden-states") as {
  readonly tolerance: number;
  readonly layers: readonly number[];
  readonly rows: readonly {
    readonly prompt: string;
    readonly response: string;
    readonly features: number[];
  }[];
};
const { base } = read("reward-training") as { readonly base: Readonly<Record<string, string>> };

const { root, engine } = await scratchEngine("hidden-states");
let model: LoadedModel;
beforeAll(async () => {
  model = await openModel(writeGolden(root, { name: "base", files: base }));
});

const exchanges: Exchange[] = golden.rows.map(({ prompt, response }, i) => ({
  id: `${i}`,
  messages: [{ role: "user", content: prompt }],
  response,
}));
const reader = (changes: Partial<FeatureSettings> = {}) =>
  new HiddenFeatureModel({
    engine,
    model,
    encoder: conversationEncoder(model),
    settings: { layers: golden.layers, pooling: POOLINGS, maxTokens: 512, ...changes },
  });
const all = async (from: HiddenFeatureModel, rows: readonly Exchange[], onCut?: (index: number) => void) => {
  const read: Float32Array[] = [];
  for await (const features of from.features(rows, onCut)) read.push(features);
  return read;
};

describe("hidden states", () => {
  test("equal transformers' at every layer and place, an answer without words included", async () => {
    const features = await all(reader(), exchanges);
    golden.rows.forEach((row, i) => {
      expect(features[i]?.length).toBe(row.features.length);
      expect(worst(features[i], row.features)).toBeLessThan(golden.tolerance);
    });
  });

  test("do not depend on what else is read", async () => {
    const together = await all(reader(), exchanges);
    for (const [i, exchange] of exchanges.entries()) {
      const [alone] = await all(reader(), [exchange]);
      expect(worst(alone, together[i])).toBeLessThan(1e-5);
    }
  });

  test("are the same where fewer layers and places are read", async () => {
    const [whole, some] = [reader(), reader({ layers: [2], pooling: ["mean"] })];
    const size = whole.width / (golden.layers.length * POOLINGS.length);
    const cell = golden.layers.indexOf(2) * POOLINGS.length + POOLINGS.indexOf("mean");
    const [a, b] = [await all(whole, exchanges), await all(some, exchanges)];
    for (const i of exchanges.keys())
      expect(worst(b[i], a[i]?.subarray(cell * size, (cell + 1) * size))).toBeLessThan(1e-5);
    expect(some.hash).not.toBe(whole.hash);
  });

  test("cut a long answer and say so; give NaN where the prompt leaves no room", async () => {
    const cut: number[] = [];
    const features = await all(reader({ pooling: ["mean"], maxTokens: 60 }), exchanges, (index) =>
      cut.push(index),
    );
    expect(cut).toEqual([1]);
    expect(features[1]?.every(Number.isFinite)).toBe(true);
    expect(features[3]?.every(Number.isNaN)).toBe(true);
  });

  test("refuse layers that the model does not have", () => {
    expect(() => reader({ layers: [3] })).toThrow(ConfigError);
  });
});

function worst(a: ArrayLike<number> | undefined, b: ArrayLike<number> | undefined): number {
  if (a === undefined || b === undefined || a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number))));
}
