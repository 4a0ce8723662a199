import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ConfigError } from "../core/errors.js";
import { refusalMatcher } from "./refusal-matcher.js";
import { JUDGE_OPENERS, type JudgeContext, type JudgeOpener, openJudge } from "./registry.js";

const CONTEXT: JudgeContext = {
  openModel: (model) => Promise.reject(new ConfigError(`no model ${model} here`)),
  openScoreModel: async (id) => ({
    id,
    hash: "scores",
    labels: ["safe", "unsafe"],
    async *scores() {
      yield [0, 0];
    },
  }),
  openFeatureModel: (model) => Promise.reject(new ConfigError(`no model ${model} here`)),
};
const named = (name: string) => ({ ...refusalMatcher(), name });
const OPENERS: readonly JudgeOpener[] = [
  { name: "plain", kind: "harm", what: "", open: () => named("plain") },
  { name: "model", kind: "harm", what: "", argument: "folder", open: (path) => named(`model ${path}`) },
  {
    name: "folder",
    kind: "harm",
    what: "",
    opensPath: (path) => path === import.meta.dirname,
    open: (path) => named(`folder ${path}`),
  },
];

test("opens by name, by name and argument, and by path", async () => {
  expect((await openJudge("refusal-matcher", CONTEXT)).name).toBe("refusal-matcher");
  expect((await openJudge("plain", CONTEXT, OPENERS)).name).toBe("plain");
  expect((await openJudge("model=a=b", CONTEXT, OPENERS)).name).toBe("model a=b");
  expect((await openJudge(import.meta.dirname, CONTEXT, OPENERS)).name).toBe(`folder ${import.meta.dirname}`);
});

test("says what was expected: names, arguments, folders that no judge reads", async () => {
  await expect(openJudge("nobody", CONTEXT)).rejects.toMatchObject({
    message: "--judge: expected a judge's name or folder, got nobody",
    hint: expect.stringContaining("refusal-matcher") as string,
  });
  await expect(openJudge("model", CONTEXT, OPENERS)).rejects.toThrow("expected model=<folder>, got model");
  await expect(openJudge("plain=x", CONTEXT, OPENERS)).rejects.toThrow("expected plain, got plain=x");
  await expect(openJudge(`${import.meta.dirname}/..`, CONTEXT, OPENERS)).rejects.toThrow(
    "judge's name or folder",
  );
});

test("asks for the model of a judge that needs one", async () => {
  await expect(openJudge("llama-guard-3-1b=my/model", CONTEXT)).rejects.toThrow("no model my/model here");
  await expect(openJudge("llama-guard-3-1b", CONTEXT)).rejects.toThrow("expected llama-guard-3-1b=<model>");
});

test("names every judge once", () => {
  const names = JUDGE_OPENERS.map((opener) => opener.name);
  expect(new Set(names).size).toBe(names.length);
});

test("a folder with a trained head is a judge, with the threshold that it was calibrated to", async () => {
  const folder = mkdtempSync(join(tmpdir(), "registry-"));
  await expect(openJudge(folder, CONTEXT)).rejects.toThrow("judge's name or folder");
  mkdirSync(join(folder, "adapter"));
  writeFileSync(join(folder, "adapter", "score.json"), "{}");
  const plain = await openJudge(folder, CONTEXT);
  expect(plain).toMatchObject({ kind: "harm", name: folder });
  expect((await openJudge(`score-model=${folder}`, CONTEXT)).hash).toBe(plain.hash);
  writeFileSync(join(folder, "adapter", "calibration.json"), JSON.stringify({ threshold: 0.3 }));
  expect((await openJudge(folder, CONTEXT)).hash).not.toBe(plain.hash);
  writeFileSync(join(folder, "adapter", "calibration.json"), JSON.stringify({ threshold: 3 }));
  await expect(openJudge(folder, CONTEXT)).rejects.toThrow(/expected threshold in \(0, 1\), got 3/);
  rmSync(folder, { recursive: true });
});
