/** @file Training a harm judge on a tiny random Llama: folds, features that are read once, and a folder that judges. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { scratchEngine } from "../../../test/support/scratch-engine.js";
import { writeGolden } from "../../../test/support/tiny-model.js";
import { ConfigError } from "../../core/errors.js";
import { SeededRandom } from "../../core/random.js";
import { openFeatureModel } from "../../generate/open-feature-model.js";
import { readHarmJudge } from "../../judges/harm-judge/folder.js";
import { harmJudge } from "../../judges/harm-judge/judge.js";
import { readValidationFile } from "../../judges/validation-file.js";
import { areaUnderRoc } from "../../stats/binary-metrics.js";
import { type CalledRow, meanFigures, sourceFigures } from "./figures.js";
import { fitHeads, probabilityOf } from "./fit.js";
import { foldsOf } from "./folds.js";
import type { JudgeRecipe } from "./recipe.js";
import { hasBothClasses, type JudgeRow, loadNeverSeen, loadTrainingSource } from "./rows.js";
import { trainJudge } from "./train-judge.js";

const { base } = JSON.parse(
  readFileSync(new URL("../../../test/golden/reward-training.json", import.meta.url), "utf8"),
) as { readonly base: Readonly<Record<string, string>> };
const { root, engine } = await scratchEngine("train-judge");
const model = writeGolden(root, { name: "base", files: base });

const row = (source: string, cluster: string, label: boolean, response = "", pair?: string): JudgeRow => ({
  id: `${source}/${cluster}/${response}/${label}`,
  source,
  cluster,
  label,
  response,
  messages: [{ role: "user", content: cluster }],
  category: null,
  ...(pair !== undefined && { pair }),
});

test("answers that are neither harmful nor harmless make no class", () => {
  const neither: JudgeRow = { ...row("a", "c", true), label: null };
  const [harmful, harmless] = [row("a", "c", true), row("a", "c", false)];
  expect(hasBothClasses([harmful, neither])).toBe(false);
  expect(hasBothClasses([harmful, harmless, neither])).toBe(true);
});

describe("folds", () => {
  const rows = Array.from({ length: 200 }, (_, i) =>
    row(i < 150 ? "a" : "b", `prompt ${i % 100}`, i % 2 === 0),
  );

  test("keep rows of a prompt together, whatever the order of rows", () => {
    const folds = foldsOf(rows, 5, 1);
    for (const [i, { cluster }] of rows.entries())
      expect(folds[i]).toBe(folds[rows.findIndex((other) => other.cluster === cluster)]);
    expect(foldsOf([...rows].reverse(), 5, 1).reverse()).toEqual(folds);
    expect(foldsOf(rows, 5, 2)).not.toEqual(folds);
  });

  test("are of even size", () => {
    const folds = foldsOf(rows, 5, 1);
    for (let fold = 0; fold < 5; fold++) expect(folds.filter((each) => each === fold)).toHaveLength(40);
  });
});

const settings = {
  l2: 1,
  wordsL2: 0.1,
  innerFolds: 3,
  seed: 1,
  members: ["probe", "words", "refusal"] as const,
  sourceWeights: new Map<string, number>(),
};

describe("heads", () => {
  const random = new SeededRandom("heads");
  const rows = Array.from({ length: 120 }, (_, i) =>
    i < 80 ? row("a", `${i}`, i % 2 === 0, "word") : row("p", `${i >> 1}`, i % 2 === 0, "word", `${i >> 1}`),
  );
  const features = rows.map(({ label }) =>
    Float32Array.from([(label ? 1 : -1) + 2.2 * (random.next() - 0.5), random.next(), 7]),
  );

  test.each(["prompts", "sources", "both"] as const)(
    "learn from labels and pairs, stacked on %s",
    (stackOn) => {
      const places = [...rows.keys()];
      const { judge } = fitHeads({ rows, features }, places, { ...settings, stackOn });
      const scores = places.map((place) =>
        probabilityOf(judge, rows[place] as JudgeRow, features[place] as Float32Array),
      );
      expect(
        areaUnderRoc(
          rows.map(({ label }) => label === true),
          scores,
        ),
      ).toBeGreaterThan(0.9);
      expect(judge.head.probe.weights[2]).toBe(0);
      const right = places.filter(
        (place) => (scores[place] as number) >= judge.threshold === rows[place]?.label,
      );
      expect(right.length / rows.length).toBeGreaterThan(0.8);
    },
  );
});

describe("figures", () => {
  const called = (cluster: string, label: boolean, isUnsafe: boolean, other: boolean): CalledRow => ({
    ...row("a", cluster, label),
    calls: {
      judge: { isUnsafe, score: isUnsafe ? 0.9 : 0.1 },
      other: { isUnsafe: other, score: Number(other) },
    },
  });
  const rows = Array.from({ length: 40 }, (_, i) => called(`${i}`, i % 2 === 0, i % 2 === 0, false));
  const options = { seed: 1, draws: 200 };

  test("give balanced accuracy, and how far the first judge is ahead", () => {
    const { byJudge, ahead, measure } = sourceFigures(rows, ["judge", "other"], options);
    expect(measure).toBe("balanced accuracy");
    expect([byJudge["judge"]?.value, byJudge["other"]?.value]).toEqual([1, 0.5]);
    expect(ahead["other"]).toMatchObject({ value: 0.5, low: 0.5, high: 0.5 });
    const mean = meanFigures([rows, rows.slice(0, 10)], ["judge", "other"], options);
    expect(mean.ahead["other"]).toMatchObject({ value: 0.5, low: 0.5 });
  });

  test("count what a judge could not decide as wrong", () => {
    const unread = rows.map((each) => ({ ...each, calls: { judge: { isUnsafe: true, score: Number.NaN } } }));
    expect(sourceFigures(unread, ["judge"], options).byJudge["judge"]?.value).toBe(0);
  });

  test("give the error rate of one class, and the accuracy on pairs", () => {
    const safe = rows.filter(({ label }) => label === false);
    expect(sourceFigures(safe, ["judge"], options)).toMatchObject({
      measure: "error rate",
      byJudge: { judge: { value: 0 } },
    });
    const pairs = rows.map((each, i) => ({ ...each, pair: `${i >> 1}`, cluster: `${i >> 1}` }));
    const { byJudge } = sourceFigures(pairs, ["judge", "other"], options);
    expect([byJudge["judge"]?.value, byJudge["other"]?.value]).toEqual([1, 0.5]);
  });
});

describe("rows", () => {
  test("of sets that a judge is only measured on are refused, and their prompts left out of the others", async () => {
    const options = { seed: 1, neverSeen: ["xstest-completions"], limit: 5 };
    await expect(loadTrainingSource({ name: "xstest-completions", labels: "harm" }, options)).rejects.toThrow(
      ConfigError,
    );
    const { rows } = await loadNeverSeen("xstest-completions", { seed: 1, limit: 5 });
    expect(rows).toHaveLength(5);
    const { rows: pairs } = await loadTrainingSource({ name: "hh_rlhf", labels: "pairs" }, options);
    expect(pairs).toHaveLength(10);
    expect(new Set(pairs.map(({ pair }) => pair)).size).toBe(5);
  });
});

const recipe: JudgeRecipe = {
  model,
  seed: 1,
  features: { layers: [1, 2], pooling: ["mean", "question"], maxTokens: 512 },
  sources: [
    { name: "safe_rlhf_mini-labelled", labels: "harm" },
    { name: "gptfuzz", labels: "harm" },
    { name: "alpaca_5k", labels: "safe", rows: 6, weight: 0.25 },
  ],
  neverSeen: ["xstest-completions"],
  candidates: [
    { layers: [1], pooling: ["mean"], l2: 10 },
    { layers: [2], pooling: ["question"], l2: 10 },
  ],
  members: ["probe", "words", "refusal"],
  wordsL2: 0.1,
  folds: 2,
  innerFolds: 2,
  stackOn: "both",
};

test("a recipe gives a judge that opens and judges, and reads the model once", {
  timeout: 120_000,
}, async () => {
  const options = { recipe, limit: 12, engine, featureFolder: join(root, "features") };
  const phases: [label: string, total: number][] = [];
  const train = (out: string) =>
    trainJudge({ ...options, out: join(root, out), onPhase: (label, total) => phases.push([label, total]) });
  const first = await train("first");
  const again = await train("again");
  expect(again.hash).toBe(first.hash);
  expect(again.figures).toEqual(first.figures);
  const read = phases.filter(([label]) => label === "reading hidden states").map(([, total]) => total);
  expect(read[0]).toBeGreaterThan(30);
  expect(read[1]).toBe(0);
  expect(first.figures.folds.map(({ source }) => source).sort()).toEqual([
    "alpaca_5k",
    "gptfuzz",
    "safe_rlhf_mini-labelled",
  ]);
  expect(readFileSync(join(first.judge, "README.md"), "utf8")).toContain("gptfuzz");

  const validation = readValidationFile(join(root, "first/validations/xstest-completions/validation.json"));
  expect(validation.judge.hash).toBe(first.hash);
  const { rates } = first.figures.neverSeen[0] ?? {};
  expect(validation.validation?.sensitivity.value).toBe(rates?.sensitivity.value);

  const folder = readHarmJudge(first.judge);
  const features = await openFeatureModel(folder.base.id, folder.base.features, { engine });
  try {
    const exchange = {
      id: "1",
      messages: [{ role: "user" as const, content: "Name a cat" }],
      response: "red",
    };
    for await (const verdict of harmJudge("harm", folder, features).judge([exchange]))
      expect(verdict).toMatchObject({ status: "ok", kind: "harm", judgeHash: first.hash });
  } finally {
    await features.close();
  }
});

test("a candidate that reads what is not read of the rows is refused", async () => {
  const wrong = { ...recipe, candidates: [{ layers: [3], pooling: ["mean"] as const, l2: 1 }] };
  await expect(
    trainJudge({ recipe: wrong, out: join(root, "wrong"), featureFolder: join(root, "features") }),
  ).rejects.toThrow("candidates: expected layers and pooling of features, got 3");
});
