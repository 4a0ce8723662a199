/** @file A whole study on a tiny random Llama with the real tokenizer, stopped in the middle of training and gone on with. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { scratchEngine } from "../../test/support/scratch-engine.js";
import { writeTinyChatModel } from "../../test/support/tiny-chat-model.js";
import { GenerationError } from "../core/errors.js";
import { parseRecipe } from "./recipe.js";
import { runStudy } from "./study.js";
import type { StudyObserver } from "./workbench.js";

const { root, engine } = await scratchEngine("study");

beforeAll(async () => {
  await writeTinyChatModel(join(root, "model"), 512);
}, 120_000);

const recipe = () =>
  parseRecipe(
    `model: ${join(root, "model")}
seed: 1
evaluate:
  suite: [{task: I-CoNa, limit: 2}, {task: I-Alpaca, limit: 2}]
  finalSuite: [{task: advbench, limit: 1}]
  maxNewTokens: 4
sit:
  data:
    - {name: benign_alarming, rows: 6, maxAnswerCharacters: 200}
    - {name: benign_groups, rows: 3, maxCompletionLength: 3, ownAnswers: true}
  safety: {name: safety_only_train, rows: 2, maxAnswerCharacters: 100, mustRefuse: true}
  train: {maxSteps: 2, batchSize: 4, loraRank: 2}
dpo:
  pairs: {count: 4, share: 0.5, safety: safety_only_train, harmless: [benign_alarming], answersFrom: base, harmlessChosen: base, maxNewTokens: 32}
  train: {maxSteps: 2, batchSize: 2, nllWeight: 0.2, maxCompletionLength: 32}
`,
    "test.yaml",
  );

test("stopped while SIT trains, it goes on there and ends with three models compared", async () => {
  const out = join(root, "study");
  const controller = new AbortController();
  const stopAtFirstStep: StudyObserver = {
    onWorkDone: (_, note) => {
      if (note?.startsWith("loss") === true) controller.abort(new GenerationError("interrupted"));
    },
  };
  const first = runStudy({
    recipe: recipe(),
    out,
    engine,
    observer: stopAtFirstStep,
    signal: controller.signal,
  });
  await expect(first).rejects.toThrow("interrupted");
  const answered = readFileSync(join(out, "evaluations", "base", "samples.jsonl"), "utf8");

  const states: string[] = [];
  const observer: StudyObserver = { onStage: ({ name, state }) => states.push(`${name} ${state}`) };
  const study = await runStudy({ recipe: recipe(), out, engine, observer });
  expect(states.slice(0, 3)).toEqual(["evaluate base was-done", "choose rows was-done", "train sit begins"]);
  expect(readFileSync(join(out, "evaluations", "base", "samples.jsonl"), "utf8")).toBe(answered);
  expect(study.comparison.models.map(({ label }) => label)).toEqual(["base", "sit", "dpo"]);
  expect(study.comparison.answers).toHaveLength(4);
  expect(study.final?.samples).toHaveLength(1);
  expect(existsSync(join(study.adapter, "adapter_model.safetensors"))).toBe(true);

  const rows = readFileSync(join(out, "data", "sit.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  const own = rows.map((line) => JSON.parse(line)).filter((row) => row.max_completion_length === 3);
  const journal = readFileSync(join(out, "data", "own-answers-3.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  const drawn = new Map(journal.map((line) => JSON.parse(line).completion).map((c) => [c.id, c.response]));
  expect(drawn.size).toBe(3);
  expect(own.length).toBeGreaterThan(0);
  for (const { id, completion } of own) expect(completion[0].content).toBe(drawn.get(id));

  const sit = JSON.parse(readFileSync(join(out, "sit", "run.json"), "utf8"));
  expect(sit.recipe.safetyExamples).toBe(2);
  expect(study.state.stages["build pairs"]?.result).toMatchObject({
    pairs: { safety: 2, harmless: 2 },
    harmlessChosen: { base: 2 },
  });
  const lines = (name: string) =>
    readFileSync(join(out, "pairs", name), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  const base = new Map(
    lines("base-answers.jsonl").map(({ completion }) => [completion.id, completion.response]),
  );
  const harmless = lines("pairs.jsonl").filter(({ kind }) => kind === "harmless");
  for (const { id, chosen } of harmless) expect(chosen[0].content).toBe(base.get(id));

  const again: string[] = [];
  await runStudy({
    recipe: recipe(),
    out,
    engine,
    observer: { onStage: ({ state }) => again.push(state) },
  });
  expect(new Set(again)).toEqual(new Set(["was-done"]));

  const other = { ...recipe(), seed: 2 };
  await expect(runStudy({ recipe: other, out, engine })).rejects.toThrow(
    /another: recipe\.seed 1 there, 2 asked$/,
  );
}, 600_000);
