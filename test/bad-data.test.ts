/** @file Data files that are cut, malformed or of other types, through the command line. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { test } from "vitest";
import { DatasetError } from "../src/core/errors.js";
import { loadCatalogue } from "../src/data/catalogue.js";
import { inTemporaryFolder } from "../src/models/tiny-checkpoint.test-data.js";
import { expectRefusal } from "./support/command.js";
import { type GoldenModel, goldenModels, writeGolden } from "./support/tiny-model.js";

const parquet = (name: string): Buffer =>
  readFileSync(join(import.meta.dirname, "golden", `${name}.parquet`));
const PROMPT = '{"id":"a","prompt":"hello"}';
const two = parquet("two-rows");

/** The file's length in its last bytes, changed to a lie. */
function withFooterLength(length: number): Buffer {
  const bytes = Buffer.from(two);
  bytes.writeUInt32LE(length, bytes.length - 8);
  return bytes;
}

test.each<[string, string, string | Uint8Array, RegExp]>([
  ["empty", "a.jsonl", "", /a\.jsonl: expected at least one row, got none/],
  ["blank", "a.jsonl", "\n\n", /expected at least one row/],
  ["an empty list", "a.json", "[]", /expected at least one row/],
  ["a line that is no JSON", "a.jsonl", `${PROMPT}\n{"id":"b",`, /a\.jsonl:2: expected a JSON object/],
  [
    "a line that is text",
    "a.jsonl",
    `${PROMPT}\n"hello"`,
    /a\.jsonl:2: expected a JSON object, got a string/,
  ],
  ["a list that breaks", "a.json", `[${PROMPT},\n{"id":}]`, /a\.json:2: expected a JSON array/],
  [
    "half a character",
    "a.jsonl",
    '{"prompt":"x\\ud83d"}',
    /a\.jsonl:1: expected well-formed Unicode in "prompt"/,
  ],
  [
    "a text that is not UTF-8",
    "a.jsonl",
    Buffer.from([0x7b, 0x22, 0xff, 0x22]),
    /a\.jsonl:1: expected UTF-8/,
  ],
  [
    "lists in lists without end",
    "a.jsonl",
    `{"prompt":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
    /a\.jsonl:1: expected at most 100 values inside each other/,
  ],
  [
    "no prompt",
    "a.jsonl",
    '{"question":"hello"}',
    /a\.jsonl:1: expected a prompt .*, got the columns question/,
  ],
  [
    "an empty prompt",
    "a.jsonl",
    '{"prompt":"  "}',
    /a\.jsonl:1: expected a prompt in "prompt", got empty text/,
  ],
  [
    "a prompt that is a number",
    "a.jsonl",
    '{"prompt":5}',
    /a\.jsonl:1: expected text or a list of messages in "prompt", got a number/,
  ],
  [
    "a role that is none",
    "a.jsonl",
    '{"messages":[{"role":"root","content":"x"}]}',
    /a\.jsonl:1: expected \{role, content\}/,
  ],
  [
    "an id twice",
    "a.jsonl",
    `${PROMPT}\n${PROMPT}`,
    /a\.jsonl:2: expected an id of its own, got that of line 1/,
  ],
  [
    "an id that is a list",
    "a.jsonl",
    '{"id":[1],"prompt":"x"}',
    /a\.jsonl:1: expected text or a number in "id"/,
  ],
  ["a column that writes to the terminal", "a.jsonl", '{"\\u001b[2J\\n":1}', /a\.jsonl:1: expected a prompt/],
  [
    "cut gzip",
    "a.jsonl.gz",
    gzipSync(PROMPT.repeat(9)).subarray(0, 20),
    /a\.jsonl\.gz: expected a readable file/,
  ],
  ["a gzip that is none", "a.jsonl.gz", PROMPT, /a\.jsonl\.gz: expected a readable file/],
  [
    "Parquet cut in half",
    "a.parquet",
    two.subarray(0, two.length / 2),
    /a\.parquet: expected a Parquet file/,
  ],
  ["Parquet cut to its first bytes", "a.parquet", two.subarray(0, 4), /a\.parquet: expected a Parquet file/],
  [
    "Parquet whose footer is longer than the file",
    "a.parquet",
    withFooterLength(2 ** 31),
    /expected a Parquet file/,
  ],
  ["Parquet without a footer", "a.parquet", withFooterLength(0), /expected a Parquet file/],
  [
    "Parquet of a codec that is not read",
    "a.parquet",
    parquet("two-rows-zstd"),
    /expected a Parquet file.*ZSTD/,
  ],
  ["Parquet without a prompt", "a.parquet", two, /a\.parquet:1: expected a prompt .*, got the columns id, n/],
  [
    "Parquet with numbers for prompts",
    "a.parquet",
    parquet("prompt-int64"),
    /a\.parquet:1: expected .* in "prompt", got a number/,
  ],
  [
    "Parquet with decimals for prompts",
    "a.parquet",
    parquet("prompt-decimal"),
    /a\.parquet:1: expected .* in "prompt", got a number/,
  ],
  [
    "Parquet with times for prompts",
    "a.parquet",
    parquet("prompt-time"),
    /a\.parquet:1: expected .* in "prompt"/,
  ],
  [
    "Parquet with lists of texts for prompts",
    "a.parquet",
    parquet("prompt-list"),
    /a\.parquet:1: expected \{role, content\}/,
  ],
  [
    "Parquet with structs for prompts",
    "a.parquet",
    parquet("prompt-struct"),
    /a\.parquet:1: expected .* in "prompt", got \{a, b\}/,
  ],
  [
    "Parquet with nothing for prompts",
    "a.parquet",
    parquet("prompt-null"),
    /a\.parquet:1: expected a prompt/,
  ],
])("%s", (_, name, content, message) =>
  inTemporaryFolder(async (root) => {
    const path = join(root, name);
    writeFileSync(path, content);
    const argv = [
      "generate",
      "--model",
      "no-such-model",
      "--prompts",
      path,
      "--out",
      join(root, "out.jsonl"),
      "--json",
    ];
    await expectRefusal(root, argv, message);
  }),
);

test.each<[string, string[], string, RegExp]>([
  [
    "instructions without an answer",
    ["train", "sft"],
    PROMPT,
    /rows\.jsonl:1: expected an answer in completion, response or output/,
  ],
  [
    "pairs without a rejected answer",
    ["train", "dpo"],
    '{"prompt":"a","chosen":"b"}',
    /rows\.jsonl:1: expected chosen and rejected/,
  ],
  [
    "no row left after filtering",
    ["train", "sft"],
    '{"prompt":"a","completion":" "}',
    /no rows? left|expected at least one/,
  ],
  [
    "pairs of equal answers only",
    ["train", "dpo"],
    '{"prompt":"a","chosen":"b","rejected":"b"}',
    /no rows? left|expected at least one/,
  ],
])("training data: %s", (_, command, line, message) =>
  inTemporaryFolder(async (root) => {
    const path = join(root, "rows.jsonl");
    writeFileSync(path, `${line}\n`);
    const model = writeGolden(root, goldenModels.variants[0] as GoldenModel);
    const argv = [...command, "--model", model, "--data", path, "--out", join(root, "run"), "--json"];
    await expectRefusal(root, argv, message);
  }),
);

test("a data set whose checksum is wrong is refused by name", () =>
  inTemporaryFolder(async (root) => {
    const entry = loadCatalogue().find(({ isBundled }) => !isBundled);
    if (entry === undefined) throw new DatasetError("expected a data set that is not bundled, got none");
    const path = join(root, entry.file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, PROMPT);
    const argv = ["data", "check", entry.name, "--data-dir", root, "--json"];
    await expectRefusal(root, argv, /expected sha256 [0-9a-f]{16}…, got [0-9a-f]{16}…/);
  }));
