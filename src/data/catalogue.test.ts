/** @file Catalogue: the bundled files are what it says, benchmarks cannot be trained on under any name, faults are mended. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { benchmarkSets, loadBenchmarkPrompts } from "./benchmarks.js";
import {
  assertTrainable,
  DATA_DIR_VARIABLE,
  externalDataFolder,
  loadCatalogue,
  locateEntry,
  resolveDataset,
} from "./catalogue.js";
import { toCheckedRows, toPreferencePairs, toPromptCompletions, toPromptRows } from "./columns.js";
import { findContamination } from "./contamination.js";
import { dedupeCompletions, dedupePairs } from "./dedupe.js";
import { readContent, readRows } from "./readers.js";

const folder = mkdtempSync(join(tmpdir(), "catalogue-"));
const BUNDLED = loadCatalogue().filter((entry) => entry.isBundled);

async function fieldsOf(name: string) {
  return (await readRows((await resolveDataset(name)).path)).map((row) => row.fields);
}

test("every bundled file has its checksum, rows and columns, and a licence", async () => {
  for (const entry of BUNDLED) {
    const resolved = await resolveDataset(entry.name);
    expect(resolved.sha256).toBe(entry.sha256);
    const rows = await readRows(resolved.path);
    expect(rows.length, entry.name).toBe(entry.rows);
    for (const row of rows) expect(Object.keys(row.fields)).toEqual(entry.columns);
    expect(entry.licence).not.toBe("");
  }
});

test("compressed files carry no time and no system, so that building twice gives the same bytes", async () => {
  for (const entry of BUNDLED.filter((each) => each.file.endsWith(".gz"))) {
    const bytes = readFileSync(locateEntry(entry) ?? "");
    expect([...bytes.subarray(4, 8), bytes[9]]).toEqual([0, 0, 0, 0, 255]);
  }
});

test("names are distinct, and evaluation sets may not be trained on", () => {
  const entries = loadCatalogue();
  expect(new Set(entries.map((entry) => entry.name)).size).toBe(entries.length);
  for (const entry of entries) if (entry.role === "evaluate") expect(entry.mayTrain).toBe("none");
});

test("finds a data set by name, by path with and without .gz, and a copy by its content", async () => {
  const byName = await resolveDataset("I-CoNa");
  expect((await resolveDataset("safety_tuned_llamas/I-CoNa.jsonl")).path).toBe(byName.path);
  const copy = join(folder, "innocent.jsonl");
  writeFileSync(copy, await readContent(byName.path));
  const copied = await resolveDataset(copy);
  expect(copied.name).toBe("I-CoNa");
  const packed = join(folder, "innocent.jsonl.gz");
  copyFileSync(byName.path, packed);
  for (const each of [byName, copied, await resolveDataset(packed)])
    expect(() => assertTrainable(each, "policy")).toThrow("got I-CoNa (evaluate)");
});

test("lets a judge, but no policy, train on labelled answers, and anyone on training data and own files", async () => {
  for (const name of ["gptfuzz", "safe_rlhf_mini-labelled"]) {
    const labelled = await resolveDataset(name);
    expect(() => assertTrainable(labelled, "policy")).toThrow(`${name} (judge-train)`);
    assertTrainable(labelled, "judge");
  }
  assertTrainable(await resolveDataset("safety_only_train"), "policy");
  const own = join(folder, "own.jsonl");
  writeFileSync(own, '{"prompt":"a"}');
  const resolved = await resolveDataset(own);
  expect(resolved).toMatchObject({ name: null, entry: null, licence: null, mayTrain: "policy" });
  assertTrainable(resolved, "policy");
});

test("lets nothing train on the answers that judges are measured on", async () => {
  const measured = loadCatalogue().filter((entry) => entry.role === "judge-validation");
  expect(measured.map((entry) => entry.name)).toEqual([
    "xstest-completions",
    "do_not_answer-responses",
    "jailbreakbench-responses",
    "alpaca_eval-gpt4_1106_preview",
    "alpaca_eval-llama-2-7b-chat-hf",
    "alpaca_eval-alpaca-7b",
  ]);
  for (const { name } of measured) {
    const dataset = await resolveDataset(name);
    for (const learner of ["policy", "judge"] as const)
      expect(() => assertTrainable(dataset, learner)).toThrow(`${name} (judge-validation)`);
  }
});

test("marks share-alike licences, and takes Creative Commons' word for what is non-commercial", () => {
  const shared = loadCatalogue().filter((entry) => entry.isShareAlike);
  expect(shared.map((entry) => entry.name)).toEqual(["dolly_3k", "do_not_answer", "do_not_answer-responses"]);
  for (const entry of loadCatalogue())
    if (/-NC-/.test(entry.licence)) expect(entry.isNonCommercial, entry.name).toBe(true);
});

test("says what is missing: an unknown name, a set that is not passed on, a file that was changed", async () => {
  await expect(resolveDataset("no-such-set")).rejects.toThrow("expected a file or the name of a data set");
  const elsewhere = { dataDir: folder };
  await expect(resolveDataset("alpaca_test", elsewhere)).rejects.toThrow("alpaca_test: expected its file");
  mkdirSync(join(folder, "paper_authors"));
  writeFileSync(join(folder, "paper_authors/alpaca_test.jsonl"), '{"instruction":"other"}');
  await expect(resolveDataset("alpaca_test", elsewhere)).rejects.toThrow("expected sha256 2cfdd25b");
  expect(benchmarkSets(elsewhere).present.map((entry) => entry.name)).toContain("alpaca_test");
});

test("takes the data folder from the option before the environment", () => {
  const old = process.env[DATA_DIR_VARIABLE];
  process.env[DATA_DIR_VARIABLE] = "/from-environment";
  expect(externalDataFolder()).toBe("/from-environment");
  expect(externalDataFolder({ dataDir: "/from-option" })).toBe("/from-option");
  process.env[DATA_DIR_VARIABLE] = "";
  expect(externalDataFolder()).toBeNull();
  if (old === undefined) delete process.env[DATA_DIR_VARIABLE];
  else process.env[DATA_DIR_VARIABLE] = old;
});

test("repeated prompts are marked, not dropped", async () => {
  const malicious = await fieldsOf("I-MaliciousInstructions");
  expect(malicious.length).toBe(100);
  const marked = malicious.filter((row) => row["duplicate_of"] !== null);
  expect(marked.length).toBe(2);
  const prompts = new Map(malicious.map((row) => [row["id"], row["prompt"]]));
  for (const row of marked) expect(prompts.get(row["duplicate_of"])).toBe(row["prompt"]);
  const safety = await fieldsOf("safety_only_train");
  expect(safety.filter((row) => row["duplicate_of"] !== null).length).toBe(4);
});

test("the completions of the reworded XSTest prompt are marked", async () => {
  const rows = (await fieldsOf("xstest-completions")).filter((row) => row["prompt_reworded_since"] === true);
  expect(rows.map((row) => row["prompt_id"])).toEqual(Array(5).fill("xstest-195"));
});

test("bundled training sets convert, hold no empty, repeated or contradictory row, and no safety rows in Alpaca", async () => {
  for (const name of ["hh_rlhf", "safe_rlhf_mini"]) {
    const pairs = toPreferencePairs(await readRows((await resolveDataset(name)).path));
    expect(dedupePairs(pairs).report, name).toMatchObject({ kept: pairs.length });
  }
  for (const name of [
    "safety_only_train",
    "alpaca_5k",
    "dolly_3k",
    "benign_alarming",
    "benign_groups",
    "benign_requests",
  ]) {
    const rows = toPromptCompletions(await readRows((await resolveDataset(name)).path));
    expect(dedupeCompletions(rows).report, name).toMatchObject({ kept: rows.length });
  }
  expect((await fieldsOf("alpaca_5k")).length).toBe(5000);
  expect((await fieldsOf("harmbench")).every((row) => row["functional_category"] === "standard")).toBe(true);
});

test("hh_rlhf is parsed into turns that alternate and holds no transcript marks", async () => {
  const rows = toPromptRows(await readRows((await resolveDataset("hh_rlhf")).path));
  for (const { messages } of rows) {
    messages.forEach((message, i) => {
      expect(message.role).toBe(i % 2 === 0 ? "user" : "assistant");
      expect(message.content).not.toMatch(/\n\n(Human|Assistant):/);
      expect(message.content.trim()).toBe(message.content);
    });
  }
});

test("safe_rlhf_mini has the 355 prompts with both a safe and an unsafe answer", async () => {
  const prompts = new Set((await fieldsOf("safe_rlhf_mini")).map((row) => row["prompt"]));
  expect(prompts.size).toBe(355);
});

const dataDir = process.env[DATA_DIR_VARIABLE] ?? "";
test.skipIf(dataDir === "")(
  "files of the data folder have their checksums (needs SAFE_TO_SERVE_DATA)",
  async () => {
    for (const entry of loadCatalogue().filter((each) => !each.isBundled))
      expect((await resolveDataset(entry.name, { dataDir })).sha256).toBe(entry.sha256);
  },
);

test.skipIf(dataDir === "")(
  "the known overlap of Q-Harm with the paper's data is found (needs SAFE_TO_SERVE_DATA)",
  async () => {
    const benchmarks = await loadBenchmarkPrompts({ dataDir }, ["Q-Harm"]);
    const exact = async (name: string) => {
      const rows = toCheckedRows(await readRows((await resolveDataset(name, { dataDir })).path));
      const overlaps = findContamination(rows, benchmarks).filter((overlap) => overlap.kind === "exact");
      return new Set(overlaps.map((overlap) => overlap.benchmarkId)).size;
    };
    // Counted without normalising: 24 and 15.
    expect(await exact("sft_safe_rlhf_train")).toBeGreaterThanOrEqual(24);
    expect(await exact("dpo_safe_rlhf_eval")).toBeGreaterThanOrEqual(15);
  },
);

test("gzip content is compared uncompressed", async () => {
  const { path } = await resolveDataset("advbench");
  expect((await readContent(path)).equals(gunzipSync(readFileSync(path)))).toBe(true);
});
