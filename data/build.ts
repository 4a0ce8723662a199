/**
 * @file Makes the bundled data from the source folder: `npx tsx data/build.ts SOURCE_FOLDER`. Applies the mends, writes
 * gzip-compressed JSON Lines, `catalogue.json` and `LICENSES.md`. Run twice, it writes the same bytes. Checksums in the
 * catalogue are of the uncompressed text, so they do not depend on the version of zlib.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { ConfigError } from "../src/core/errors.js";
import { sha256 } from "../src/core/hash.js";
import { CATALOGUE_VERSION, type CatalogueEntry } from "../src/data/catalogue.js";
import { MENDS, type Row } from "./mends.js";
import { SOURCES, type Source } from "./sources.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const OWN = "contrast/";

function main(): void {
  const folder = process.argv[2] ?? process.env["SAFE_TO_SERVE_DATA"];
  if (folder === undefined)
    throw new ConfigError("data/build.ts: expected the source folder as argument, got none");
  const entries = SOURCES.map((source) => build(source, folder));
  writeFileSync(
    join(HERE, "catalogue.json"),
    `${JSON.stringify({ version: CATALOGUE_VERSION, entries }, null, 2)}\n`,
  );
  writeFileSync(join(HERE, "LICENSES.md"), licences(entries));
  process.stdout.write(`${entries.length} entries\n`);
}

function build(source: Source, folder: string): CatalogueEntry {
  const original = readFileSync(join(source.from.startsWith(OWN) ? HERE : folder, source.from));
  const mend = MENDS[source.name];
  const rows = parse(original);
  if (source.bundle === undefined)
    return entry(source, source.from, rows, sha256(original), sha256(original));
  const content =
    mend === undefined ? original : serialise(mend(rows, (path) => parse(readFileSync(join(folder, path)))));
  if (source.bundle.endsWith(".gz")) write(join(HERE, source.bundle), gzip(content));
  return entry(source, source.bundle, parse(content), sha256(content), sha256(original));
}

function entry(
  source: Source,
  file: string,
  rows: readonly Row[],
  sum: string,
  originalSum: string,
): CatalogueEntry {
  const { name, what, upstream, licence, isNonCommercial, role, mayTrain, promptColumns } = source;
  return {
    name,
    file,
    isBundled: source.bundle !== undefined,
    rows: rows.length,
    columns: Object.keys(rows[0] ?? {}),
    what,
    role,
    mayTrain,
    promptColumns,
    upstream,
    licence,
    isNonCommercial,
    isShareAlike: /-SA-/.test(licence),
    sha256: sum,
    originalSha256: originalSum,
  };
}

function parse(content: Buffer): Row[] {
  const lines = content
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Row);
}

function serialise(rows: readonly Row[]): Buffer {
  return Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

function gzip(content: Buffer): Buffer {
  const bytes = gzipSync(content, { level: 9 });
  bytes.writeUInt32LE(0, 4); // modification time
  bytes[9] = 255; // operating system: unknown
  return bytes;
}

function write(path: string, content: Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function licences(entries: readonly CatalogueEntry[]): string {
  return `${PREFACE}
## In this folder

${table(entries.filter((each) => each.isBundled))}
## Known, not passed on

Read from the folder that \`--data-dir\` or \`SAFE_TO_SERVE_DATA\` names, under these paths, and checked against \`catalogue.json\`.

${table(entries.filter((each) => !each.isBundled))}`;
}

function table(entries: readonly CatalogueEntry[]): string {
  const head =
    "| name | file | rows | licence | non-commercial | share-alike | from | sha256 (16) |\n| --- | --- | ---: | --- | --- | --- | --- | --- |\n";
  const line = (e: CatalogueEntry) =>
    `| ${e.name} | \`${e.file}\` | ${e.rows} | ${e.licence} | ${e.isNonCommercial ? "yes" : "no"} | ${e.isShareAlike ? "yes" : "no"} | ${e.upstream} | \`${e.sha256.slice(0, 16)}\` |\n`;
  return head + entries.map(line).join("");
}

const PREFACE = `# Licences of the data

The code of this project is under Apache-2.0. The data are under the licences of those who made them, as the upstream
repository states them; this table is made by \`build.ts\`. "Non-commercial: yes" means that the licence, or the lack
of one, rules out commercial use: a model trained on such a file may be bound by it too. "Share-alike: yes" means that
what is made from the file must be passed on under the same licence. Checksums are of the uncompressed text. The folder
is not part of the npm package. Texts are as upstream has them: harmful requests, slurs and some harmful answers, for
safety training and evaluation only.

Changed against upstream: JSON Lines with an \`id\`; repeated prompts marked (\`duplicate_of\`) in
I-MaliciousInstructions and safety_only_train; completions whose prompt was reworded later marked
(\`prompt_reworded_since\`, XSTest 195); HarmBench without copyright and contextual behaviours; hh_rlhf parsed into
messages, surrounding blanks dropped, two turns of one speaker joined; safe_rlhf_mini as pairs, repeated rows once
(safe_rlhf_mini-labelled has all rows); Alpaca without rows about safety. Left out of the sources, so that rates differ a
little from published ones: answers labelled harmful that match word lists for weapons and explosives or for sexual content
about minors (58 of jailbreakbench-responses, 19 of gptfuzz), for minors only (10 of safe_rlhf_mini-labelled, 3 of
do_not_answer-responses).

Rows of Alpaca, of I-Alpaca and of safety_only_train (all CC-BY-NC-4.0) also stand in \`bench/data/\`, \`reference/rows/\`,
\`test/golden/trl-sft.json\`, \`trl-dpo.json\`, \`greedy.json\` and \`logprobs.json\`.
`;

main();
