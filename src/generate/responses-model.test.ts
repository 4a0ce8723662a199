import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { DatasetError } from "../core/errors.js";
import type { Completion, GenerationRequest } from "../text/chat-model.js";
import { ResponsesModel } from "./responses-model.js";

const root = mkdtempSync(join(tmpdir(), "responses-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let files = 0;
function file(...rows: readonly object[]): string {
  const path = join(root, `answers-${files++}.jsonl`);
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
}

const request = (id: string, prompt: string, samples = 1): GenerationRequest => ({
  id,
  messages: [{ role: "user", content: prompt }],
  samples,
});

async function answers(path: string, ...requests: readonly GenerationRequest[]): Promise<Completion[]> {
  const model = await ResponsesModel.open(path);
  const all: Completion[] = [];
  for await (const answer of model.generate(requests, { seed: 2 })) all.push(answer);
  return all;
}

test("finds answers by the task's id, by the prompt's own id and by the prompt", async () => {
  const path = file(
    { id: "set/a", response: "A" },
    { id: "b", response: "B" },
    { prompt: "Say C.", response: "C", finish_reason: "length", token_ids: [4, 5] },
    { id: "elsewhere", prompt: [{ role: "user", content: "Say D." }], response: "" },
  );
  const found = await answers(
    path,
    request("set/a", "Say A."),
    request("set/b", "Say B."),
    request("set/c", "Say C."),
    request("set/d", "Say D."),
  );
  expect(found.map(({ response, finishReason }) => [response, finishReason])).toEqual([
    ["A", "stop"],
    ["B", "stop"],
    ["C", "length"],
    ["", "stop"],
  ]);
  expect(found[2]).toMatchObject({ tokenIds: [4, 5], tokenCount: 2, seed: 2 });
  expect(found[0]?.tokenCount).toBeNull();
});

test("what the file does not answer has no answer", async () => {
  const path = file({ id: "a", response: "A" }, { id: "b", response: "", finish_reason: "error" });
  const found = await answers(path, request("set/a", "A?", 2), request("set/b", "B?"));
  expect(found.map(({ finishReason, error }) => [finishReason, error])).toEqual([
    ["stop", undefined],
    ["error", "no answer in the file"],
    ["error", "no answer in the file"],
  ]);
});

test("reads samples as generate and evaluate write them", async () => {
  const path = file(
    { id: "p", prompt: "Hi", sample: 0, response: "zero", token_ids: [1], finish_reason: "stop", seed: 0 },
    { id: "p", prompt: "Hi", sample: 1, response: "one", token_ids: [1], finish_reason: "stop", seed: 0 },
    {
      id: "set/q#0",
      task: "set",
      promptId: "q",
      messages: [{ role: "user", content: "Ho" }],
      response: "two",
      finishReason: "stop",
    },
  );
  const found = await answers(path, request("set/p", "Hi", 2), request("set/q", "Ho"));
  expect(found.map(({ response }) => response)).toEqual(["zero", "one", "two"]);
});

test.each<[string, object[], RegExp]>([
  [
    "an id twice",
    [
      { id: "a", response: "1" },
      { id: "a", response: "2" },
    ],
    /:2: expected one answer a prompt, got another to that of .*:1$/,
  ],
  [
    "a prompt twice",
    [
      { prompt: "x", response: "1" },
      { prompt: "x", response: "2" },
    ],
    /:2: expected one answer a prompt/,
  ],
  ["an answer that is no text", [{ id: "a", response: 3 }], /:1: expected text in "response"/],
  [
    "neither id nor prompt",
    [{ response: "1", other: 2 }],
    /:1: expected an id or a prompt, got the columns response, other/,
  ],
  [
    "an unknown finish reason",
    [{ id: "a", response: "", finish_reason: "bored" }],
    /:1: expected finish_reason stop/,
  ],
])("refuses a file with %s", async (_, rows, message) => {
  await expect(answers(file(...rows))).rejects.toThrow(DatasetError);
  await expect(answers(file(...rows))).rejects.toThrow(message);
});

test("refuses to take an answer for a prompt that is not its own", async () => {
  const swapped = file({ id: "a", prompt: "Say B.", response: "B" });
  await expect(answers(swapped, request("set/a", "Say A."))).rejects.toThrow(
    /expected the prompt of set\/a, got another under its id/,
  );
  const shared = file({ id: "1", response: "one" });
  await expect(answers(shared, request("x/1", "X?"), request("y/1", "Y?"))).rejects.toThrow(
    /answers both x\/1 and y\/1/,
  );
  const twins = file({ id: "u", prompt: "Hi", response: "1" }, { id: "v", prompt: "Hi", response: "2" });
  await expect(answers(twins, request("set/w", "Hi"))).rejects.toThrow(
    /answers the prompt of set\/w, as .*:2 does/,
  );
});

test("its hash is the file's content", async () => {
  const [a, b, c] = [
    file({ id: "a", response: "1" }),
    file({ id: "a", response: "1" }),
    file({ id: "a", response: "2" }),
  ];
  const hashes = await Promise.all([a, b, c].map(async (path) => (await ResponsesModel.open(path)).hash));
  expect(hashes[0]).toBe(hashes[1]);
  expect(hashes[0]).not.toBe(hashes[2]);
});
