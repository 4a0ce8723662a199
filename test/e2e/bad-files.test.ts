/**
 * @file Every option that names a file or folder, of every command, given what it cannot read: nothing there, a folder, junk,
 * JSON of another kind. Each is refused in one line with a hint and exit code 2, and leaves nothing behind.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { InternalError } from "../../src/core/errors.js";
import { runBuilt } from "../support/built-command.js";
import { expectRefusal, type RunCommand } from "../support/command.js";
import { type GoldenModel, writeGolden } from "../support/tiny-model.js";
import { tinyRun } from "./tiny-run.js";

const { root, model, rows, cache } = tinyRun();
vi.stubEnv("SAFE_TO_SERVE_CACHE", cache);
vi.stubEnv("HF_HUB_OFFLINE", "1");
const [out, evaluation, scored] = [join(root, "out"), join(root, "evaluation"), join(root, "scored.jsonl")];
const [place, texts] = [join(root, "place"), join(root, "texts.jsonl")];
const heads = JSON.parse(readFileSync(join(import.meta.dirname, "../golden/head-models.json"), "utf8")) as {
  readonly variants: readonly GoldenModel[];
};
const reward = writeGolden(root, heads.variants[0] as GoldenModel);
const EVALUATE = `evaluate --model ${model} --task xstest-safe --limit 2 --max-new-tokens 4 --threads 1 --json --out`;
beforeAll(async () => {
  writeFileSync(scored, '{"id":"a","prompt":"Say red","response":"red"}\n');
  writeFileSync(texts, '{"text":"Say red"}\n');
  mkdirSync(place);
  expect(await runBuilt([...EVALUATE.split(" "), evaluation])).toEqual({ code: 4, lines: [] });
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

/** What a file may hold that is none of ours; null is no file, undefined a folder. */
const JUNK: Readonly<Record<string, string | Uint8Array | null | undefined>> = {
  nothing: null,
  folder: undefined,
  empty: "",
  "any bytes": Uint8Array.from({ length: 1024 }, (_, i) => i),
  "half an object": '{"id":"a",',
  "half a list": "[1,",
  null: "null\n",
  "a number": "5\n",
  "a text": '"text"\n',
  "an object of another kind": '{"q\\u001b[2J":[{}]}\n',
  "an empty list": "[]\n",
  "a list of lists": "[[[]]]\n",
  "lists in lists without end": `${"[".repeat(20_000)}\n`,
  "half a character": '{"id":"a","prompt":"\\ud83d","response":"\\ud83d","completion":"\\ud83d"}\n',
};

function writeJunk(path: string, content: string | Uint8Array | null | undefined): void {
  rmSync(path, { recursive: true, force: true });
  if (content === undefined) mkdirSync(path);
  else if (content !== null) writeFileSync(path, content);
}

const TRAIN = `--model ${model} --threads 1 --json --out ${out}`;
const ASK = `--model ${model} --threads 1 --json`;
const evaluateWith = (flags: string): string => `${EVALUATE} ${out} ${flags}`;

