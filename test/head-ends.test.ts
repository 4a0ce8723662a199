// Where published heads are read, against transformers: tiny checkpoints from reference/head_ends_golden.py.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openScoreModel } from "../src/generate/open-score-model.js";
import type { Exchange } from "../src/text/messages.js";
import { scratchEngine } from "./support/scratch-engine.js";
import { worstDifference, writeGolden } from "./support/tiny-model.js";

interface GoldenHead {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly exchanges: readonly (Omit<Exchange, "id"> & { readonly scores: readonly number[] })[];
}

const golden: {
  readonly script: string;
  readonly tolerance: { readonly absolute: number };
  readonly variants: readonly GoldenHead[];
} = JSON.parse(readFileSync(new URL("golden/head-ends.json", import.meta.url), "utf8"));

const { root, engine } = await scratchEngine("head-ends");

test("the script that the golden names writes it", () => {
  expect(readFileSync(new URL(`../${golden.script}`, import.meta.url), "utf8")).toContain('"head-ends"');
});

describe.each(golden.variants)("$name", (variant) => {
  test("scores exchanges as transformers does, alone and together", async () => {
    const model = await openScoreModel(writeGolden(root, variant), { engine });
    const exchanges = variant.exchanges.map((exchange, i) => ({ ...exchange, id: `${i}` }));
    const wanted = variant.exchanges.flatMap(({ scores }) => scores);
    const together: number[] = [];
    for await (const scores of model.scores(exchanges)) together.push(...scores);
    expect(worstDifference(together, wanted)).toBeLessThan(golden.tolerance.absolute);
    const alone: number[] = [];
    for (const exchange of exchanges)
      for await (const scores of model.scores([exchange])) alone.push(...scores);
    expect(worstDifference(alone, wanted)).toBeLessThan(golden.tolerance.absolute);
    await model.close();
  });
});
