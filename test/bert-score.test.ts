// BERTScore against bert-score over a tiny random DeBERTa-v3, from reference/bert_score_golden.py.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { TextEmbedder } from "../src/generate/text-embedder.js";
import { bertScore, inverseDocumentFrequencies } from "../src/stats/bert-score.js";
import { bundledTexts } from "./support/bundled-texts.js";
import { scratchEngine } from "./support/scratch-engine.js";
import { writeGolden } from "./support/tiny-model.js";

const golden: {
  readonly script: string;
  readonly tolerance: { readonly absolute: number };
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly pairs: readonly (readonly [string, string])[];
  readonly runs: readonly { readonly layer: number; readonly idf: boolean; readonly scores: number[][] }[];
} = JSON.parse(readFileSync(new URL("golden/bert-score.json", import.meta.url), "utf8"));

const { root, engine } = await scratchEngine("bert-score");
const folder = writeGolden(root, golden);

const byId = bundledTexts();
const textsOf = (side: 0 | 1): string[] => golden.pairs.map((pair) => byId.get(pair[side]) ?? "");
const [answers, references] = [textsOf(0), textsOf(1)];

test("the script that the golden names writes it", () => {
  expect(readFileSync(new URL(`../${golden.script}`, import.meta.url), "utf8")).toContain('"bert-score"');
});

test.each(golden.runs)("layer $layer, idf $idf: 200 real pairs as bert-score has them", async (run) => {
  const embedder = await TextEmbedder.open(folder, { engine, layer: run.layer });
  const [a, b] = [await embedder.embed(answers), await embedder.embed(references)];
  await embedder.close();
  const plain = (id: number): number => (embedder.specialIds.has(id) ? 0 : 1);
  const weightOf = run.idf ? inverseDocumentFrequencies(b.map(({ ids }) => ids)) : plain;
  const scores = a.map((answer, i) => bertScore(answer, b[i] ?? answer, weightOf));
  const columns = scores.flatMap(({ precision, recall, f1 }) => [precision, recall, f1]);
  const expected = run.scores.flat();
  expect([columns.length, expected.length]).toEqual([600, 600]);
  const worst = Math.max(...columns.map((x, i) => Math.abs(x - (expected[i] ?? Number.NaN))));
  expect(worst).toBeLessThan(golden.tolerance.absolute);
});

test("a text scores 1 against itself, and nothing against one without words", async () => {
  const embedder = await TextEmbedder.open(folder, { engine });
  const [text, empty] = await embedder.embed(["the quick brown fox", " "]);
  await embedder.close();
  if (text === undefined || empty === undefined) throw new Error("expected two texts");
  const own = bertScore(text, text, () => 1);
  expect(own.f1).toBeCloseTo(1, 6);
  expect(bertScore(text, empty, () => 1)).toEqual({ precision: 0, recall: 0, f1: 0 });
  expect(embedder.layer).toBe(2);
});

test("refuses a layer that the encoder does not have", async () => {
  await expect(TextEmbedder.open(folder, { engine, layer: 3 })).rejects.toThrow(
    /expected a layer from 1 to 2, got 3/,
  );
});
