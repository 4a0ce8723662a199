import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConfigError, DatasetError } from "../../core/errors.js";
import { AnswerJournal, type PromptSource } from "./answer-journal.js";

const SETTINGS = { model: "tiny", modelHash: "h", temperature: 1, stop: ["a"] };
const PROMPTS: readonly PromptSource[] = ["x", "7"].map((id) => ({
  id,
  messages: [{ role: "user", content: `prompt ${id}` }],
  rowId: id === "7" ? 7 : id,
  prompt: `prompt ${id}`,
}));

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "safe-to-serve-journal-"));
  path = join(folder, "answers.jsonl");
});

afterEach(() => rmSync(folder, { recursive: true }));

function open(settings = SETTINGS, prompts = PROMPTS): Promise<AnswerJournal> {
  return AnswerJournal.open(path, prompts, 2, settings);
}

function answer(id: string, sample: number) {
  return {
    id,
    sample,
    response: `answer ${sample}`,
    tokenIds: [1, 2],
    finishReason: "stop",
    seed: 0,
  } as const;
}

test("keeps finished answers, drops a line cut by a kill, and asks for the rest only", async () => {
  const first = await open();
  first.append(answer("7", 1));
  first.append(answer("x", 0));
  first.close();
  appendFileSync(path, '{"id":"x","prompt":"prom');
  const second = await open();
  expect([second.missing("x"), second.missing("7")]).toEqual([[1], [0]]);
  second.append(answer("x", 1));
  second.append(answer("7", 0));
  second.close();
  expect(second.count).toBe(4);
  await second.sort();
  const rows = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows.map(({ id, sample }) => [id, sample])).toEqual([
    ["x", 0],
    ["x", 1],
    [7, 0],
    [7, 1],
  ]);
  expect(rows[0]).toEqual({
    id: "x",
    prompt: "prompt x",
    sample: 0,
    response: "answer 0",
    token_ids: [1, 2],
    finish_reason: "stop",
    seed: 0,
  });
});

test("refuses to go on under other settings and names them; the model may have moved", async () => {
  const first = await open();
  first.append(answer("x", 0));
  first.close();
  await expect(open({ ...SETTINGS, temperature: 0.5, stop: [] })).rejects.toThrow(
    "got other temperature, stop",
  );
  await expect(open({ ...SETTINGS, modelHash: "other" })).rejects.toThrow(ConfigError);
  (await open({ ...SETTINGS, model: "elsewhere" })).close();
});

test("an empty file may be begun again under other settings", async () => {
  (await open()).close();
  (await open({ ...SETTINGS, temperature: 0 })).close();
});

test("refuses a file that it did not write, and answers to other prompts", async () => {
  const first = await open();
  first.append(answer("x", 0));
  first.close();
  const changed = PROMPTS.map((prompt) => ({ ...prompt, prompt: "another" }));
  await expect(open(SETTINGS, changed)).rejects.toThrow(DatasetError);
  await expect(open(SETTINGS, PROMPTS.slice(1))).rejects.toThrow("an id that is not there");
  rmSync(`${path}.settings.json`);
  await expect(open()).rejects.toThrow("expected a file that generate wrote");
  writeFileSync(path, "no json\n");
  await expect(open()).rejects.toThrow(DatasetError);
});
