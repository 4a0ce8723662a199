/** @file BLEU, ROUGE and distinct-n against sacrebleu, rouge-score and nltk. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bundledTexts } from "../../test/support/bundled-texts.js";
import { bleuCounts, bleuInterval, corpusBleu, sentenceBleu, tokenize13a } from "./bleu.js";
import { distinct, distinctInterval } from "./distinct.js";
import { meanInterval } from "./intervals.js";
import { jackknifeInterval } from "./jackknife.js";
import { rouge } from "./rouge.js";

type Scores = [answer: string, reference: string, ...scores: number[]];
interface Corpus {
  readonly bleu: number;
  readonly distinct1: number;
  readonly distinct2: number;
}
const golden = JSON.parse(
  readFileSync(new URL("../../test/golden/text-metrics.json", import.meta.url), "utf8"),
) as {
  tolerance: number;
  pairs: Scores[];
  texts: Scores[];
  tokens: [string, string[]][];
  corpus: Corpus;
  textsCorpus: Corpus;
  shortCorpus: Corpus;
};

const byId = bundledTexts();

function scoresOf(answer: string, reference: string): number[] {
  const { rouge1, rouge2, rougeL } = rouge(answer, reference);
  const parts = [rouge1, rouge2, rougeL].flatMap((s) => [s.precision, s.recall, s.fmeasure]);
  return [sentenceBleu(bleuCounts(answer, reference)), ...parts];
}

function expectCorpus(pairs: readonly (readonly [string, string])[], wanted: Corpus): void {
  const answers = pairs.map(([answer]) => answer);
  expect(corpusBleu(pairs.map(([a, b]) => bleuCounts(a, b)))).toBeCloseTo(wanted.bleu, 9);
  expect(distinct(answers, 1)).toBeCloseTo(wanted.distinct1, 12);
  expect(distinct(answers, 2)).toBeCloseTo(wanted.distinct2, 12);
}

test("equals sacrebleu and rouge-score on 200 real pairs", () => {
  expect(golden.pairs.length).toBe(200);
  const pairs = golden.pairs.map(([a, b]) => [byId.get(a) ?? "", byId.get(b) ?? ""] as const);
  const got = pairs.flatMap(([a, b]) => scoresOf(a, b));
  const wanted = golden.pairs.flatMap(([, , ...scores]) => scores);
  const farthest = Math.max(...got.map((x, i) => Math.abs(x - (wanted[i] ?? Number.NaN))));
  expect(farthest).toBeLessThan(golden.tolerance);
  expectCorpus(pairs, golden.corpus);
});

test("equals them on empty, short, foreign and oddly spaced texts", () => {
  for (const [text, tokens] of golden.tokens) expect(tokenize13a(text)).toEqual(tokens);
  for (const [a, b, ...scores] of golden.texts)
    scoresOf(a, b).forEach((x, i) => {
      expect(Math.abs(x - (scores[i] ?? Number.NaN)), JSON.stringify([a, b, i])).toBeLessThan(
        golden.tolerance,
      );
    });
  const filled = golden.texts.filter(([a]) => a !== "").map(([a, b]) => [a, b] as const);
  expectCorpus(filled, golden.textsCorpus);
});

test("gives 0 for a corpus too short for 4-grams, where a single answer counts the orders that it has", () => {
  const counts = bleuCounts("one two", "one two");
  expect(corpusBleu([counts])).toBe(golden.shortCorpus.bleu);
  expect(sentenceBleu(counts)).toBeCloseTo(100, 9);
});

test("gives NaN for nothing, never zero", () => {
  expect([corpusBleu([]), distinct([], 1), distinct(["one"], 2)]).toEqual([NaN, NaN, NaN]);
});

test("keeps scores in their range, full for equal texts", () => {
  const text = fc.array(fc.constantFrom("red", "green", "blue", "wine", ".", "-"), {
    minLength: 4,
    maxLength: 30,
  });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const [bleu = NaN, ...parts] = scoresOf(a.join(" "), b.join(" "));
      expect(bleu >= 0 && bleu <= 100 + 1e-9 && parts.every((part) => part >= 0 && part <= 1)).toBe(true);
      expect(sentenceBleu(bleuCounts(a.join(" "), a.join(" ")))).toBeCloseTo(100, 9);
      expect(rouge(b.join(" "), a.join(" ")).rougeL.precision).toBe(
        rouge(a.join(" "), b.join(" ")).rougeL.recall,
      );
    }),
  );
});

test("jackknife intervals: Student's for a mean, and the scores of the sets without one answer each", () => {
  const values = [3, 1, 4, 1, 5, 9, 2, 6];
  const sum = values.reduce((a, b) => a + b, 0);
  const leftOut = values.map((x) => (sum - x) / (values.length - 1));
  const { low, high } = jackknifeInterval(sum / values.length, leftOut, 0.95);
  expect(low).toBeCloseTo(meanInterval(values).low, 12);
  expect(high).toBeCloseTo(meanInterval(values).high, 12);
  const pairs = golden.pairs.slice(0, 30).map(([a, b]) => [byId.get(a) ?? "", byId.get(b) ?? ""] as const);
  const answers = pairs.map(([answer]) => answer);
  const without = <Item>(items: readonly Item[], i: number): Item[] => items.filter((_, j) => j !== i);
  const counts = pairs.map(([a, b]) => bleuCounts(a, b));
  expect(bleuInterval(counts, 0.9)).toEqual(
    jackknifeInterval(
      corpusBleu(counts),
      counts.map((_, i) => corpusBleu(without(counts, i))),
      0.9,
    ),
  );
  for (const order of [1, 2])
    expect(distinctInterval(answers, order)).toEqual(
      jackknifeInterval(
        distinct(answers, order),
        answers.map((_, i) => distinct(without(answers, i), order)),
        0.95,
      ),
    );
  expect(distinctInterval(["one answer"], 1)).toMatchObject({ value: 1, low: NaN, n: 1 });
});

test("the jackknife leaves out clusters as one", () => {
  const pairs = golden.pairs.slice(0, 12).map(([a, b]) => [byId.get(a) ?? "", byId.get(b) ?? ""] as const);
  const answers = pairs.map(([answer]) => answer);
  const clusters = pairs.map((_, i) => `prompt ${i % 4}`);
  const others = <Item>(items: readonly Item[], left: number): Item[] =>
    items.filter((_, i) => i % 4 !== left);
  const counts = pairs.map(([a, b]) => bleuCounts(a, b));
  const each = [0, 1, 2, 3];
  const bleu = jackknifeInterval(
    corpusBleu(counts),
    each.map((left) => corpusBleu(others(counts, left))),
    0.95,
  );
  expect(bleuInterval(counts, 0.95, clusters)).toEqual(bleu);
  const variety = each.map((left) => distinct(others(answers, left), 2));
  expect(distinctInterval(answers, 2, 0.95, clusters)).toEqual(
    jackknifeInterval(distinct(answers, 2), variety, 0.95),
  );
});
