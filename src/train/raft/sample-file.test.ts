import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { GenerationError } from "../../core/errors.js";
import type { Completion, GenerationRequest } from "../../text/chat-model.js";
import type { Answered } from "./sample.js";
import { type SampleTask, sampleAndScore } from "./sample-file.js";

const root = mkdtempSync(join(tmpdir(), "safe-to-serve-samples-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const prompts = Array.from({ length: 50 }, (_, i) => ({ id: `p${i}`, messages: [], promptIds: [i] }));

/** Draws and scores 50 × 3 samples, last prompts first; counts both, and fails where it is told to. */
function counted(name: string, fails: { readonly draw?: number; readonly score?: number } = {}) {
  const count = { drawn: 0, scored: 0 };
  const task: SampleTask = {
    path: join(root, `${name}.jsonl`),
    prompts,
    samples: 3,
    async *draw(requests: readonly GenerationRequest[]): AsyncGenerator<Completion> {
      for (const { id, sampleIndices = [] } of requests.toReversed()) {
        for (const sample of sampleIndices) {
          if (count.drawn === fails.draw) throw new GenerationError("killed");
          count.drawn++;
          const response = `${id} ${sample}`;
          yield { id, sample, response, tokenIds: [1, 2], finishReason: "stop", seed: 0 };
        }
      }
    },
    async score(answers: readonly Answered[]) {
      if (count.scored === fails.score) throw new GenerationError("killed");
      count.scored += answers.length;
      return answers.map(({ drawn, prompt }) => ({
        rewards: [prompt.promptIds[0] ?? null, drawn.sample / 3],
        unsafe: [null],
        second_reward: null,
        // Depends on what is scored together, as rounding does.
        log_ratio: answers.length / 7,
      }));
    },
  };
  return { count, task };
}

test("samples come in order with their own scores, and a second call draws and scores nothing", async () => {
  const first = counted("whole");
  const samples = await sampleAndScore(first.task);
  expect(first.count).toEqual({ drawn: 150, scored: 150 });
  expect(samples.map(({ response }) => response)).toEqual(
    prompts.flatMap(({ id }) => [0, 1, 2].map((sample) => `${id} ${sample}`)),
  );
  expect(samples[149]).toMatchObject({ id: "p49", sample: 2, rewards: [49, 2 / 3], unsafe: [null] });
  const second = counted("whole");
  expect(await sampleAndScore(second.task)).toEqual(samples);
  expect(second.count).toEqual({ drawn: 0, scored: 0 });
});

test("what is finished is kept: a killed file becomes the uninterrupted one", async () => {
  await expect(sampleAndScore(counted("killed", { draw: 70 }).task)).rejects.toThrow("killed");
  const scoring = counted("killed", { score: 64 });
  await expect(sampleAndScore(scoring.task)).rejects.toThrow("killed");
  expect(scoring.count).toEqual({ drawn: 80, scored: 64 });
  const rest = counted("killed");
  await sampleAndScore(rest.task);
  expect(rest.count).toEqual({ drawn: 0, scored: 86 });
  const content = (name: string) => readFileSync(join(root, `${name}.jsonl`), "utf8");
  expect(content("killed")).toBe(content("whole"));
  expect(existsSync(join(root, "killed.scores.jsonl"))).toBe(false);
});
