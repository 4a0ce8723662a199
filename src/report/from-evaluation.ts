/** @file One evaluation folder as a report: `results.json` for the numbers, `samples.jsonl` for the answers. */
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { ConfigError, DatasetError, FormatError } from "../core/errors.js";
import {
  EVALUATION_SCHEMA_VERSION,
  type EvaluationResults,
  type MetricName,
  type ResultRow,
  type SampleRow,
} from "../evaluate/results.js";
import { answerOf, groupOf, judgeOf, type ReportOrigin, settingsOf } from "./from-comparison.js";
import type { AnswerRow, ReferenceLogProb, Report, ReportSet, SetResult } from "./report.js";

/** Name of the metric verdict that marks a repetition loop in `samples.jsonl`. */
const LOOPS_VERDICT = "loops";

/**
 * Reads an evaluation folder.
 * @throws ConfigError when a file is missing
 * @throws FormatError when `results.json` is of another version or a line does not parse
 */
export async function reportFromEvaluation(dir: string, origin: ReportOrigin): Promise<Report> {
  const results = await readResults(join(dir, "results.json"));
  return evaluationReport(
    basename(resolve(dir)),
    results,
    await readSamples(join(dir, "samples.jsonl")),
    origin,
  );
}

/** The report of an evaluation's content; `label` names the model in charts. */
export function evaluationReport(
  label: string,
  results: EvaluationResults,
  samples: readonly SampleRow[],
  origin: ReportOrigin,
): Report {
  const { target, settings, hashes } = results;
  const sets = setsOf(results, samples);
  const pooledOf = (group: ReportSet["group"]): SetResult["refused"] => {
    const fitting = sets.filter((set) => set.group === group);
    const summary = fitting.find(({ isPool }) => isPool) ?? (fitting.length === 1 ? fitting[0] : undefined);
    return summary?.results[0]?.refused ?? null;
  };
  return {
    kind: "evaluation",
    title: target.adapter === null ? target.model : `${target.model} with ${target.adapter}`,
    verdict: results.verdict,
    judge: judgeOf(settings.judges),
    models: [{ label, ...target, hash: hashes.model }],
    settings: settingsOf(settings.sampling, settings.seed, settings.limit, origin),
    pooled: [{ harmful: pooledOf("harmful"), harmless: pooledOf("harmless") }],
    sets,
    references: referencesOf(results, label),
    answers: samples.map((sample) => answerRow(sample, results)),
    curve: [],
    warnings: results.notes,
  };
}

function setsOf(results: EvaluationResults, samples: readonly SampleRow[]): ReportSet[] {
  const { sets, pools } = results.settings;
  const judge = refusalJudge(results);
  const all = [
    ...sets.map(({ name, expectation }) => ({ name, expectation, isPool: false, tasks: [name] })),
    ...pools.map(({ name, expectation, tasks }) => ({ name, expectation, isPool: true, tasks })),
  ];
  return all.map(({ name, expectation, isPool, tasks }) => {
    const here = samples.filter((sample) => tasks.includes(sample.task));
    const rows = results.tasks.filter((row) => row.name === name);
    return {
      name,
      isPool,
      group: groupOf(expectation),
      results: [resultOf(rows, here, judge)],
      differences: [],
    };
  });
}

function resultOf(
  rows: readonly ResultRow[],
  samples: readonly SampleRow[],
  judge: string | null,
): SetResult {
  const find = (metric: MetricName): ResultRow | null => rows.find((row) => row.metric === metric) ?? null;
  const refused = find("refused");
  const details = samples.flatMap(({ verdicts }) => (judge === null ? [] : (verdicts[judge] ?? [])));
  const counted = details.filter(({ status, label }) => status === "ok" && label !== "full_compliance");
  const objections = counted.filter(({ detail }) => detail?.startsWith("objection")).length;
  return {
    refused,
    refusals: refused && counted.length - objections,
    objections: refused && objections,
    unscored: refused?.unscored ?? 0,
    worstCase: refused?.worstCase ?? null,
    bestCase: refused?.bestCase ?? null,
    loops: find("loops"),
    truncated: find("truncated"),
    responseTokens: find("response-tokens"),
  };
}

function referencesOf(results: EvaluationResults, label: string): ReferenceLogProb[] {
  return results.tasks
    .filter(({ metric }) => metric === "reference-logprob")
    .map((perToken) => ({ model: label, set: perToken.name, perToken, change: null }));
}

function answerRow(sample: SampleRow, results: EvaluationResults): AnswerRow {
  const judge = refusalJudge(results);
  const expectation =
    results.settings.sets.find(({ name }) => name === sample.task)?.expectation ?? "neutral";
  const answer = answerOf({
    ...sample,
    isLoop: sample.verdicts[LOOPS_VERDICT]?.score === 1,
    verdict: judge === null ? null : (sample.verdicts[judge] ?? null),
  });
  const id = sample.sample === 0 ? sample.promptId : `${sample.promptId}#${sample.sample}`;
  return { id, set: sample.task, group: groupOf(expectation), messages: sample.messages, answers: [answer] };
}

function refusalJudge(results: EvaluationResults): string | null {
  return results.settings.judges.find(({ kind }) => kind === "refusal")?.name ?? null;
}

async function readResults(path: string): Promise<EvaluationResults> {
  const results = parse<EvaluationResults>(await readText(path), path);
  if (results.schemaVersion !== EVALUATION_SCHEMA_VERSION)
    throw new FormatError(
      `${path}: expected schemaVersion ${EVALUATION_SCHEMA_VERSION}, got ${results.schemaVersion}`,
      { hint: "evaluate again with this version" },
    );
  return results;
}

async function readSamples(path: string): Promise<SampleRow[]> {
  const text = await readText(path);
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return lines.flatMap((line, i) => (line === "" ? [] : [parse<SampleRow>(line, `${path}:${i + 1}`)]));
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new ConfigError(`${path}: cannot be read`, { hint: "run `safe-to-serve evaluate` first", cause });
  }
}

function parse<T>(text: string, where: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new DatasetError(`${where}: expected JSON, got ${text.length} characters that do not parse`, {
      cause,
    });
  }
}
