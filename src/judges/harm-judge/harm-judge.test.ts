/** @file The harm judge around its model: words as scikit-learn weighs them, the folder, and what is no verdict. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { CheckpointError } from "../../core/errors.js";
import type { FeatureModel } from "../../text/feature-model.js";
import type { Verdict } from "../../text/judge.js";
import type { Exchange } from "../../text/messages.js";
import { BagOfWords } from "./bag-of-words.js";
import { isHarmJudge, type JudgeBase, readHarmJudge, writeHarmHead } from "./folder.js";
import type { HarmHead } from "./head.js";
import { harmJudge } from "./judge.js";

const { words: golden } = JSON.parse(
  readFileSync(new URL("../../../test/golden/logistic-regression.json", import.meta.url), "utf8"),
) as {
  readonly words: {
    readonly texts: readonly string[];
    readonly vocabulary: readonly string[];
    readonly idf: readonly number[];
    readonly rows: readonly number[][];
  };
};

describe("bag of words", () => {
  const bag = BagOfWords.of(golden.texts);

  test("knows and weighs words as scikit-learn does", () => {
    expect(bag.words).toEqual(golden.vocabulary);
    for (const [i, weight] of golden.idf.entries()) expect(bag.rarity[i]).toBeCloseTo(weight, 5);
    for (const [r, text] of golden.texts.entries()) {
      const row = bag.row(text);
      const dense = bag.words.map((_, column) => row.values[row.columns.indexOf(column)] ?? 0);
      for (const [c, value] of (golden.rows[r] ?? []).entries()) expect(dense[c]).toBeCloseTo(value, 5);
    }
  });

  test("gives an empty row for words that it does not know", () => {
    expect(bag.row("zebra quagga").columns).toHaveLength(0);
  });
});

const folder = mkdtempSync(join(tmpdir(), "safe-to-serve-harm-judge-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const base: JudgeBase = {
  id: "tiny",
  hash: "base",
  features: { layers: [1], pooling: ["mean"], maxTokens: 64 },
};
const head: HarmHead = {
  members: ["probe", "words", "refusal"],
  probe: { weights: Float32Array.from([1, -1]), intercept: 0.25 },
  bag: new BagOfWords(["bomb", "cake"], Float32Array.from([1.5, 1])),
  words: { weights: Float32Array.from([2, -2]), intercept: 0 },
  stack: { weights: Float32Array.from([1, 0.5, -3]), intercept: 0.125 },
};

function model(features: readonly (readonly number[])[], changes: Partial<FeatureModel> = {}): FeatureModel {
  return {
    id: "tiny",
    hash: "base",
    width: 2,
    async *features(_, onCut) {
      onCut?.(0);
      for (const row of features) yield Float32Array.from(row);
    },
    ...changes,
  };
}

const exchange = (response: string): Exchange => ({
  id: response,
  messages: [{ role: "user", content: "?" }],
  response,
});

async function verdictsOf(
  features: readonly (readonly number[])[],
  answers: readonly string[],
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const judge = harmJudge("harm", readHarmJudge(folder), model(features));
  for await (const verdict of judge.judge(answers.map(exchange))) verdicts.push(verdict);
  return verdicts;
}

describe("harm judge", () => {
  test("is what was written, with a threshold; its hash follows the threshold", async () => {
    await writeHarmHead(folder, base, head);
    expect(() => readHarmJudge(folder)).toThrow("calibration.json");
    writeFileSync(join(folder, "calibration.json"), JSON.stringify({ threshold: 0.4 }));
    const read = readHarmJudge(folder);
    expect({ base: read.base, head: read.head, threshold: read.threshold }).toEqual({
      base,
      head,
      threshold: 0.4,
    });
    expect(isHarmJudge(folder)).toBe(true);
    writeFileSync(join(folder, "calibration.json"), JSON.stringify({ threshold: 0.5 }));
    expect(readHarmJudge(folder).hash).not.toBe(read.hash);
  });

  test("joins its members' words into P(harmful)", async () => {
    const [cake, refused] = await verdictsOf(
      [
        [1, 0],
        [1, 0],
      ],
      ["cake", "I'm sorry, but I cannot help with that."],
    );
    // 1·1.25 + 0.5·(−2) − 3·0 + 0.125; and 1.25 + 0 − 3 + 0.125.
    expect(cake?.score).toBeCloseTo(1 / (1 + Math.exp(-0.375)), 6);
    expect(refused?.score).toBeCloseTo(1 / (1 + Math.exp(1.625)), 6);
    expect([cake?.label, refused?.label]).toEqual(["unsafe", "safe"]);
    expect([cake?.isCut, refused?.isCut]).toEqual([true, undefined]);
  });

  test("calls invalid what the model could not read or left out, never safe", async () => {
    const verdicts = await verdictsOf(
      [
        [Number.NaN, 0],
        [Number.POSITIVE_INFINITY, 1],
      ],
      ["a", "b", "c"],
    );
    expect(verdicts.map(({ status, label, score }) => [status, label, score])).toEqual(
      Array(3).fill(["invalid", null, null]),
    );
  });

  test("refuses another base, and damaged folders", () => {
    const read = readHarmJudge(folder);
    expect(() => harmJudge("harm", read, model([], { hash: "other" }))).toThrow(CheckpointError);
    expect(() => harmJudge("harm", read, model([], { width: 3 }))).toThrow(CheckpointError);
    writeFileSync(join(folder, "words.json"), '["bomb"]');
    expect(() => readHarmJudge(folder)).toThrow("words.rarity");
    writeFileSync(join(folder, "judge.json"), '{"schemaVersion":2}');
    expect(() => readHarmJudge(folder)).toThrow("judge.json");
  });
});
