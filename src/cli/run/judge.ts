/** @file Runs `judge list`, `score` and `validate`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { requireWritable, writeFileDurably, writeJsonDurably } from "../../core/files.js";
import { sha256 } from "../../core/hash.js";
import { toExchanges, toLabelledExchanges } from "../../judges/labelled-rows.js";
import { isStandIn } from "../../judges/labels.js";
import { JUDGE_OPENERS, usage } from "../../judges/registry.js";
import { judgeRows, mistakes } from "../../judges/validate.js";
import { measureJudge } from "../../judges/validation.js";
import { VALIDATION_FILE } from "../../judges/validation-file.js";
import { renderMistakes } from "../../report/mistakes.js";
import type { Judge, Verdict } from "../../text/judge.js";
import type { Exchange } from "../../text/messages.js";
import type { JudgeListOptions, JudgeScoreOptions, JudgeValidateOptions } from "../command-options.js";
import { printJson, printLine, printTable } from "../output.js";
import { progress } from "../progress.js";
import { promptFieldOf, readAnswers } from "./answer-rows.js";
import { withJudge } from "./judge-models.js";
import { readLabelled } from "./label-reading.js";
import { cutSentence, printValidation } from "./print-validation.js";

/** Prints the judges that can be named. */
export function runJudgeList(options: JudgeListOptions): void {
  const judges = JUDGE_OPENERS.map((opener) => ({
    name: usage(opener),
    kind: opener.kind,
    what: opener.what,
  }));
  if (options.json === true) printJson({ judges });
  else
    printTable(
      ["name", "kind", "what"],
      judges.map(({ name, kind, what }) => [name, kind, what]),
    );
}

/** Judges a file of answers. */
export async function runJudgeScore(options: JudgeScoreOptions): Promise<void> {
  requireWritable(options.out);
  const answers = await readAnswers(options.data, options);
  const rows = toExchanges(answers.rows, promptFieldOf(options, answers.dataset.name));
  const { judge, judged } = await withJudge(options.judge, options, async (opened) => ({
    judge: { name: opened.name, hash: opened.hash },
    judged: await judgeAll(opened, rows, options.json === true),
  }));
  const lines = judged.map(({ id, verdict }) => `${JSON.stringify({ id, verdict })}\n`);
  await writeFileDurably(options.out, lines.join(""));
  const counts = countWords(judged.map(({ verdict }) => verdict));
  const cut = judged.filter(({ verdict }) => verdict.isCut).length;
  const { length: count } = judged;
  if (options.json === true)
    printJson({ judge: judge.name, judgeHash: judge.hash, rows: count, counts, cut, out: options.out });
  else {
    printTable(["verdict", "answers"], Object.entries(counts));
    if (cut > 0) printLine(cutSentence(cut));
    printLine(`${judged.length} answers judged into ${options.out}`);
  }
}

/** Measures a judge and writes `validation.json` and `mistakes.html`. */
export async function runJudgeValidate(options: JudgeValidateOptions): Promise<void> {
  const { dataset, rows: all } = await readAnswers(options.data, options);
  const { reading, rows: labelled } = readLabelled(options, dataset.name, all.slice(0, options.limit));
  const rows = toLabelledExchanges(labelled, reading);
  const file = join(options.out, VALIDATION_FILE);
  requireWritable(file);
  const { labelFile } = options;
  const { validation, judged } = await withJudge(options.judge, options, async (judge) => {
    isStandIn(judge.kind, reading.labels);
    const judged = await judgeAll(judge, rows, options.json === true);
    const validation = measureJudge(judge, judged, {
      labels: reading.labels,
      seed: options.seed,
      sameKind: options.sameKind ?? [],
      data: {
        ...dataset,
        labeller: reading.labeller,
        labelField: reading.rule.field,
        ...(labelFile === undefined
          ? {}
          : { labelFile: { path: labelFile, sha256: sha256(readFileSync(labelFile)) } }),
      },
    });
    return { validation, judged };
  });
  await writeJsonDurably(file, validation);
  const page = join(options.out, "mistakes.html");
  await writeFileDurably(page, renderMistakes(validation, mistakes(judged, reading.labels)));
  if (options.json === true) printJson(validation);
  else {
    printValidation(validation);
    printLine(`Written to ${file}; every mistake to read: ${page}`);
  }
}

async function judgeAll<Row extends Exchange>(judge: Judge, rows: readonly Row[], silent: boolean) {
  const bar = progress({ label: "judging", total: rows.length, unit: "answers", silent });
  try {
    return await judgeRows(judge, rows, () => bar.advance(1));
  } finally {
    bar.done();
  }
}

function countWords(verdicts: readonly Verdict[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, label } of verdicts) {
    const word = status === "ok" ? (label ?? "scored") : status;
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}
