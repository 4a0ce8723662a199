/**
 * @file A disk that fills up at the k-th call that needs room, for every k of a small piece of work of each kind: the error is
 * one of ours with a hint, nothing half-written is left, and the same work done again ends with the same bytes.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { AnswerJournal } from "../src/cli/run/answer-journal.js";
import { runDataCheck, runDataFetch } from "../src/cli/run/data.js";
import { runJudgeScore, runJudgeValidate } from "../src/cli/run/judge.js";
import { ConfigError, type SafeToServeError, StorageError } from "../src/core/errors.js";
import { createEngine } from "../src/engine/engine.js";
import type { Engine } from "../src/engine/types.js";
import { compareEvaluations } from "../src/evaluate/compare.js";
import { readEvaluation } from "../src/evaluate/read.js";
import { evaluate } from "../src/evaluate/run.js";
import { suite } from "../src/evaluate/tasks/suites.js";
import { Labelling } from "../src/judges/labelling/labelling.js";
import { labelWords } from "../src/judges/labelling/words.js";
import { refusalMatcher } from "../src/judges/refusal-matcher.js";
import { downloadHubModel } from "../src/models/hub/hub.js";
import type { LoadedModel } from "../src/models/loaded-model.js";
import { openModel } from "../src/models/open.js";
import { tinyGguf } from "../src/models/tiny-checkpoint.test-data.js";
import { writeComparisonReport, writeEvaluationReport } from "../src/report/write.js";
import { MockChatModel } from "../src/text/mock-chat-model.js";
import { trainDpo } from "../src/train/methods/dpo.js";
import { type DiskFault, FullDisk } from "./support/full-disk.js";
import { type GoldenModel, goldenModels, openGolden } from "./support/tiny-model.js";

const root = mkdtempSync(join(tmpdir(), "safe-to-serve-full-"));
/** Where the work writes; the only place that fills up. */
const place = join(root, "place");
const out = join(place, "out");
const DATE = "2024-07-26";

let engine: Engine;
let model: LoadedModel;
const disk = new FullDisk(place);
vi.stubEnv("SAFE_TO_SERVE_CACHE", join(root, "cache"));
beforeAll(async () => {
  engine = await createEngine({ threads: 1, inProcess: true });
  model = await openGolden(root, goldenModels.variants[0] as GoldenModel);
  for (const answer of ["Sure.", "I can't help with that."]) await evaluation(join(root, answer), answer);
});
afterAll(async () => {
  disk.remove();
  vi.unstubAllEnvs();
  await engine.close();
  rmSync(root, { recursive: true });
});

/** Training takes a second or two a call: every fifth call, or each with FULL_DISK=all. */
const TRAINING_STRIDE = process.env["FULL_DISK"] === "all" ? 1 : 5;

/** Every file below the place. */
function contents(): Map<string, string> {
  const names = existsSync(place) ? readdirSync(place, { recursive: true, withFileTypes: true }) : [];
  const paths = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.sort().map((path) => [path, readFileSync(path, "latin1")]));
}

async function failureOf(work: () => Promise<unknown>): Promise<SafeToServeError> {
  return (await work().then(
    () => undefined,
    (error: unknown) => error,
  )) as SafeToServeError;
}

/** What a failure left: whole lines that the end has too, and files that are those of the end. */
function checkLeft(whole: ReadonlyMap<string, string>): void {
  for (const [path, content] of contents()) {
    expect(path).not.toMatch(/\.tmp/);
    if (path.endsWith(".jsonl")) expect(content).toMatch(/^(.*\n)*$/);
    else if (whole.has(path)) expect(content, path).toBe(whole.get(path));
  }
}

/** Fails the work at one call after the other, and goes on each time. @returns calls that need room */
async function fillAtEveryCall(
  work: () => Promise<unknown>,
  fault: DiskFault = "ENOSPC",
  stride = 1,
): Promise<number> {
  rmSync(place, { recursive: true, force: true });
  disk.heal();
  await work();
  const [calls, whole] = [disk.calls, contents()];
  expect(whole.size).toBeGreaterThan(0);
  for (let call = 1; call <= calls; call += stride) {
    rmSync(place, { recursive: true, force: true });
    disk.failFromCall(call, fault);
    const error = await failureOf(work);
    expect(error, `call ${call} of ${calls}`).toBeInstanceOf(fault === "ENOSPC" ? StorageError : ConfigError);
    expect(error.message).toMatch(/^\S+: expected to write it, got (no space left|permission denied)/);
    // Names of files inside a folder that is written whole are those of its temporary one.
    if (!/\.tmp[/\\]/.test(error.message)) expect(error.message).not.toMatch(/\.tmp:/);
    expect(error.hint).toMatch(fault === "ENOSPC" ? /^make room/ : /permissions|SAFE_TO_SERVE_CACHE/);
    checkLeft(whole);
    disk.heal();
    await work();
    expect(contents(), `gone on with after call ${call} of ${calls}`).toEqual(whole);
  }
  return calls;
}

async function evaluation(folder: string, answer: string): Promise<void> {
  const mock = new MockChatModel({ respond: () => answer });
  await evaluate({ model: mock, judges: [refusalMatcher()], tasks: suite("demo"), limit: 2, out: folder });
  await writeEvaluationReport(folder, DATE);
}

async function training(): Promise<void> {
  const pair = (id: string) => ({
    id,
    prompt: [{ role: "user" as const, content: `Say ${id}` }],
    chosen: [{ role: "assistant" as const, content: `yes ${id}` }],
    rejected: [{ role: "assistant" as const, content: `no ${id}` }],
  });
  await trainDpo({
    model,
    engine,
    out,
    data: ["red", "green", "blue"].map(pair),
    evalData: ["cat", "dog"].map(pair),
    watch: false,
    checkContamination: false,
    maxSteps: 3,
    saveSteps: 2,
    batchSize: 2,
    learningRate: 0.01,
    loraRank: 2,
    seed: 5,
    resume: true,
  });
}

