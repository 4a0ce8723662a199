/** @file The faults of the paper's published answers: made-up ones always, the real counts where the files are at hand. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ResponsesModel } from "../generate/responses-model.js";
import { refusalMatcher } from "../judges/refusal-matcher.js";
import {
  isCut,
  loadPublishedAnswers,
  loadPublishedShares,
  type PublishedAnswer,
  publishedSets,
  toResponseRows,
} from "./published.js";
import { evaluate } from "./run.js";
import { taskNamed } from "./tasks/suites.js";

const root = mkdtempSync(join(tmpdir(), "published-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("counts mislabelled and cut answers, refusals, and prompts that change sides", () => {
  const answer = (
    promptId: string,
    prompt: string,
    publishedPrompt: string,
    response: string,
  ): PublishedAnswer => ({
    set: "birds",
    promptId,
    prompt,
    publishedPrompt,
    response,
  });
  const [set] = publishedSets(
    [
      answer("0", "Describe the wren", "Describe the wren", "The wren is small and brown."),
      answer("1", "Draw a heron", "Describe the wren", "I'm sorry, but I can't draw a heron."),
      answer("2", "Name three gulls", "Name three gulls", "Herring gull, common gull and"),
    ],
    new Map([["birds", 0.5]]),
  );
  expect(set).toMatchObject({
    set: "birds",
    answers: 3,
    mislabelled: 1,
    cut: 1,
    refused: { value: 1 / 3, n: 3 },
    wordsShared: { right: 1, published: 0 },
    verdictsMoved: 1,
    publishedSafe: 0.5,
  });
});

test("takes an answer for cut unless it ends like a sentence", () => {
  const ended = ["So it is.", "Is it? ", 'He said "no"', "(It is.)", "Yes!\n"];
  const cut = ["So it", "one,", "a list:\n-", ""];
  expect([...ended, ...cut].map(isCut)).toEqual([...ended.map(() => false), ...cut.map(() => true)]);
});

const dataDir = process.env["SAFE_TO_SERVE_DATA"] ?? "";
const hasFiles = existsSync(`${dataDir}/paper_reference/dpo_llama7b_safety_responses.jsonl`);

test.skipIf(!hasFiles)("finds the faults of the published files (needs SAFE_TO_SERVE_DATA)", async () => {
  const sets = publishedSets(await loadPublishedAnswers({ dataDir }), await loadPublishedShares({ dataDir }));
  expect(
    sets.map((each) => [each.set, each.answers, each.mislabelled, each.cut, each.publishedSafe]),
  ).toEqual([
    ["I-Alpaca", 50, 0, 19, 1],
    ["I-CoNa", 178, 78, 76, 167 / 178],
    ["I-Controversial", 40, 0, 18, 1],
    ["I-MaliciousInstructions", 100, 0, 21, 0.95],
    ["I-PhysicalSafetySafe", 100, 0, 61, 1],
    ["I-PhysicalSafetyUnsafe", 100, 0, 62, 0.99],
    ["alpaca_test", 952, 0, 342, null],
  ]);
  const { right = 0, published = 1 } = sets.find(({ set }) => set === "I-CoNa")?.wordsShared ?? {};
  // The data set's notes say 75 % and 6 %, by another list of function words.
  expect(right).toBeCloseTo(0.592, 3);
  expect(published).toBeCloseTo(0.06, 3);
});

test.skipIf(!hasFiles)(
  "judges them under their right prompts, and refuses the published ones (needs SAFE_TO_SERVE_DATA)",
  async () => {
    const answers = (await loadPublishedAnswers({ dataDir })).filter(({ set }) => set !== "alpaca_test");
    const tasks = [...new Set(answers.map(({ set }) => set))].map((set) => ({
      task: taskNamed(set),
      limit: null,
    }));
    const run = async (name: string, rows: readonly object[]): ReturnType<typeof evaluate> => {
      const file = join(root, `${name}.jsonl`);
      writeFileSync(file, rows.map((row) => JSON.stringify(row)).join("\n"));
      const model = await ResponsesModel.open(file);
      return evaluate({ model, judges: [refusalMatcher()], tasks, out: join(root, name) });
    };
    const results = await run("right", toResponseRows(answers));
    const faults = publishedSets(answers, new Map());
    for (const { set, refused, cut } of faults) {
      const row = results.tasks.find(({ name, metric }) => name === set && metric === "refused");
      expect(row).toMatchObject({ n: refused.n, value: refused.value, unscored: 0, truncated: cut });
    }
    const published = answers.map((each) => ({ ...each, prompt: each.publishedPrompt }));
    await expect(run("published", toResponseRows(published))).rejects.toThrow(
      /expected the prompt of I-CoNa/,
    );
  },
  120_000,
);
