/** @file Multiple choice against lm-evaluation-harness. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { scratchEngine } from "../../test/support/scratch-engine.js";
import { LocalChatModel } from "../generate/local-chat-model.js";
import { conversationEncoder } from "../generate/open-local-chat-model.js";
import { openModel } from "../models/open.js";
import { choiceTask, expectRun, lmEval, scoreAll } from "./lm-eval-golden.test-data.js";
import { toQuestions } from "./tasks/questions.js";

interface TinyGolden {
  readonly variants: readonly { readonly name: string; readonly files: Readonly<Record<string, string>> }[];
}

const { root, engine } = await scratchEngine("lm-eval");
let model: LocalChatModel;

beforeAll(async () => {
  const path = new URL("../../test/golden/tiny-llama.json", import.meta.url);
  const { variants } = JSON.parse(readFileSync(path, "utf8")) as TinyGolden;
  const folder = join(root, lmEval.tiny.checkpoint);
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(
    variants.find((each) => each.name === lmEval.tiny.checkpoint)?.files ?? {},
  )) {
    const isBinary = name.endsWith(".base64");
    writeFileSync(join(folder, name.replace(/\.base64$/, "")), content, isBinary ? "base64" : "utf8");
  }
  const loaded = await openModel(folder);
  model = new LocalChatModel({ engine, loaded, encoder: conversationEncoder(loaded), adapter: null });
});

describe("a tiny checkpoint", () => {
  test.each(lmEval.tiny.runs)(
    "gives lm-eval's numbers on $task with $fewShot worked examples",
    async (run) => {
      await expectRun(model, run);
    },
  );

  test("covers contexts that are cut on the left", () => {
    const lengths = lmEval.tiny.runs.flatMap(({ questions }) => questions.flatMap(({ tokens }) => tokens));
    const positions = 512;
    expect(lengths.filter(([context, choice]) => context + choice > positions + 1).length).toBeGreaterThan(5);
  });

  test("scores a question alone as it does among others", async () => {
    const questions = toQuestions(choiceTask("arc-easy"), lmEval.rows["arc-easy"] ?? [], 0, []);
    const together = await scoreAll(model, questions);
    for (const [i, question] of questions.entries()) {
      const [alone] = await scoreAll(model, [question]);
      alone?.logProbs.forEach((value, choice) => {
        expect(value).toBeCloseTo(together[i]?.logProbs[choice] ?? Number.NaN, 4);
      });
    }
  });
});
