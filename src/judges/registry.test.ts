import { expect, test } from "vitest";
import { refusalMatcher } from "./refusal-matcher.js";
import { JUDGE_OPENERS, type JudgeOpener, openJudge } from "./registry.js";

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
  expect((await openJudge("refusal-matcher")).name).toBe("refusal-matcher");
  expect((await openJudge("plain", OPENERS)).name).toBe("plain");
  expect((await openJudge("model=a=b", OPENERS)).name).toBe("model a=b");
  expect((await openJudge(import.meta.dirname, OPENERS)).name).toBe(`folder ${import.meta.dirname}`);
});

test("says what was expected: names, arguments, folders that no judge reads", async () => {
  await expect(openJudge("nobody")).rejects.toMatchObject({
    message: "--judge: expected a judge's name or folder, got nobody",
    hint: expect.stringContaining("refusal-matcher") as string,
  });
  await expect(openJudge("model", OPENERS)).rejects.toThrow("expected model=<folder>, got model");
  await expect(openJudge("plain=x", OPENERS)).rejects.toThrow("expected plain, got plain=x");
  await expect(openJudge(`${import.meta.dirname}/..`, OPENERS)).rejects.toThrow("judge's name or folder");
});

test("names every judge once", () => {
  const names = JUDGE_OPENERS.map((opener) => opener.name);
  expect(new Set(names).size).toBe(names.length);
});
