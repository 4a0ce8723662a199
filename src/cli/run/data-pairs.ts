/**
 * @file The work of `data pairs`. The model's own answers are journalled beside the output, so that an interrupted
 * command goes on where it stopped; a report of all counts is written beside it too.
 */
import { existsSync, rmSync } from "node:fs";
import { ConfigError } from "../../core/errors.js";
import { Journal, writeFileDurably, writeJsonDurably } from "../../core/files.js";
import { hashJson } from "../../core/hash.js";
import { loadBenchmarkPrompts } from "../../data/benchmarks.js";
import { assertTrainable, type ResolvedDataset, resolveDataset } from "../../data/catalogue.js";
import { toPreferencePairs, toPromptCompletions } from "../../data/columns.js";
import type { PreferencePair, PromptCompletion } from "../../data/examples.js";
import { type BuiltPair, buildPairs, type PairReport } from "../../data/pairs.js";
import { readRows, type SourceRow } from "../../data/readers.js";
import { matchRefusal, REFUSAL_MATCHER_HASH } from "../../judges/refusal-matcher.js";
import { findLoop } from "../../stats/loops.js";
import type { ChatModel, Completion } from "../../text/chat-model.js";
import type { DataPairsOptions } from "../command-options.js";
import { printJson, printLine, printTable, printWarning } from "../output.js";
import { progress } from "../progress.js";
import { openFlaggedModel } from "./chat-model.js";

/** Builds the pairs and writes them with their report. */
export async function runDataPairs(options: DataPairsOptions): Promise<void> {
  const safety = await readTraining(options.safety, options, toPromptCompletions);
  const harmless = await readTraining(options.harmless, options, toPromptCompletions);
  const wantsLabelled = options.labelledShare > 0;
  const labelled = await readTraining(wantsLabelled ? options.labelled : [], options, toPreferencePairs);
  const rows = { safety: safety.rows, harmless: harmless.rows, labelled: labelled.rows };
  const model = await openFlaggedModel(options, options.json === true);
  const built = await build(model, rows, options).finally(() => model.close());
  const sources = [...safety.sources, ...harmless.sources, ...labelled.sources].map(sourceOf);
  const report = {
    ...built.report,
    model: { id: model.id, hash: model.hash },
    refusalMatcher: REFUSAL_MATCHER_HASH,
    sources,
  };
  await writeFileDurably(options.out, built.pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""));
  await writeJsonDurably(`${options.out}.report.json`, report);
  rmSync(answersPath(options), { force: true });
  if (options.json === true) printJson({ out: options.out, ...report });
  else printReport(options, built.report);
}

/** Rows of several data sets, none of them a benchmark; the set's name goes before the ids when there are several. */
async function readTraining<Row extends { readonly id: string }>(
  names: readonly string[],
  options: DataPairsOptions,
  convert: (rows: readonly SourceRow[]) => Row[],
): Promise<{ rows: Row[]; sources: ResolvedDataset[] }> {
  const sources: ResolvedDataset[] = [];
  const rows: Row[] = [];
  for (const name of names) {
    const dataset = await resolveDataset(name, options);
    assertTrainable(dataset, "policy");
    const converted = convert(await readRows(dataset.path));
    sources.push(dataset);
    rows.push(...converted.map((row) => (names.length > 1 ? { ...row, id: `${name}/${row.id}` } : row)));
  }
  return { rows, sources };
}

async function build(
  model: ChatModel,
  rows: { safety: PromptCompletion[]; harmless: PromptCompletion[]; labelled: PreferencePair[] },
  options: DataPairsOptions,
): Promise<{ pairs: BuiltPair[]; report: PairReport }> {
  const { count, share, labelledShare, seed, harmlessChosen, maxNewTokens } = options;
  const sampling = { maxNewTokens };
  const prompts = hashJson([...rows.safety, ...rows.harmless].map((row) => [row.id, messagesJson(row)]));
  const answers = openAnswers(options, hashJson({ model: model.hash, maxNewTokens, prompts }));
  const bar = progress({ label: "answering", unit: "answers", silent: options.json === true });
  bar.advance(answers.known.size);
  try {
    return await buildPairs({
      ...rows,
      model,
      count,
      share,
      labelledShare,
      seed,
      harmlessChosen,
      groupOf: setOf,
      sampling,
      benchmarks: await loadBenchmarkPrompts(options),
      isRefusal: (_, response) => matchRefusal(response) !== undefined,
      isBroken: (completion) =>
        completion.finishReason !== "stop" || findLoop(completion.tokenIds) !== undefined,
      knownAnswers: answers.known,
      onAnswer: (completion) => {
        answers.journal.append({ settings: answers.settings, completion });
        bar.advance(1);
      },
    });
  } finally {
    bar.done();
    answers.journal.close();
  }
}

/** The set that a row came from: what {@link readTraining} puts before the id when there are several. */
function setOf({ id }: { readonly id: string }): string {
  return id.includes("/") ? id.slice(0, id.lastIndexOf("/")) : "";
}

/** One line of the journal: an answer and the hash of all that it depends on. */
interface AnswerLine {
  readonly settings: string;
  readonly completion: Completion;
}

function openAnswers(
  options: DataPairsOptions,
  settings: string,
): { journal: Journal<AnswerLine>; known: Map<string, Completion>; settings: string } {
  const path = answersPath(options);
  const isResumed = existsSync(path);
  const journal = new Journal<AnswerLine>(path);
  if (isResumed && journal.rows.some((row) => row.settings !== settings)) {
    journal.close();
    throw new ConfigError(`${path}: expected answers of this model, data and limit, got others`, {
      hint: "it was left by an interrupted command with other options; remove it or name another --out",
    });
  }
  const known = new Map(journal.rows.map(({ completion }) => [completion.id, completion]));
  return { journal, known, settings };
}

function answersPath(options: DataPairsOptions): string {
  return `${options.out}.answers.jsonl`;
}

function messagesJson(row: PromptCompletion): { role: string; content: string }[] {
  return row.prompt.map(({ role, content }) => ({ role, content }));
}

function sourceOf({ name, path, sha256, licence, isNonCommercial }: ResolvedDataset) {
  return { source: name ?? path, sha256, licence, isNonCommercial };
}

function printReport(options: DataPairsOptions, report: PairReport): void {
  const kinds = ["safety", "harmless", "labelled"] as const;
  const rows = kinds.map((kind) => [
    kind,
    report.pairs[kind],
    report.asked[kind],
    report.contamination[kind].rows,
    report.contamination[kind].rows - report.contamination[kind].kept,
    report.repeatedPrompts[kind],
  ]);
  printTable(["kind", "pairs", "asked", "rows", "contaminated", "repeated prompts"], rows);
  const dropped = Object.entries(report.dropped).filter(([, n]) => n > 0);
  printLine(`rows that gave no pair: ${dropped.map(([why, n]) => `${why} ${n}`).join(", ") || "none"}`);
  printLine(
    `harmless chosen: ${report.harmlessChosen.own} of the model's own answers, ${report.harmlessChosen.reference} references`,
  );
  printLine(`${options.out}, counts in ${options.out}.report.json`);
  for (const kind of kinds)
    if (report.pairs[kind] < report.asked[kind])
      printWarning(`${kind}: ${report.asked[kind]} pairs asked, ${report.pairs[kind]} came about`);
}