/** Command lines that end with the option, and the ending of its files. */
const FILES: readonly (readonly [string, string])[] = [
  [`demo --json --out ${out} --recipe`, "yaml"],
  ["data check --json", "jsonl"],
  [`data check ${rows} --json --against`, "jsonl"],
  [`data pairs ${ASK} --count 2 --out ${out} --harmless ${rows} --safety`, "jsonl"],
  [`data pairs ${ASK} --count 2 --out ${out} --safety ${rows} --harmless`, "jsonl"],
  [
    `data pairs ${ASK} --count 2 --out ${out} --safety ${rows} --harmless ${rows} --labelled-share 0.5 --labelled`,
    "jsonl",
  ],
  [`tokenize --model ${model} --json --out ${out} --data`, "jsonl"],
  [`train sft ${TRAIN} --data`, "jsonl"],
  [`train sft ${TRAIN} --data`, "json"],
  [`train sft ${TRAIN} --data`, "parquet"],
  [`train sft ${TRAIN} --data ${rows} --eval-data`, "jsonl"],
  [`train sit ${TRAIN} --data ${rows} --safety-examples 2 --safety-data`, "jsonl"],
  [`train dpo ${TRAIN} --data`, "jsonl"],
  [`train reward ${TRAIN} --head reward --data`, "jsonl"],
  [`train reward ${TRAIN} --head cost --data`, "jsonl"],
  [`train reward ${TRAIN} --head classifier --data`, "jsonl"],
  [`train raft ${TRAIN} --reward ${reward} --prompts`, "jsonl"],
  [`train raft ${TRAIN} --reward ${reward} --prompts ${rows} --eval-prompts`, "jsonl"],
  [`generate ${ASK} --out ${out} --prompts`, "jsonl"],
  [`score ${ASK} --out ${out} --data`, "jsonl"],
  [evaluateWith("--judge-validation"), "json"],
  [evaluateWith("--labels"), "jsonl"],
  [evaluateWith("--gate"), "yaml"],
  [evaluateWith("--sweep"), "yaml"],
  [`evaluate --limit 2 --json --out ${out} --task xstest-safe --responses`, "jsonl"],
  [`evaluate --model ${model} --json --out ${out} --task`, "yaml"],
  [`compare ${evaluation} ${evaluation} --json --label a --label b --out ${out} --gate`, "yaml"],
  [`judge score --judge refusal-matcher --json --out ${out} --data`, "jsonl"],
  [`judge validate --judge refusal-matcher --json --out ${out} --data`, "jsonl"],
  [`judge validate --judge refusal-matcher --json --out ${out} --data ${evaluation} --label-file`, "jsonl"],
  [`judge label --json --out ${out} --data`, "jsonl"],
  [`judge label --json --out ${out} --agreement`, "jsonl"],
];

/** Command lines that end with an option whose folder is read. */
const FOLDERS: readonly string[] = [
  "models inspect",
  "models fetch",
  `generate --json --out ${out} --prompts ${rows} --model`,
  `generate ${ASK} --out ${out} --prompts ${rows} --adapter`,
  `score --json --out ${out} --data ${scored} --model`,
  `score ${ASK} --out ${out} --data ${scored} --adapter`,
  `tokenize --json --out ${out} --data ${texts} --model`,
  "chat --model",
  `chat --model ${model} --adapter`,
  `train sft --json --out ${out} --data ${rows} --model`,
  `train sft ${TRAIN} --data ${rows} --adapter`,
  `train raft ${TRAIN} --prompts ${rows} --reward`,
  `train raft ${TRAIN} --prompts ${rows} --reward ${reward} --veto`,
  `train raft ${TRAIN} --prompts ${rows} --reward ${reward} --second-reward`,
  evaluateWith("--adapter"),
  evaluateWith("--bertscore"),
  evaluateWith("--judge"),
  `evaluate --json --task xstest-safe --out ${out} --model`,
  `compare ${evaluation} --json --out ${out}`,
  `judge score --json --data ${scored} --out ${out} --judge`,
];

/** As {@link expectRefusal}; an error says what the command said. */
async function refuses(argv: readonly string[], message: RegExp): Promise<void> {
  let said: readonly string[] = [];
  const run: RunCommand = async (line) => {
    const outcome = await runBuilt(line);
    said = outcome.lines;
    return outcome;
  };
  try {
    await expectRefusal(root, argv, message, run);
  } catch (cause) {
    throw new InternalError(`${String(cause)}: ${said.join(" | ")}`);
  }
}

test.each(FILES)("%s FILE.%s", async (line, ending) => {
  const path = join(place, `x.${ending}`);
  const wrong: string[] = [];
  for (const [name, content] of Object.entries(JUNK)) {
    writeJunk(path, content);
    await refuses([...line.split(" "), path], /x\./).catch((error: Error) =>
      wrong.push(`${name}: ${error.message}`),
    );
    rmSync(out, { recursive: true, force: true });
    rmSync(`${out}.settings.json`, { force: true });
  }
  expect(wrong.join("\n")).toBe("");
});

test.each(FOLDERS)("%s FOLDER", async (line) => {
  const path = join(place, "x");
  const wrong: string[] = [];
  for (const name of ["nothing", "folder", "any bytes", "a text"]) {
    writeJunk(path, JUNK[name]);
    await refuses([...line.split(" "), path], /\bx\b/).catch((error: Error) =>
      wrong.push(`${name}: ${error.message}`),
    );
    rmSync(out, { recursive: true, force: true });
  }
  expect(wrong.join("\n")).toBe("");
});
