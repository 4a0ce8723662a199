/** @file The embedded model against lm-evaluation-harness; skipped where the model has not been fetched. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEngine } from "../engine/engine.js";
import type { Engine } from "../engine/types.js";
import { LocalChatModel } from "../generate/local-chat-model.js";
import { conversationEncoder } from "../generate/open-local-chat-model.js";
import { isOnThisMachine, openModel } from "../models/open.js";
import { registryEntry } from "../models/registry.js";
import { expectQuestions, expectRun, lmEval } from "./lm-eval-golden.test-data.js";
import { loadTask } from "./tasks/load.js";
import { taskNamed } from "./tasks/suites.js";

const SLOW_MS = 600_000;
const MODEL = "smollm2-135m-instruct";
const entry = registryEntry(MODEL);
const isHere = entry !== undefined && isOnThisMachine(entry);
const dataDir = process.env["SAFE_TO_SERVE_DATA"] ?? "";
const hasData = existsSync(`${dataDir}/multiple_choice/arc_easy.jsonl`);

describe.skipIf(!isHere)("the embedded model (run `safe-to-serve models fetch` to have this tested)", () => {
  let engine: Engine;
  let model: LocalChatModel;

  beforeAll(async () => {
    engine = await createEngine({ threads: 2, inProcess: true });
    const loaded = await openModel(MODEL, { offline: true });
    model = new LocalChatModel({ engine, loaded, encoder: conversationEncoder(loaded), adapter: null });
  }, SLOW_MS);

  afterAll(async () => {
    await model?.close();
    await engine?.close();
  });

  test.each(lmEval.embedded)(
    "gives lm-eval's numbers on made-up questions of $task with $fewShot worked examples",
    (run) => expectRun(model, run),
    SLOW_MS,
  );

  test.skipIf(!hasData).each(lmEval.data)(
    "gives lm-eval's numbers on real questions of $task with $fewShot worked examples (needs SAFE_TO_SERVE_DATA)",
    async (run) => {
      const { fewShot } = run;
      const { prompts } = await loadTask(taskNamed(run.task), { limit: null, seed: 0, dataDir, fewShot });
      const byId = new Map(prompts.map((prompt) => [prompt.id, prompt.question]));
      const questions = run.questions.flatMap(({ id }) => byId.get(id) ?? []);
      expect(questions).toHaveLength(run.questions.length);
      await expectQuestions(model, run, questions);
    },
    SLOW_MS,
  );
});
