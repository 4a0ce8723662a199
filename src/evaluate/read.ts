/** @file Reads a finished evaluation back: manifest, samples, references, results. */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { ConfigError } from "../core/errors.js";
import { parseObject, readJsonFile, readTextFile, requireMembers } from "../core/read-back.js";
import { type BertScores, readBertScores } from "./bert-scores.js";
import { REFERENCES_FILE, RESULTS_FILE, SAMPLES_FILE, VERDICTS_FILE } from "./evaluation-files.js";
import { withVerdicts } from "./judging.js";
import { readManifest } from "./manifest.js";
import type {
  EvaluationManifest,
  EvaluationResults,
  ReferenceRow,
  ResultRow,
  SampleRow,
  VerdictRow,
} from "./results.js";
import { latestRows } from "./samples.js";

/** Everything in the folder of a finished evaluation. */
export interface Evaluation {
  readonly folder: string;
  /** Last part of the folder's path. */
  readonly name: string;
  readonly manifest: EvaluationManifest;
  readonly results: EvaluationResults;
  /** With the verdicts of all judges. */
  readonly samples: readonly SampleRow[];
  readonly references: readonly ReferenceRow[];
  /** By the encoder that the results name; absent is none. */
  readonly bertScores?: BertScores;
}

/**
 * Reads the folder of a finished evaluation.
 * @throws ConfigError when it holds none, or one that is not finished
 * @throws DatasetError when a file does not parse
 */
export function readEvaluation(folder: string): Evaluation {
  const manifest = readManifest(folder);
  const path = join(folder, RESULTS_FILE);
  if (!existsSync(path))
    throw new ConfigError(`${folder}: expected a finished evaluation, got one without ${RESULTS_FILE}`, {
      hint: "run the same `evaluate` command again: it goes on where it stopped",
    });
  const rows = readLines<SampleRow>(join(folder, SAMPLES_FILE));
  requireSamples(rows, join(folder, SAMPLES_FILE));
  const samples = latestRows(rows);
  const stored = readJsonFile<EvaluationResults>(path, "the results of an evaluation");
  requireMembers(stored, path, { tasks: "object", hashes: "object" });
  const results = reviveResults(stored);
  return {
    folder,
    name: basename(resolve(folder)),
    manifest,
    results,
    samples: withVerdicts(samples, readLines<VerdictRow>(join(folder, VERDICTS_FILE))),
    references: readLines<ReferenceRow>(join(folder, REFERENCES_FILE)),
    bertScores: readBertScores(folder, results.hashes.bertScore),
  };
}

const SAMPLE_MEMBERS = { id: "string", messages: "object", response: "string" };

/** @throws DatasetError for a line that is no answer of an evaluation */
export function requireSamples(rows: readonly SampleRow[], path: string): void {
  rows.forEach((row, i) => {
    requireMembers(row, `${path}:${i + 1}`, SAMPLE_MEMBERS);
  });
}

const NUMBERS = ["value", "low", "high", "worstCase", "bestCase"] as const;

/** JSON has no NaN: null numbers of result rows become NaN again. */
function reviveResults(results: EvaluationResults): EvaluationResults {
  const tasks = results.tasks.map((row) => {
    const numbers = NUMBERS.map((key) => [key, row[key] ?? Number.NaN] as const);
    const { corrected } = row;
    // A judge that says nothing has bounds, and no value.
    const value = corrected?.value ?? Number.NaN;
    const revived = { ...row, ...Object.fromEntries(numbers) } as ResultRow;
    return corrected === undefined ? revived : { ...revived, corrected: { ...corrected, value } };
  });
  return { ...results, tasks };
}

function readLines<Row extends object>(path: string): Row[] {
  if (!existsSync(path)) return [];
  const lines = readTextFile(path, "lines of an evaluation").split("\n");
  return lines.filter((line) => line !== "").map((line, i) => parseObject<Row>(line, `${path}:${i + 1}`));
}
