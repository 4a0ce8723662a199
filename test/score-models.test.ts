// Classifiers against transformers: tiny random GPT-2 and DeBERTa-v3 checkpoints, from reference/score_models_golden.py.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { emitModel } from "../src/engine/onnx/emit.js";
import type { Session, TensorData } from "../src/engine/types.js";
import { ClassifierScoreModel } from "../src/generate/classifier-score-model.js";
import { type Classifier, classifierGraph } from "../src/models/classifier/classifier.js";
import { distanceBucket } from "../src/models/classifier/deberta-positions.js";
import { openClassifier } from "../src/models/classifier/open-classifier.js";
import { DIALOGUE_FORMATS } from "../src/text/dialogue-format.js";
import type { Exchange } from "../src/text/messages.js";
import { scratchEngine } from "./support/scratch-engine.js";
import { worstDifference, writeGolden } from "./support/tiny-model.js";

interface GoldenClassifier {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly sequences: readonly { readonly ids: readonly number[]; readonly scores: readonly number[] }[];
  /** `length` is that of the ids, after cutting. */
  readonly exchanges: readonly (Omit<Exchange, "id"> & {
    readonly length: number;
    readonly scores: number[];
  })[];
}

const golden: {
  readonly script: string;
  readonly tolerance: { readonly absolute: number };
  readonly variants: readonly GoldenClassifier[];
  readonly buckets: readonly {
    readonly positionBuckets: number;
    readonly maxRelativePositions: number;
    readonly buckets: readonly number[];
  }[];
} = JSON.parse(readFileSync(new URL("golden/score-models.json", import.meta.url), "utf8"));

const { root, engine } = await scratchEngine("score-models");

async function openGolden(variant: GoldenClassifier): Promise<Classifier> {
  const opened = await openClassifier(writeGolden(root, variant));
  if ("layout" in opened) return opened;
  throw new Error("expected a classifier");
}

/** Rows cut to one length, padded with a token that means something. */
async function scores(session: Session, rows: readonly (readonly number[])[], length: number) {
  const data = rows.flatMap((ids) => [...ids, ...new Array<number>(length - ids.length).fill(7)]);
  const integers = (shape: readonly number[], values: readonly number[]): TensorData => ({
    dtype: "int64",
    shape,
    data: BigInt64Array.from(values, BigInt),
  });
  const lengths = rows.map(({ length }) => length);
  const outputs = await session.run({
    input_ids: integers([rows.length, length], data),
    lengths: integers([rows.length], lengths),
  });
  return Array.from(outputs["scores"]?.data as Float32Array);
}

test("the script that the golden names writes it", () => {
  expect(readFileSync(new URL(`../${golden.script}`, import.meta.url), "utf8")).toContain('"score-models"');
});

test("distances fall into transformers' buckets", () => {
  for (const { buckets, ...sizes } of golden.buckets)
    expect(buckets.map((_, distance) => distanceBucket(distance, sizes))).toEqual(buckets);
});

describe.each(golden.variants)("$name", (variant) => {
  let model: Classifier;
  let session: Session;
  beforeAll(async () => {
    model = await openGolden(variant);
    session = await engine.open(emitModel(classifierGraph(model)));
  });
  const expected = variant.sequences.flatMap(({ scores }) => scores);
  const rows = variant.sequences.map(({ ids }) => ids);
  const longest = Math.max(...rows.map(({ length }) => length));

  test("names its labels", () => {
    expect(model.layout.labels).toEqual(variant.name.includes("two") ? ["safe", "unsafe"] : ["LABEL_0"]);
  });

  test("scores each text by itself as transformers does", async () => {
    const alone: number[] = [];
    for (const ids of rows) alone.push(...(await scores(session, [ids], ids.length)));
    expect(worstDifference(alone, expected)).toBeLessThan(golden.tolerance.absolute);
  });

  test.each([0, 1, 3])("scores all in one batch the same, with %i more places of padding", async (more) => {
    const together = await scores(session, rows, longest + more);
    expect(worstDifference(together, expected)).toBeLessThan(golden.tolerance.absolute);
  });

  test("scores the texts of a batch in any order the same", async () => {
    const twice = [...rows, ...rows].reverse();
    const reversed = [...variant.sequences, ...variant.sequences].reverse().flatMap(({ scores }) => scores);
    expect(worstDifference(await scores(session, twice, longest), reversed)).toBeLessThan(
      golden.tolerance.absolute,
    );
  });
});

describe.each(golden.variants.filter(({ exchanges }) => exchanges.length > 0))("$name", (variant) => {
  // More than one window of sorting.
  const known = Array.from({ length: 30 }, () => variant.exchanges).flat();

  test("scores exchanges as transformers scores their texts", async () => {
    const classifier = await openGolden(variant);
    const format = DIALOGUE_FORMATS[classifier.layout.dialogueFormat];
    const model = new ClassifierScoreModel({ engine, classifier, format });
    const exchanges = known.map(({ messages, response }, n) => ({ id: `${n}`, messages, response }));
    const got: (readonly number[])[] = [];
    for await (const scores of model.scores(exchanges)) got.push(scores);
    await model.close();
    expect(got.map(({ length }) => length)).toEqual(known.map(() => model.labels.length));
    const wanted = known.flatMap(({ scores }) => scores);
    expect(worstDifference(got.flat(), wanted)).toBeLessThan(golden.tolerance.absolute);
  });

  test("one of them is cut where the positions end", async () => {
    const { layout } = await openGolden(variant);
    expect(Math.max(...variant.exchanges.map(({ length }) => length))).toBe(layout.maxLength);
  });

  test("the text format belongs to what the scores mean", async () => {
    const classifier = await openGolden(variant);
    const hashes = Object.values(DIALOGUE_FORMATS).map(
      (format) => new ClassifierScoreModel({ engine, classifier, format }).hash,
    );
    expect(new Set(hashes).size).toBe(2);
  });
});