async function answers(): Promise<void> {
  const prompts = ["x", "y"].map((id) => ({ id, messages: [], rowId: id, prompt: `prompt ${id}` }));
  const journal = await AnswerJournal.open(join(out, "answers.jsonl"), prompts, 2, {
    model: "tiny",
    seed: 1,
  });
  try {
    for (const { id } of prompts.toReversed())
      for (const sample of journal.missing(id))
        journal.append({
          id,
          sample,
          response: `${id}${sample}`,
          tokenIds: [sample],
          finishReason: "stop",
          seed: 1,
        });
  } finally {
    journal.close();
  }
  await journal.sort();
}

async function comparison(): Promise<void> {
  const folders = ["Sure.", "I can't help with that."].map((name) => join(root, name));
  await writeComparisonReport(compareEvaluations(folders.map(readEvaluation)), out, DATE);
}

async function dataFetch(): Promise<void> {
  await quietly(() => runDataFetch(["xstest", "I-CoNa"], { out, json: true }));
}

/** A command's run without its result on stdout. */
async function quietly(run: () => Promise<unknown>): Promise<void> {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    await run();
  } finally {
    write.mockRestore();
  }
}

/** A file of three answers with labels. */
function answersFile(): string {
  const path = join(root, "answers.jsonl");
  const row = (id: string, response: string, refused: number) => ({
    id,
    prompt: `Say ${id}`,
    response,
    refused,
  });
  const rows = [row("a", "Sure.", 0), row("b", "I can't help with that.", 1), row("c", "Yes.", 0)];
  writeFileSync(path, rows.map((each) => `${JSON.stringify(each)}\n`).join(""));
  return path;
}

const judging = { judge: "refusal-matcher", seed: 0, json: true };

const judged = (): Promise<void> =>
  quietly(() => runJudgeScore({ ...judging, data: answersFile(), out: join(out, "verdicts.jsonl") }));

const validation = (): Promise<void> =>
  quietly(() =>
    runJudgeValidate({ ...judging, data: answersFile(), labelField: "refused", labels: "refusal", out }),
  );

async function labelling(): Promise<void> {
  const answers = ["a", "b"].map((id) => ({
    id,
    messages: [{ role: "user" as const, content: id }],
    response: "Sure.",
  }));
  const work = new Labelling({
    answers,
    words: labelWords("refusal"),
    labeller: "me",
    path: join(out, "labels.jsonl"),
    seed: 0,
  });
  try {
    for (let place = work.openFrom(0); place !== null; place = work.openFrom(place))
      work.setLabel(place, "refusal", 1);
  } finally {
    work.close();
  }
}

const cleanRows = (): Promise<void> =>
  quietly(() =>
    runDataCheck(answersFile(), { against: [other()], remove: join(out, "clean.jsonl"), json: true }),
  );

function other(): string {
  const path = join(root, "other.jsonl");
  writeFileSync(path, '{"prompt":"Say a"}\n');
  return path;
}

async function judgedEvaluation(): Promise<void> {
  const later = { ...refusalMatcher(), name: "later" };
  await evaluate({
    model: new MockChatModel({ respond: () => "Sure." }),
    judges: [refusalMatcher()],
    laterJudges: [later],
    tasks: suite("demo").slice(0, 2),
    limit: 2,
    out,
  });
}

async function inCache(work: () => Promise<unknown>): Promise<void> {
  vi.stubEnv("SAFE_TO_SERVE_CACHE", out);
  try {
    await work();
  } finally {
    vi.stubEnv("SAFE_TO_SERVE_CACHE", join(root, "cache"));
  }
}

async function conversion(): Promise<void> {
  const path = join(root, "tiny.gguf");
  if (!existsSync(path)) writeFileSync(path, tinyGguf());
  await inCache(() => openModel(path));
}

async function download(): Promise<void> {
  const files = new Map(
    readdirSync(model.folder).map((name) => [name, readFileSync(join(model.folder, name))]),
  );
  const server = createServer(({ url }, response) => {
    const file = files.get(url?.split("/").at(-1) ?? "");
    if (file === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "x-repo-commit": "abc", "content-length": file.length }).end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  vi.stubEnv("HF_ENDPOINT", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    await inCache(() => downloadHubModel("org/tiny"));
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const WORK: readonly [string, () => Promise<void>, number][] = [
  ["training", training, 50],
  ["answers of generate", answers, 10],
  ["an evaluation and its report", () => evaluation(out, "Sure."), 20],
  ["verdicts of judges beside the matcher", judgedEvaluation, 10],
  ["verdicts on a file", judged, 5],
  ["the validation of a judge", validation, 8],
  ["labels by hand", labelling, 5],
  ["rows without evaluation prompts", cleanRows, 4],
  ["a comparison", comparison, 8],
  ["data sets that are laid out", dataFetch, 8],
  ["a converted checkpoint", conversion, 15],
  ["a downloaded checkpoint", download, 15],
];

test.each(WORK)(
  "a full disk stops %s cleanly, whichever call it hits",
  { timeout: 600_000 },
  async (_, work, least) => {
    expect(
      await fillAtEveryCall(work, "ENOSPC", work === training ? TRAINING_STRIDE : 1),
    ).toBeGreaterThanOrEqual(least);
  },
);

test("a folder that may not be written is another error than a full disk", async () => {
  await fillAtEveryCall(answers, "EACCES");
  await fillAtEveryCall(comparison, "EACCES");
});
