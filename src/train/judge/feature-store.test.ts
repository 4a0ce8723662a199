import { appendFileSync, mkdtempSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StorageError } from "../../core/errors.js";
import type { FeatureModel } from "../../text/feature-model.js";
import type { Exchange } from "../../text/messages.js";
import { FeatureStore } from "./feature-store.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "safe-to-serve-features-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const exchange = (response: string): Exchange => ({
  id: response,
  messages: [{ role: "user", content: "?" }],
  response,
});
const model: FeatureModel = {
  id: "lengths",
  hash: "lengths",
  width: 2,
  async *features(exchanges, onCut) {
    for (const [i, { response }] of exchanges.entries()) {
      if (response.length > 2) onCut?.(i);
      yield Float32Array.from([response.length, response === "" ? Number.NaN : 0.5]);
    }
  },
};
const fill = async (store: FeatureStore, answers: readonly string[]): Promise<number> => {
  let read = 0;
  await store.fill(model, answers.map(exchange), (count) => {
    read += count;
  });
  return read;
};
const path = (ending: string) =>
  join(folder, readdirSync(folder).find((name) => name.endsWith(ending)) ?? "");

test("reads an exchange once, whatever its id, also after it was closed", async () => {
  const first = new FeatureStore(folder, model);
  expect(await fill(first, ["a", "bbb", "a"])).toBe(2);
  first.close();
  const second = new FeatureStore(folder, model);
  expect(await fill(second, ["bbb", "cc"])).toBe(1);
  expect([...second.read({ ...exchange("bbb"), id: "other" })]).toEqual([3, 0.5]);
  expect([...second.read(exchange("cc"))]).toEqual([2, 0.5]);
  expect([second.isCut(exchange("bbb")), second.isCut(exchange("cc"))]).toEqual([true, false]);
  expect(() => second.read(exchange("never"))).toThrow(StorageError);
  second.close();
});

test("goes on after a kill between numbers and names, and in the middle of a name", async () => {
  const first = new FeatureStore(folder, model);
  await fill(first, ["a", "bb"]);
  first.close();
  appendFileSync(path(".f32"), Buffer.alloc(11));
  appendFileSync(path(".jsonl"), '{"exchange":"abc');
  const second = new FeatureStore(folder, model);
  expect(await fill(second, ["a", "bb", "ccc"])).toBe(1);
  expect([...second.read(exchange("ccc"))]).toEqual([3, 0.5]);
  second.close();
});

test("refuses names without their numbers", async () => {
  const first = new FeatureStore(folder, model);
  await fill(first, ["a", "bb"]);
  first.close();
  truncateSync(path(".f32"), 9);
  expect(() => new FeatureStore(folder, model)).toThrow("expected 2 rows of features, got 1");
});
