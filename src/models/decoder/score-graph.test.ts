import { describe, expect, test } from "vitest";
import { scratchEngine } from "../../../test/support/scratch-engine.js";
import {
  bySequence,
  goldenLogits,
  goldenModels,
  logSoftmax,
  openGolden,
  openRandom,
  packed,
  randomSegments,
  runPacked,
  worstDifference,
} from "../../../test/support/tiny-model.js";
import { buildScoreGraph } from "./score-graph.js";

const { root, engine } = await scratchEngine("score");
test.each(goldenModels.variants)(
  "scores of $name are those of transformers, several sequences in one row",
  async (variant) => {
    const model = await openGolden(root, variant);
    const session = await engine.open(buildScoreGraph(model, null));
    const known = variant.sequences.filter(({ ids }) => ids.length > 1);
    const rows = packed(
      known.map(({ ids }, i) => ({ id: `${i}`, prompt: ids.slice(0, 1), branches: [ids.slice(1)] })),
      64,
    );
    expect(rows.rows).toBe(1);
    const outputs = await runPacked(session, rows);
    const got = (name: string) => bySequence(rows, outputs[name] as Float32Array).flat();
    const steps = known.flatMap(({ ids, logits }) =>
      goldenLogits(logits, model.config.vocabSize)
        .slice(0, -1)
        .map((row, t) => ({ row, logProbs: logSoftmax(row), label: ids[t + 1] as number })),
    );
    expect(
      worstDifference(
        got("log_probs"),
        steps.map(({ logProbs, label }) => logProbs[label] as number),
      ),
    ).toBeLessThan(1e-4);
    const entropies = steps.map(({ logProbs }) => -logProbs.reduce((sum, x) => sum + x * Math.exp(x), 0));
    expect(worstDifference(got("entropy"), entropies)).toBeLessThan(2e-4);
    const means = steps.map(({ row }) => row.reduce((a, b) => a + b, 0) / row.length);
    expect(worstDifference(got("mean_logit"), means)).toBeLessThan(1e-4);
    expect(got("is_correct")).toEqual(
      steps.map(({ row, label }) => (row[label] === Math.max(...row) ? 1 : 0)),
    );
    await session.close();
  },
);

describe("where a sequence lies does not matter", () => {
  test("a shared prompt, one row or many, with or without padding", async () => {
    const model = await openRandom(root);
    const session = await engine.open(buildScoreGraph(model, null));
    const segments = randomSegments(5, model.config.vocabSize);
    const score = async (pieces: typeof segments, capacity?: number) => {
      const rows = packed(pieces, capacity);
      return bySequence(rows, (await runPacked(session, rows))["log_probs"] as Float32Array).flat();
    };
    const shared = await score(segments);
    const single = segments.flatMap(({ id, prompt, branches }) =>
      branches.map((branch) => ({ id, prompt, branches: [branch] })),
    );
    const alone: number[] = [];
    for (const segment of single) alone.push(...(await score([segment])));
    expect(worstDifference(shared, alone)).toBeLessThan(1e-5);
    expect(worstDifference(await score(segments, 100), alone)).toBeLessThan(1e-5);
    expect(worstDifference(await score(single, 24), alone)).toBeLessThan(1e-5);
    await session.close();
  });

  test("the answers of a prompt do not see each other", async () => {
    const model = await openRandom(root);
    const session = await engine.open(buildScoreGraph(model, null));
    const score = async (first: readonly number[]) => {
      const rows = packed([{ id: "pair", prompt: [3, 4], branches: [first, [5, 6, 7, 8]] }]);
      return bySequence(rows, (await runPacked(session, rows))["log_probs"] as Float32Array)[1] ?? [];
    };
    expect(worstDifference(await score([9, 10, 11]), await score([12, 13, 14]))).toBe(0);
    await session.close();
  });
});
